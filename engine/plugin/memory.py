"""An intake and a memory that last as long as the process, and the surroundings to go with them.

For the conformance kit and for tests.

It promises no durability. Everything a channel may meet can be set: receipts held back, a fault, an
exception, no room.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.core.clock import Clock, SystemClock
from engine.core.fault import Fault
from engine.core.values import Envelope, Receipt
from engine.plugin.event import ChannelEvent
from engine.plugin.protocol import Admission, Admit, Surroundings
from engine.plugin.recall import Ask, Deed, Held
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


@dataclass(slots=True)
class FleetingMemory:
    """Satisfies `Memory`. `error` is raised by whatever would be kept."""

    noted: dict[str, str] = field(default_factory=dict)
    known: dict[str, Held] = field(default_factory=dict)
    asked: dict[str, tuple[Ask, int]] = field(default_factory=dict)  # with when it is due
    has_turn: bool = True
    error: Exception | None = None

    def ask(self, reference: str, position: int = 1) -> None:
        """Let an event have named a resource."""
        self.asked[reference] = (Ask(reference, position), 0)

    def notes(self) -> Mapping[str, str]:
        return dict(self.noted)

    def held(self, names: Sequence[str]) -> Mapping[str, Held]:
        return {name: self.known[name] for name in names if name in self.known}

    def keep(self, deed: Deed) -> None:
        if self.error is not None:
            raise self.error
        self.noted |= deed.notes
        self.known |= {one.name: one for one in deed.held}
        for one in deed.settled:
            if self.asked.get(one.reference, (None, 0))[0] == one:
                del self.asked[one.reference]
        for one, due_us in deed.later:
            self.asked[one.reference] = (replace(one, tries=one.tries + 1), due_us)

    def asks(self, most: int, now_us: int) -> list[Ask]:
        due = [(due_us, one.position, one) for one, due_us in self.asked.values()]
        return [one for due_us, _, one in sorted(due, key=lambda row: row[:2]) if due_us <= now_us][
            :most
        ]

    def waiting(self) -> int:
        return len(self.asked)

    def forget_unseen(self, search: str, sweep_us: int) -> int:
        unseen = [
            name
            for name, one in self.known.items()
            if one.search == search and one.sweep_us < sweep_us
        ]
        for name in unseen:
            del self.known[name]
        return len(unseen)

    def take_turn(self) -> bool:
        return self.has_turn


def surroundings(
    admit: Admit = lambda _: Admission(),
    events: list[ChannelEvent] | None = None,
    clock: Clock | None = None,
) -> Surroundings:
    """Return what a channel `trial` of the site `mercy` is given; `events` collects reports."""
    report = (lambda _: None) if events is None else events.append
    memory = FleetingMemory()
    return Surroundings(
        *("trial", "mercy", clock or SystemClock(), admit, report, Tally()), memory=lambda: memory
    )
