"""Where results of rules are kept: a shelf for each rule, and the room that all of a plan share.

Bounded for a plan as a whole; a rule whose fields never repeat rests. Knows no rule and no message.
"""

from collections.abc import Hashable
from typing import Any, NamedTuple, TypeVar

from engine.mapping.scope import Effect

T = TypeVar("T")
ROOM = 2048  # what a plan remembers of late; as much again is kept until it is used or pushed out
_SAME = 4_096  # things of which there is one object
_TRIAL = 200  # misses after which a rule is judged
_REST = 10_000  # runs a rule rests for when its fields do not repeat; twice as long each time
_LONGEST_REST = 160_000


class Made(NamedTuple):
    """What a rule gave, and did."""

    value: Any
    nulled: bool
    defaulted: bool
    effects: tuple[Effect, ...]
    plain: bool  # there was neither a null nor a default
    proven: bool  # the value is valid where the rule puts it


class Shelf:
    """What one rule made, by the fields it read."""

    __slots__ = ("hits", "misses", "old", "pause", "rest", "young")

    def __init__(self) -> None:
        self.young: dict[Hashable, Made] = {}
        self.old: dict[Hashable, Made] = {}
        self.hits = self.misses = self.rest = 0
        self.pause = _REST  # the next rest

    def judge(self) -> None:
        """Let a rule rest that hardly ever sees the same fields again."""
        self.misses += 1
        if self.misses >= _TRIAL:
            if self.hits * 8 < self.misses:
                self.rest, self.pause = self.pause, min(self.pause * 2, _LONGEST_REST)
                self.young, self.old = {}, {}
            self.hits = self.misses = 0


class Memory:
    """The shelves of a plan and the room they share."""

    __slots__ = ("_free", "_full", "_same")

    def __init__(self) -> None:
        self._full: dict[int, Shelf] = {}  # shelves that hold something, by identity
        self._free = ROOM
        self._same: dict[str, Any] = {}

    def kept(self, text: str) -> Any:
        """Return what is kept under a text, None when there is nothing."""
        return self._same.get(text)

    def first(self, text: str, value: T) -> T:
        """Return what was first kept under a text; equal things made apart become one object."""
        if len(self._same) >= _SAME:
            self._same.clear()
        kept: T = self._same.setdefault(text, value)
        return kept

    def keep(self, shelf: Shelf, key: Hashable, made: Made) -> None:
        """Remember; when the room is used up, what was not asked for lately goes."""
        if not shelf.young:
            self._full[id(shelf)] = shelf
        shelf.young[key] = made
        self._free -= 1
        if self._free <= 0:
            self._age()

    def _age(self) -> None:
        for each in self._full.values():
            each.young, each.old = {}, each.young
        self._full = {place: each for place, each in self._full.items() if each.old}
        self._free = ROOM

    @property
    def size(self) -> int:
        """How many results are remembered."""
        return sum(len(shelf.young) + len(shelf.old) for shelf in self._full.values())
