"""One connection under any interleaving: each frame answered once, in order, never too early."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
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

FRAMES = 20
REFUSED = Fault(Category.UNSUPPORTED, "unknown-trigger", "no rule", "MSH-9")
BUSY = Fault(Category.BUSY, "intake-full", "no room")
STREAM = b"".join(
    wrap(f"MSH|^~\\&|A|B|C|D|||ADT^A01|{number}|P|2.5.1\rZZZ|{'z' * number}\r".encode())
    for number in range(FRAMES)
)
KINDS = ("feed", "feed", "settle", "settle", "refuse", "full", "room", "turn")
steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 9)), max_size=80)


def number_of(body: bytes) -> int:
    return int(body.split(b"|")[9])


def admit(body: bytes) -> Admission:
    return Admission(fault=REFUSED if number_of(body) % 3 == 2 else None)


class Socket:
    def setsockopt(self, *_: int) -> None:
        return


@dataclass
class Wire:
    """A transport in memory; what is written to it is read back as (code, number)."""

    framer: Framer = field(default_factory=lambda: Framer(100_000))
    answers: list[tuple[str, int]] = field(default_factory=list)
    reading: bool = True
    closed: bool = False

    def get_extra_info(self, name: str) -> Any:
        return Socket() if name == "socket" else ("127.0.0.1", 40_000)

    def write(self, data: bytes) -> None:
        for item in self.framer.feed(data):
            assert isinstance(item, Frame)
            msa = next(line for line in item.body.split(b"\r") if line.startswith(b"MSA"))
            code, control_id = msa.split(b"|")[1:3]
            self.answers.append((code.decode(), int(control_id)))

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
            self.outcome[number] = good
            done(Receipt(1) if good else Receipt(fault=BUSY))

    def make_room(self) -> None:
        self.is_full = False
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


@dataclass
class Play:
    connection: Connection
    wire: Wire
    disk: Disk
    at: int = 0

    async def step(self, kind: str, number: int) -> None:
        if kind == "feed" and self.wire.reading and self.at < len(STREAM):
            piece = STREAM[self.at : self.at + 1 + number * 30]
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
        for place, (code, number) in enumerate(self.wire.answers):
            assert number == place
            good = number % 3 != 2 and self.disk.outcome[number]  # KeyError: told before asked
            assert (code == "AA") == good

    async def finish(self) -> None:
        """Give it all it can ask for; a connection that still waits then waits for ever."""
        for _ in range(len(STREAM)):
            for kind in ("room", "feed", "settle", "turn"):
                await self.step(kind, 9)
            if len(self.wire.answers) == FRAMES:
                return


@settings(max_examples=150, deadline=None)
@given(steps, st.integers(1, 6))
def test_each_frame_is_answered_once_in_order_and_not_too_early(
    plan: list[tuple[str, int]], max_pipelined: int
) -> None:
    async def run() -> None:
        place = surroundings(admit)
        disk, wire = Disk(), Wire()
        lobby = Lobby(MllpIn(port=0, max_pipelined=max_pipelined), place, disk)
        connection = Connection(lobby, Answers(place.clock))
        connection.connection_made(cast("asyncio.Transport", wire))
        play = Play(connection, wire, disk)
        for kind, number in plan:
            await play.step(kind, number)
            play.check()
            assert len(disk.held) <= max_pipelined
        await play.finish()
        play.check()
        assert len(wire.answers) == FRAMES
        assert wire.reading
        assert not wire.closed
        tally = place.tally
        assert tally.received == tally.accepted + tally.refused == FRAMES
        assert tally.pending == 0

    asyncio.run(run())
