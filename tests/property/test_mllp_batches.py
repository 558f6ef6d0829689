"""Batches among single messages under any interleaving: each message once, each frame in order."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from channels.mllp.answer import Answers
from channels.mllp.connection import Connection
from channels.mllp.framing import Frame, Framer, wrap
from channels.mllp.lobby import Lobby
from channels.mllp.settings import MllpIn
from engine.core.fault import Category, Fault
from engine.core.values import Envelope, Receipt
from engine.plugin.memory import surroundings
from engine.plugin.protocol import Admission

REFUSED = Fault(Category.UNSUPPORTED, "unknown-trigger", "no rule", "MSH-9")
BUSY = Fault(Category.BUSY, "intake-full", "no room")
shapes = st.lists(
    st.tuples(st.sampled_from(["single", "batch", "bare"]), st.integers(0, 7)), max_size=6
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["feed", "feed", "settle", "settle", "refuse", "full", "room", "turn"]),
        st.integers(0, 9),
    ),
    max_size=60,
)


def message(number: int) -> bytes:
    return f"MSH|^~\\&|A|B|C|D|||ADT^A01|{number}|P|2.5.1\rZZZ|{'z' * number}\r".encode()


def number_of(body: bytes) -> int:
    return int(body.split(b"|")[9])


def admit(body: bytes) -> Admission:
    return Admission(fault=REFUSED if number_of(body) % 3 == 2 else None)


def frames(plan: list[tuple[str, int]]) -> tuple[bytes, list[list[int]]]:
    """Return the stream, and for each frame that comes back the numbers it has to answer."""
    numbers = count()
    stream, answers = b"", []
    for kind, size in plan:
        if kind == "single":
            size = 1  # noqa: PLW2901 - whatever was drawn
        if kind == "bare":
            size += 2  # noqa: PLW2901 - fewer are a single message, or none
        own = [next(numbers) for _ in range(size)]
        body = b"".join(map(message, own))
        stream += wrap(b"BHS|^~\\&|A\r" + body + b"BTS|%d\r" % size if kind == "batch" else body)
        answers += [own] if kind == "batch" else [[one] for one in own]
    return stream, answers


@dataclass
class Wire:
    """A transport in memory; frames written to it are read back as lists of (code, number)."""

    framer: Framer = field(default_factory=lambda: Framer(1_000_000))
    answers: list[list[tuple[str, int]]] = field(default_factory=list)
    reading: bool = True
    closed: bool = False

    def get_extra_info(self, name: str) -> Any:
        return self if name == "socket" else ("127.0.0.1", 40_000)

    def setsockopt(self, *_: int) -> None:
        return

    def write(self, data: bytes) -> None:
        for item in self.framer.feed(data):
            assert isinstance(item, Frame)
            lines = [line.split(b"|") for line in item.body.split(b"\r")]
            msa = [(line[1].decode(), int(line[2])) for line in lines if line[0] == b"MSA"]
            self.answers.append(msa)

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def close(self) -> None:
        self.closed = True


@dataclass
class Disk:
    """An intake whose receipts are given by hand, in any order."""

    is_full: bool = False
    held: list[tuple[int, Callable[[Receipt], None]]] = field(default_factory=list)
    waiting: list[Callable[[], None]] = field(default_factory=list)
    outcome: dict[int, bool] = field(default_factory=dict)

    def submit(self, envelope: Envelope, done: Callable[[Receipt], None]) -> None:
        assert not self.is_full
        self.held.append((number_of(envelope.body), done))

    def full(self) -> bool:
        return self.is_full

    def on_drained(self, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def settle(self, which: int, *, good: bool) -> None:
        if self.held:
            number, done = self.held.pop(which % len(self.held))
            assert number not in self.outcome
            self.outcome[number] = good
            done(Receipt(1) if good else Receipt(fault=BUSY))

    def make_room(self) -> None:
        self.is_full = False
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


@dataclass
class Play:
    stream: bytes
    expected: list[list[int]]
    connection: Connection
    wire: Wire
    disk: Disk
    at: int = 0

    async def step(self, kind: str, number: int) -> None:
        if kind == "feed" and self.wire.reading and self.at < len(self.stream):
            piece = self.stream[self.at : self.at + 1 + number * 60]
            self.at += len(piece)
            self.connection.data_received(piece)
        elif kind in {"settle", "refuse"}:
            self.disk.settle(number, good=kind == "settle")
        elif kind == "full":
            self.disk.is_full = True
        elif kind == "room":
            self.disk.make_room()
        elif kind == "turn":
            await asyncio.sleep(0)

    def check(self) -> None:
        for numbers, answer in zip(self.expected, self.wire.answers, strict=False):
            assert [number for _, number in answer] == numbers
            for code, number in answer:
                good = number % 3 != 2 and self.disk.outcome[number]  # KeyError: told too early
                assert (code == "AA") == good

    async def finish(self) -> None:
        for _ in range(len(self.stream) + 10):
            for kind in ("room", "feed", "settle", "turn"):
                await self.step(kind, 9)
            if len(self.wire.answers) == len(self.expected):
                return


@settings(max_examples=150, deadline=None)
@given(shapes, steps, st.integers(1, 6))
def test_each_message_is_told_once_and_each_frame_in_order(
    plan: list[tuple[str, int]], interleaving: list[tuple[str, int]], max_pipelined: int
) -> None:
    async def run() -> None:
        place = surroundings(admit)
        disk, wire = Disk(), Wire()
        lobby = Lobby(MllpIn(port=0, max_pipelined=max_pipelined), place, disk)
        connection = Connection(lobby, Answers(place.clock))
        connection.connection_made(cast("asyncio.Transport", wire))
        play = Play(*frames(plan), connection, wire, disk)
        for kind, number in interleaving:
            await play.step(kind, number)
            play.check()
            assert len(disk.held) <= max_pipelined
        await play.finish()
        play.check()
        assert len(wire.answers) == len(play.expected)
        assert wire.reading
        assert not wire.closed
        tally = place.tally
        assert tally.received == tally.accepted + tally.refused == sum(map(len, play.expected))
        assert (tally.pending, connection.held_bytes) == (0, 0)

    asyncio.run(run())
