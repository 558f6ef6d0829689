"""Sends framed messages over many MLLP connections and measures the acknowledgements.

    python -m tests.benchmark.sender 2575:mercy.mllp:16 2576:lakeside.mllp:16

Each argument is a port, a file and a number of connections. A connection has one message in flight
and takes the next of its file when it is answered, as an interface engine does. Prints one JSON
object: counts, seconds from the first byte to the last answer, answers a second, latencies in ms.
"""

import asyncio
import json
import os
import sys
import time
from collections import deque
from pathlib import Path

_END = b"\x1c\r"


class Lines:
    """The connections of one file."""

    def __init__(self, frames: deque[bytes]) -> None:
        self.frames = frames
        self.waited_s: list[float] = []
        self.refused = 0
        self.lost = 0


class Line(asyncio.Protocol):
    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._rest = b""
        self._sent_s = 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if self._rest.endswith(_END):
            self._lines.waited_s.append(time.perf_counter() - self._sent_s)
            accepted = b"MSA|AA" in self._rest or b"MSA|CA" in self._rest
            self._lines.refused += not accepted
            self._rest = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self._lines.lost += 1
            self.ended.set_result(None)

    def _next(self) -> None:
        if self._lines.frames:
            self._sent_s = time.perf_counter()
            self._transport.write(self._lines.frames.popleft())
        elif not self.ended.done():
            self.ended.set_result(None)
            self._transport.close()


async def _connected(port: int, lines: Lines) -> Line:
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(lambda: Line(lines), "127.0.0.1", port)
    return line


async def send(wanted: list[tuple[int, Path, int]]) -> dict[str, float]:
    """Send everything; `wanted` is port, file and connections."""
    loaded = []
    for port, path, connections in wanted:
        frames = [frame + _END for frame in path.read_bytes().split(_END) if frame]
        loaded.append((port, Lines(deque(frames)), connections))
    began_s = time.perf_counter()
    ended = []
    for port, lines, connections in loaded:
        ended += [(await _connected(port, lines)).ended for _ in range(connections)]
    for one in ended:
        await one
    seconds = time.perf_counter() - began_s
    several = [lines for _, lines, _ in loaded]
    waited_s = sorted(one for lines in several for one in lines.waited_s)
    return {
        "answered": len(waited_s),
        "refused": sum(lines.refused for lines in several),
        "lost": sum(lines.lost for lines in several),
        "seconds": seconds,
        "rate": len(waited_s) / seconds,
        "p50_ms": waited_s[len(waited_s) // 2] * 1e3,
        "p99_ms": waited_s[len(waited_s) * 99 // 100] * 1e3,
        "max_ms": waited_s[-1] * 1e3,
    }


def main() -> None:
    wanted = []
    for argument in sys.argv[1:]:
        port, path, connections = argument.split(":")
        wanted.append((int(port), Path(path), int(connections)))
    figures = asyncio.run(send(wanted))
    spent = os.times()
    figures["cpu_s"] = spent.user + spent.system
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
