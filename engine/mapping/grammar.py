"""What the expressions of one resource map may refer to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rapidfuzz import process

from engine.mapping.plugged import NO_FUNCTIONS, Functions
from engine.mapping.problem import Place, Problems
from engine.mapping.tables import Table
from engine.mapping.vocabulary import Declared
from engine.r4.elements import Element

_NEAR = 60  # of 100; below it a suggestion puzzles more than it helps
SlotKey = tuple[str, ...]  # groups, then a segment


Reads = dict[str, dict[str, Place]]  # field, column or element -> file -> a rule that reads it
Gate = tuple[tuple[int, int], ...]  # (slot, field number)


@dataclass(slots=True)
class Needs:
    """Which fields a rule can give a value from; `free` when it may give one from none of them.

    Most rules of a map find nothing in a given message: knowing the fields, a run skips them.
    """

    reads: set[tuple[int, int]] = field(default_factory=set)
    free: bool = False

    def add(self, other: "Needs") -> None:
        self.reads |= other.reads
        self.free = self.free or other.free

    def gate(self) -> Gate | None:
        """Return the fields of which one must be present, None when the rule always runs."""
        return None if self.free else tuple(sorted(self.reads))


@dataclass(slots=True)
class Touched:
    """Everything a rule can see, conditions and defaults included."""

    reads: set[tuple[int, int]] = field(default_factory=set)
    # Segments it sees all of, in its own group, with their slots.
    lists: set[tuple[str, int]] = field(default_factory=set)
    more: bool = False  # it sees more than fields: what was made, the patient, the arrival time

    def add(self, other: "Touched") -> None:
        self.reads |= other.reads
        self.lists |= other.lists
        self.more = self.more or other.more


@dataclass(slots=True)
class Slots:
    """The segments a resource map reads, each at its own index; 0 is the map's own segment."""

    keys: dict[SlotKey, int] = field(default_factory=dict)
    needs: Needs = field(default_factory=Needs)  # of the rule being compiled
    touched: Touched = field(default_factory=Touched)  # by the rule being compiled

    @contextmanager
    def apart(self) -> Iterator[Needs]:
        """Collect the needs of a part by themselves."""
        before, own = self.needs, Needs()
        self.needs = own
        try:
            yield own
        finally:
            self.needs = before

    @contextmanager
    def watched(self) -> Iterator[Touched]:
        """Collect what a part can see; the whole sees it, too."""
        before, own = self.touched, Touched()
        self.touched = own
        try:
            yield own
        finally:
            before.add(own)
            self.touched = before

    def index(self, key: SlotKey) -> int:
        return self.keys.setdefault(key, len(self.keys))


@dataclass(frozen=True, slots=True)
class Grammar:
    problems: Problems
    slots: Slots
    declared: Declared
    tables: Mapping[str, Table]
    site: dict[str, str]  # `$site.name` -> value
    repetition: str = ""  # datatype of `$`, empty where there is none
    columns: Mapping[str, int] | None = None  # of the feed whose rows are mapped: name -> field
    element: Element | None = None  # of a resource: what paths and `$` start from
    whole: Element | None = None  # the resource itself, `%resource`
    assigner: Callable[[str], str] | None = None  # name of an assigning authority -> its system
    unit: Callable[[str, str], str] | None = None  # a unit and what it is a code of -> UCUM
    traced: bool = False  # what is read is logged, see `watch`
    reads: Reads = field(default_factory=dict)
    functions: Functions = NO_FUNCTIONS

    def note_read(self, name: str, mark: Place) -> None:
        """Keep that a rule reads something."""
        self.reads.setdefault(name, {}).setdefault(mark.file, mark)


def closest(name: str, known: list[str]) -> str:
    """Return the advice `did you mean ...?`, or nothing when no name is near."""
    found = process.extractOne(name, known, score_cutoff=_NEAR)
    return f"did you mean '{found[0]}'?" if found else ""
