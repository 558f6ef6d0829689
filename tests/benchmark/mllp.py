"""What the MLLP channel costs itself: CPU per message, against a bare echo on the same machine.

Run by hand, with any MLLP sender against the port; SIGTERM ends it and prints one JSON object.

    python tests/benchmark/mllp.py channel 2575      the channel; a stub committer settles groups
    python tests/benchmark/mllp.py echo 2576         frames cut at FS CR, a constant answer

The stub settles whatever arrived in one round of the loop in the next one, as group commit does,
without a disk. The ratio of the two CPU figures is the price of doing it right.
"""

import asyncio
import json
import resource
import signal
import sys
from collections.abc import Callable

from channels.mllp.inbound import SPEC
from engine.core.values import Envelope, Receipt
from engine.plugin.memory import surroundings
from engine.plugin.protocol import Admission

ANSWER = b"\x0bMSH|^~\\&|A|B|C|D|20261120||ACK^A01^ACK|1|P|2.5.1\rMSA|AA|%b\r\x1c\r"


class StubIntake:
    """Accepts everything in groups."""

    def __init__(self) -> None:
        self.count = 0
        self._group: list[Callable[[Receipt], None]] = []

    def submit(self, envelope: Envelope, done: Callable[[Receipt], None]) -> None:
        if not self._group:
            asyncio.get_running_loop().call_soon(self._settle)
        self._group.append(done)

    def full(self) -> bool:
        return False

    def on_drained(self, callback: Callable[[], None]) -> None:
        raise AssertionError("never full")

    def _settle(self) -> None:
        group, self._group = self._group, []
        for done in group:
            self.count += 1
            done(Receipt(self.count))


class Echo(asyncio.Protocol):
    """The least a receiver can do."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *frames, self._rest = (self._rest + data).split(b"\x1c\r")
        Echo.count += len(frames)
        answers = [ANSWER % frame.split(b"|", 10)[9] for frame in frames]
        self._transport.write(b"".join(answers))  # type: ignore[attr-defined]


async def serve(mode: str, port: int) -> int:
    """Serve until SIGTERM; returns how many messages were answered."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    if mode == "echo":
        server = await loop.create_server(Echo, "127.0.0.1", port)
        await ended.wait()
        server.close()
        return Echo.count
    intake = StubIntake()
    channel = SPEC.build(SPEC.config(port=port), surroundings(lambda _: Admission()))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(channel.run(intake, lambda _: None))
        await ended.wait()
        task.cancel()
    return intake.count


def main() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    count = asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures = {"messages": count, "cpu_us_per_message": round(cpu_s / max(count, 1) * 1e6, 1)}
    sys.stdout.write(json.dumps({"mode": sys.argv[1], **figures}) + "\n")


if __name__ == "__main__":
    main()
