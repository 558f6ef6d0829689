"""An intake in memory and the surroundings to go with it: for the conformance kit and for tests.

It promises no durability. Everything a channel may meet can be set: receipts held back, a fault, an
exception, no room.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.core.clock import Clock, SystemClock
from engine.core.fault import Fault
from engine.core.values import Envelope, Receipt
from engine.plugin.event import ChannelEvent
from engine.plugin.protocol import Admission, Admit, Surroundings
from engine.plugin.tally import Tally

Done = Callable[[Receipt], None]


@dataclass(slots=True)
class MemoryIntake:
    """Satisfies `Intake`. `taken` is what it accepted, in order."""

    taken: list[Envelope] = field(default_factory=list)
    hold: bool = False  # keep receipts back until `release`
    fault: Fault | None = None  # refuse everything with it
    error: Exception | None = None  # raise it
    is_full: bool = False
    _held: list[tuple[Envelope, Done]] = field(default_factory=list)
    _drained: list[Callable[[], None]] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def submit(self, envelope: Envelope, done: Done) -> None:
        if self.error is not None:
            raise self.error
        if self.hold:
            self._held.append((envelope, done))
            self._arrived.set()
        else:
            self._settle(envelope, done)

    def full(self) -> bool:
        return self.is_full

    def on_drained(self, callback: Callable[[], None]) -> None:
        self._drained.append(callback)

    @property
    def held(self) -> int:
        return len(self._held)

    async def arrival(self) -> None:
        """Wait until a receipt is being held back."""
        while not self._held:
            self._arrived.clear()
            await self._arrived.wait()

    def release(self) -> None:
        """Settle what was held back, and hold nothing back from now on."""
        self.hold = False
        held, self._held = self._held, []
        for envelope, done in held:
            self._settle(envelope, done)

    def make_room(self) -> None:
        self.is_full = False
        waiting, self._drained = self._drained, []
        for callback in waiting:
            callback()

    def _settle(self, envelope: Envelope, done: Done) -> None:
        if self.fault is not None:
            done(Receipt(fault=self.fault))
            return
        self.taken.append(envelope)
        done(Receipt(position=len(self.taken)))


def surroundings(
    admit: Admit = lambda _: Admission(),
    events: list[ChannelEvent] | None = None,
    clock: Clock | None = None,
) -> Surroundings:
    """Return what a channel `trial` of the site `mercy` is given; `events` collects reports."""
    report = (lambda _: None) if events is None else events.append
    return Surroundings("trial", "mercy", clock or SystemClock(), admit, report, Tally())
