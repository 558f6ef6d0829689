"""What a channel that asks for its deliveries remembers: how far it got, what it has, what to get.

Most channels remember nothing. One that fetches cannot do without: where it stopped, which contents
it has handed on, and which resources an event has named that nobody sent. The engine keeps that
beside the offsets, for every host of a region. All calls block; one thread at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Held:
    """A resource of the server as it was last handed on. `code` says why it was refused, if so."""

    name: str  # Type/id
    digest: str
    code: str = ""
    search: str = ""  # which search brought it last
    sweep_us: int = 0  # begin of the comparison that saw it last


@dataclass(frozen=True, slots=True)
class Ask:
    """A resource that an event named. `position` is the journal entry of the newest such event."""

    reference: str
    position: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Deed:
    """What is remembered together or not at all."""

    notes: Mapping[str, str] = field(default_factory=dict)
    held: Sequence[Held] = ()
    settled: Sequence[Ask] = ()  # done, unless a newer event has named them since
    later: Sequence[tuple[Ask, int]] = ()  # tried in vain; when to try again


class Memory(Protocol):
    """One channel's memory. FaultError `busy` or `unavailable` when it cannot be reached."""

    def notes(self) -> Mapping[str, str]:
        """Return everything noted, by name."""
        ...

    def held(self, names: Sequence[str]) -> Mapping[str, Held]:
        """Return those of the resources that are known."""
        ...

    def keep(self, deed: Deed) -> None:
        """Make it durable. FaultError `fenced-off` when another host has the turn."""
        ...

    def asks(self, most: int, now_us: int) -> list[Ask]:
        """Return what events of the site named and is due, the oldest first."""
        ...

    def waiting(self) -> int:
        """Count what events of the site named and is not fetched yet."""
        ...

    def forget_unseen(self, search: str, sweep_us: int) -> int:
        """Forget what a whole comparison did not see any more; returns how many that were."""
        ...

    def take_turn(self) -> bool:
        """Show that this process lives, and tell whether it is the one to fetch."""
        ...
