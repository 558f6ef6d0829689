"""What was found in a document, kept for the other chains that hold the same one.

A verdict holds wherever everything that the document asked of its surroundings has the same answer:
its code tables, the fields that overlays declare, what the messages of the chain make.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.mapping.grammar import Reads
from engine.mapping.node import Fields
from engine.mapping.parts import Labels
from engine.mapping.problem import Problems
from engine.mapping.tables import Table
from engine.mapping.vocabulary import Declared

K = TypeVar("K")
V = TypeVar("V")
_NONE: Any = object()


class Asked(Mapping[K, V]):
    """Notes what is asked of a mapping. That its names are listed, to suggest one, is not."""

    __slots__ = ("_answers", "_there", "_whole")

    def __init__(self, whole: Mapping[K, V]) -> None:
        self._whole = whole
        self._there: dict[object, bool] = {}
        self._answers: dict[K, V] = {}

    def __getitem__(self, name: K) -> V:
        self._answers[name] = self._whole.get(name, _NONE)
        return self._whole[name]

    def __contains__(self, name: object) -> bool:
        found = self._there[name] = name in self._whole
        return found

    def __iter__(self) -> Iterator[K]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)

    def agrees(self, other: Mapping[K, V]) -> bool:
        """Whether another mapping gives the same answers."""
        there = all((name in other) is known for name, known in self._there.items())
        return there and all(
            other.get(name, _NONE) == answer for name, answer in self._answers.items()
        )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the documents of a chain can ask while they are compiled."""

    tables: Mapping[str, Table]
    segments: Declared  # fields that overlays declare
    labels: Mapping[str, Labels]  # type -> element -> names of its parts
    made: Mapping[str, bool]  # types of resources that some message of the chain makes
    datatypes: Mapping[tuple[str, str], Fields]  # conversions written as mappings


@dataclass(frozen=True, slots=True)
class Verdict:
    """What compiling a document gave, and on what that rests."""

    result: Any
    problems: Problems
    reads: Reads
    asked: tuple[Asked[Any, Any], ...]
    about: tuple[object, ...]  # keeps alive what the key names by identity

    def holds(self, around: Surroundings) -> bool:
        return all(one.agrees(other) for one, other in zip(self.asked, _all(around), strict=True))


def _all(around: Surroundings) -> tuple[Mapping[Any, Any], ...]:
    return around.tables, around.segments, around.labels, around.made, around.datatypes


def noting(around: Surroundings) -> tuple[Surroundings, tuple[Asked[Any, Any], ...]]:
    """Return the same surroundings so that they note what is asked of them."""
    asked = tuple(Asked(whole) for whole in _all(around))
    return Surroundings(*asked), asked


@dataclass(slots=True)
class Verdicts:
    """The verdicts of a run. Results are bound to the chain they were made for: not to be run."""

    known: dict[Hashable, list[Verdict]] = field(default_factory=dict)

    def find(self, key: Hashable, around: Surroundings) -> Verdict | None:
        return next((one for one in self.known.get(key, ()) if one.holds(around)), None)

    def keep(self, key: Hashable, verdict: Verdict) -> None:
        self.known.setdefault(key, []).append(verdict)
