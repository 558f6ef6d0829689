"""Acknowledgements per second of the SQLite journal against raw append + fdatasync.

    python -m tests.benchmark.journal [--virtual] [--connections 32] [--messages 10000] [--rounds 5]

The floor is the same MLLP channel and the same group commit over a file that is only appended to;
all run interleaved, because a disk's speed moves within minutes. What counts is the ratio. With
`--virtual` there are no sockets: callers send one message, wait for its receipt and send the next,
so that nothing but the journal is left to compare. With `--postgresql DSN` also on a server, whose
own processor time is not counted.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Container, Sequence
from pathlib import Path

from channels.mllp.inbound import SPEC
from engine.core.clock import SystemClock
from engine.core.values import HL7_V2, Entry, Envelope, Receipt
from engine.journal.group_commit import GroupCommit
from engine.journal.postgres import found_postgres_journal, open_postgres_journal
from engine.journal.protocol import Batch, Journal, JournalIdentity
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.plugin.memory import surroundings
from engine.plugin.protocol import Admission
from tests.benchmark.traffic import stream

MESSAGE = b"MSH|^~\\&|".ljust(1536, b"x")


class RawJournal:
    """The floor: bytes appended to a file, one fdatasync per group."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._head = 0

    def identity(self) -> JournalIdentity:
        return JournalIdentity("raw", 1, 1)

    def append(self, envelopes: Sequence[Envelope]) -> list[int]:
        os.write(self._file, b"".join(envelope.body for envelope in envelopes))
        os.fdatasync(self._file)
        first = self._head + 1
        self._head += len(envelopes)
        return list(range(first, self._head + 1))

    def head(self) -> int:
        return self._head

    def read_on(
        self, after: int, limit: int, max_bytes: int, partitions: Container[int] | None
    ) -> Batch:
        return Batch((), after)

    def entry(self, position: int) -> Entry | None:
        return None

    def close(self) -> None:
        os.close(self._file)


def sqlite_factory(folder: Path, key: bytes | None) -> Callable[[], Journal]:
    def opened() -> Journal:
        folder.mkdir(exist_ok=True)
        found_journal(folder, lambda _: key, instance="benchmark")
        return SqliteJournal(folder, lambda _: key)

    return opened


def postgresql_factory(dsn: str) -> Callable[[], Journal]:
    schema = f"benchmark_{os.getpid()}"

    def opened() -> Journal:
        found_postgres_journal(dsn, schema, instance="benchmark")
        return open_postgres_journal(dsn, schema)

    return opened


async def rate(
    factory: Callable[[], Journal], connections: int, seconds: float
) -> tuple[float, float]:
    """Return acknowledgements per second and microseconds of CPU for each."""
    commit = GroupCommit(factory, max_bytes=64 << 20, max_count=10_000)
    commit.start()
    clock = SystemClock()
    acknowledged = 0
    end = time.perf_counter() + seconds

    def send(number: int) -> None:
        envelope = Envelope(
            "adt", "mercy", HL7_V2, MESSAGE, clock.now_us(), f"M{number}", str(number)
        )
        commit.submit(envelope, lambda receipt: answered(receipt, number))

    def answered(receipt: Receipt, number: int) -> None:
        nonlocal acknowledged
        if receipt.fault is not None:
            raise RuntimeError(receipt.fault.code)
        acknowledged += 1
        if time.perf_counter() < end:
            send(number + connections)

    started, used = time.perf_counter(), time.process_time()
    for number in range(connections):
        send(number)
    await asyncio.sleep(seconds)
    await commit.stop()
    cpu_us = (time.process_time() - used) * 1e6 / acknowledged
    return acknowledged / (time.perf_counter() - started), cpu_us


async def served_rate(
    factory: Callable[[], Journal], connections: int, frames: Path
) -> tuple[float, float]:
    """Return what `rate` does, of the MLLP channel before the journal and a sender process."""
    commit = GroupCommit(factory, max_bytes=64 << 20, max_count=10_000)
    commit.start()
    channel = SPEC.build(SPEC.config(port=0), surroundings(_admitted))
    bound = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(channel.run(commit, bound.set_result))
        port = (await bound)[0].rpartition(":")[2]
        command = ["-m", "tests.benchmark.sender", f"{port}:{frames}:{connections}"]
        used = time.process_time()
        sender = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE
        )
        told = json.loads((await sender.communicate())[0])
        used = time.process_time() - used
        serving.cancel()
    await commit.stop()
    return told["rate"], used * 1e6 / told["answered"]


def _admitted(body: bytes) -> Admission:
    control_id = body.split(b"|", 10)[9].decode()
    return Admission(control_id, control_id)


def write_frames(path: Path, count: int) -> None:
    """Write framed admissions for `served_rate`."""
    bodies = (one.body for one in stream("adt", count))
    path.write_bytes(b"".join(b"\x0b" + body + b"\x1c\r" for body in bodies))


def probe(path: Path, seconds: float) -> float:
    """Appends and fdatasyncs per second of one message."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        os.write(file, MESSAGE)
        os.fdatasync(file)
        count += 1
    os.close(file)
    return count / seconds


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--connections", type=int, default=32)
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--messages", type=int, default=10_000)
    options.add_argument("--virtual", action="store_true")
    options.add_argument("--postgresql", metavar="DSN", default="")
    chosen = options.parse_args()
    measured: dict[str, list[tuple[float, float]]] = {
        "raw": [],
        "plain": [],
        "encrypted": [],
        "probe": [],
    }
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        factories: dict[str, Callable[[], Journal]] = {
            "raw": lambda: RawJournal(folder / "raw"),
            "plain": sqlite_factory(folder / "plain", None),
            "encrypted": sqlite_factory(folder / "encrypted", bytes(range(32))),
        }
        if chosen.postgresql:
            measured["postgresql"] = []
            factories["postgresql"] = postgresql_factory(chosen.postgresql)
        frames = folder / "frames"
        write_frames(frames, chosen.messages)
        for _ in range(chosen.rounds):
            measured["probe"].append((probe(folder / "probe", 0.5), 0.0))
            for kind, factory in factories.items():
                going = (
                    rate(factory, chosen.connections, chosen.seconds)
                    if chosen.virtual
                    else served_rate(factory, chosen.connections, frames)
                )
                measured[kind].append(asyncio.run(going))
    report(measured, chosen.connections)


def report(measured: dict[str, list[tuple[float, float]]], connections: int) -> None:
    load = os.getloadavg()[0]
    sys.stdout.write(f"{connections} connections, {len(MESSAGE)} bytes, load {load:.1f}\n")
    for kind, figures in measured.items():
        ratios = [
            mine / floor for (mine, _), (floor, _) in zip(figures, measured["raw"], strict=True)
        ]
        rates, cpu_us = zip(*figures, strict=True)
        sys.stdout.write(
            f"{kind:10} {statistics.median(rates):8.0f}/s  "
            f"of raw {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})  "
            f"CPU {statistics.median(cpu_us):5.1f} us\n"
        )


if __name__ == "__main__":
    main()
