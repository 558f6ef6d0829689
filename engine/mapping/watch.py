"""What becomes of each value of a message while a traced mapping runs. Costs nothing otherwise.

A value is a field of one segment, a column of a row or an element of one resource. Readers of
fields log what they read; whoever asked for the reading settles what it was for: a rule that gave
a value carried it, one that gave none lost it, a condition, a key or the name of a patient was
decided by it. Knows nothing of what a value should have become.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CARRIED, DECIDES, SECOND, LOST = "carried", "decides", "second", "lost"
Spot = tuple[int, str]  # index of the segment or resource, name of the field or element


@dataclass(frozen=True, slots=True)
class Use:
    """What became of one value.

    `second`: a rule names it, and another field came first.
    """

    place: int
    name: str
    state: str
    into: tuple[str, ...] = ()  # elements it was carried into


@dataclass(frozen=True, slots=True)
class Missed:
    """A code that its table does not have; `raw` as it was sent: a field, or JSON."""

    table: str  # empty where an element's own value set was asked
    element: str
    where: str
    raw: Any


class Watch:
    """The log of one message."""

    __slots__ = ("_carried", "_decided", "_lost", "_rows", "_second", "log", "missed", "wholes")

    def __init__(self) -> None:
        self.log: list[Spot] = []
        self.missed: list[Missed] = []
        self.wholes: list[Any] = []  # resources as source, in their order
        self._rows: dict[int, int] = {}  # identity of a row -> its segment
        self._carried: dict[Spot, dict[tuple[str, str], None]] = {}
        self._decided: set[Spot] = set()
        self._second: set[Spot] = set()
        self._lost: set[Spot] = set()

    def field(self, rows: list[list[str]], row: list[str], number: int, name: str) -> None:
        """Log that a field was read that holds something; `rows` are those of all segments."""
        if number >= len(row) or not row[number]:
            return
        place = self._rows.get(id(row))
        if place is None:
            self._rows = {id(known): index for index, known in enumerate(rows)}
            place = self._rows[id(row)]
        self.log.append((place, name))

    def element(self, whole: Any, kind: str, names: Iterable[str]) -> None:
        """Log that elements of a resource were read."""
        place = next((n for n, known in enumerate(self.wholes) if known is whole), -1)
        self.log += [(place, f"{kind}.{name}") for name in names if place >= 0 and name in whole]

    def take(self, mark: int) -> list[Spot]:
        """Return what was logged since, and forget it."""
        read = self.log[mark:]
        del self.log[mark:]
        return read

    def carry(self, read: Iterable[Spot], resource: str, element: str) -> None:
        for spot in read:
            self._carried.setdefault(spot, {})[resource, element] = None

    def decide(self, read: Iterable[Spot]) -> None:
        self._decided.update(read)

    def spare(self, read: Iterable[Spot]) -> None:
        self._second.update(read)

    def lose(self, read: Iterable[Spot]) -> None:
        self._lost.update(read)

    def uses(self, made: Iterable[str]) -> tuple[Use, ...]:
        """Say what became of all that was read; `made` are the resources (Type/id) there are."""
        known = set(made)
        found: dict[Spot, Use] = {}
        for spot, targets in self._carried.items():
            into = dict.fromkeys(element for resource, element in targets if resource in known)
            if into:
                found[spot] = Use(*spot, CARRIED, tuple(into))
        states = ((DECIDES, [*self.log, *self._decided]), (SECOND, self._second))
        for state, spots in (*states, (LOST, [*self._lost, *self._carried])):
            for spot in spots:
                found.setdefault(spot, Use(*spot, state))
        return tuple(found[spot] for spot in sorted(found))
