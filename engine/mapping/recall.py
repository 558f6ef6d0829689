"""What a rule made of the same fields before: rules are pure, and codes, people and places repeat.

A rule is remembered by the raw text of everything it can read, together with what it did beside
giving a value: nulls met, defaults used, diagnostics, resources linked. Remembering never changes
what is made. Memory is bounded for a plan as a whole; a rule whose fields never repeat rests.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeVar

from engine.mapping.grammar import Touched
from engine.mapping.scope import WIDTH, Effect, Scope

T = TypeVar("T")
Op = Callable[[Scope], Any]
Proves = Callable[[Any], bool]  # whether a value is valid R4 where it will stand
ROOM = 2048  # what a plan remembers of late; as much again is kept until it is used or pushed out
LONGEST = 1_000  # characters of the fields of one rule; longer ones are texts and documents
_SAME = 4_096  # things of which there is one object
_PARTS = 1_024  # results of one part of a key or one condition
_MISSED: Any = object()
_TRIAL = 1_000  # misses after which a rule is judged
_REST = 10_000  # runs a rule rests for when its fields do not repeat; twice as long each time
_LONGEST_REST = 160_000


@dataclass(frozen=True, slots=True)
class Made:
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

    __slots__ = ("_free", "_same", "_shelves")

    def __init__(self) -> None:
        self._shelves: list[Shelf] = []
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

    def shelf(self) -> Shelf:
        """Return an empty shelf for one more rule."""
        shelf = Shelf()
        self._shelves.append(shelf)
        return shelf

    def keep(self, shelf: Shelf, key: Hashable, made: Made) -> None:
        """Remember; when the room is used up, what was not asked for lately goes."""
        shelf.young[key] = made
        self._free -= 1
        if self._free <= 0:
            for each in self._shelves:
                each.young, each.old = {}, each.young
            self._free = ROOM

    @property
    def size(self) -> int:
        """How many results are remembered."""
        return sum(len(shelf.young) + len(shelf.old) for shelf in self._shelves)


@dataclass(frozen=True, slots=True)
class Recall:
    """The memory of a rule, for those who look into it before they run the rule."""

    shelf: Shelf
    reads: tuple[tuple[int, int], ...]  # slots and fields whose texts are the key


def remembering(
    op: Op, touched: Touched, memory: Memory, proves: Proves | None
) -> tuple[Op, Recall | None]:
    """Return the rule with a memory; the rule itself when it reads more than fields.

    What is remembered has been judged by `proves` once; without it, the rule is sound. Where the
    fields alone are the key, its memory can be asked with `picker`, too.
    """
    if touched.more:
        return op, None
    shelf, read = memory.shelf(), _reader(touched)

    def recalled(scope: Scope) -> Any:
        if shelf.rest:
            shelf.rest -= 1
            return op(scope)
        key = read(scope)
        made = shelf.young.get(key)
        if made is None:
            made = shelf.old.get(key)
            if made is None:
                made = _learnt(op, scope, proves)
                shelf.judge()
                if shelf.rest == 0 and _length(key) <= LONGEST:
                    memory.keep(shelf, key, made)
                return made.value
            memory.keep(shelf, key, made)
        shelf.hits += 1
        scope.proven = made.proven
        scope.doubtful = not made.proven
        if not made.plain or made.effects:
            _again(made, scope)
        return made.value

    reads = tuple(sorted(touched.reads))
    plain = not touched.lists and all(number < WIDTH for _, number in reads)
    return recalled, Recall(shelf, reads) if plain and reads else None


def picker(
    reads: tuple[tuple[int, int], ...], places: Mapping[int, int]
) -> Callable[[list[str]], Hashable]:
    """Return what reads the key of a rule from rows put one after the other.

    `places` says where the row of a slot begins.
    """
    return itemgetter(*[places[slot] + number for slot, number in reads])


def repeated(read: Callable[[Scope], T], touched: Touched) -> Callable[[Scope], T]:
    """Return a part of a key, or a condition, with a small memory: it has no effect but its value.

    Whether a null was met is lost: what is no element has nothing to clear.
    """
    if touched.more or touched.lists:
        return read
    key_of = _reader(touched)
    known: dict[Hashable, Any] = {}

    def recalled(scope: Scope) -> T:
        key = key_of(scope)
        kept: T = known.get(key, _MISSED)
        if kept is not _MISSED:
            return kept
        found = read(scope)
        if _length(key) <= LONGEST:
            if len(known) >= _PARTS:
                known.clear()
            known[key] = found
        return found

    return recalled


def _again(made: Made, scope: Scope) -> None:
    scope.nulled = scope.nulled or made.nulled
    scope.defaulted = scope.defaulted or made.defaulted
    for effect in made.effects:
        effect(scope)


def _learnt(op: Op, scope: Scope, proves: Proves | None) -> Made:
    env = scope.env
    nulled, defaulted = scope.nulled, scope.defaulted
    scope.nulled = scope.defaulted = False
    effects: list[Effect] = []
    env.effects = effects
    value = op(scope)
    env.effects = None
    plain = not (scope.nulled or scope.defaulted)
    if proves is None:
        proven = scope.env.usual and not scope.doubtful
    else:
        proven = value is not None and proves(value)
    made = Made(value, scope.nulled, scope.defaulted, tuple(effects), plain, proven)
    scope.nulled, scope.defaulted = nulled or made.nulled, defaulted or made.defaulted
    scope.proven = proven
    scope.doubtful = not proven
    return made


def _nothing(_: Scope) -> Hashable:
    """Read nothing: a literal gives the same for every message."""
    return ""


def _length(key: Hashable) -> int:
    if isinstance(key, str):
        return len(key)
    return sum(_length(part) for part in key) if isinstance(key, tuple) else 0


def _reader(touched: Touched) -> Callable[[Scope], Hashable]:
    """Return what reads the raw text of all fields, and of all segments, that a rule can see."""
    reads, lists = tuple(sorted(touched.reads)), tuple(sorted(touched.lists))
    fields = _fields(reads) if reads else _nothing
    if not lists:
        return fields

    def both(scope: Scope) -> Hashable:
        segments = scope.bound.segments
        known = scope.env.segments
        texts = tuple([tuple([known[s.index].text for s in segments.get(n, ())]) for n in lists])
        return fields(scope), texts

    return both


def _fields(reads: tuple[tuple[int, int], ...]) -> Callable[[Scope], Hashable]:
    """Return what reads one text, or a flat tuple of several in this order, as `picker` does."""
    if any(number >= WIDTH for _, number in reads):
        return _checked(reads)
    if len(reads) == 1:
        ((slot, number),) = reads
        return lambda scope: scope.rows[slot][number]
    if len({slot for slot, _ in reads}) == 1:
        slot, pick = reads[0][0], itemgetter(*[number for _, number in reads])
        return lambda scope: pick(scope.rows[slot])

    def several(scope: Scope) -> Hashable:
        rows = scope.rows
        return tuple([rows[slot][number] for slot, number in reads])

    return several


def _checked(reads: tuple[tuple[int, int], ...]) -> Callable[[Scope], Hashable]:
    """Read fields beyond the width that every row has."""

    def read(scope: Scope) -> Hashable:
        rows = scope.rows
        return tuple([row[n] if n < len(row := rows[slot]) else "" for slot, n in reads])

    return read
