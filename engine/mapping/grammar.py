"""What the expressions of one resource map may refer to."""

from dataclasses import dataclass, field

from rapidfuzz import process

from engine.mapping.problem import Problems
from engine.mapping.tables import Table
from engine.mapping.vocabulary import Declared

_NEAR = 60  # of 100; below it a suggestion puzzles more than it helps
SlotKey = tuple[str, ...]  # groups, then a segment


@dataclass(slots=True)
class Slots:
    """The segments a resource map reads, each at its own index; 0 is the map's own segment."""

    keys: dict[SlotKey, int] = field(default_factory=dict)

    def index(self, key: SlotKey) -> int:
        return self.keys.setdefault(key, len(self.keys))


@dataclass(frozen=True, slots=True)
class Grammar:
    problems: Problems
    slots: Slots
    declared: Declared
    tables: dict[str, Table]
    site: dict[str, str]  # `$site.name` -> value
    repetition: str = ""  # datatype of `$`, empty where there is none


def closest(name: str, known: list[str]) -> str:
    """Return the advice `did you mean ...?`, or nothing when no name is near."""
    found = process.extractOne(name, known, score_cutoff=_NEAR)
    return f"did you mean '{found[0]}'?" if found else ""
