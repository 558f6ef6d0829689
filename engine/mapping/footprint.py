"""The raw text of everything a rule can read, as a key: equal keys, equal results.

A key of one field is its text, one of several a flat tuple; the texts of segments that a rule sees
all of stand beside them. Knows no rule.
"""

from collections.abc import Callable, Hashable, Mapping
from operator import itemgetter

from engine.mapping.grammar import Touched
from engine.mapping.scope import WIDTH, Scope

Reads = tuple[tuple[int, int], ...]  # slots and fields
Read = Callable[[Scope], Hashable]


def length(key: Hashable) -> int:
    """Return how many characters a key has."""
    if isinstance(key, str):
        return len(key)
    return sum([length(part) for part in key]) if isinstance(key, tuple) else 0


def reader(touched: Touched) -> Read:
    """Return what reads the raw text of all fields, and of all segments, that a rule can see."""
    reads, lists = tuple(sorted(touched.reads)), tuple(sorted(touched.lists))
    fields = _fields(reads)
    if not lists:
        return fields
    names, slots = tuple([name for name, _ in lists]), tuple([slot for _, slot in lists])

    def both(scope: Scope) -> Hashable:
        shape = scope.shape
        if not any(shape[slot] for slot in slots):
            return fields(scope)
        segments, known = scope.bound.segments, scope.env.segments
        texts = tuple([tuple([known[s.index].text for s in segments.get(n, ())]) for n in names])
        return fields(scope), texts

    return both


def _nothing(_: Scope) -> Hashable:
    """Read nothing: a literal gives the same for every message."""
    return ""


def _fields(reads: Reads) -> Read:
    """Return what reads one text, or a flat tuple of several in this order."""
    if not reads:
        return _nothing
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


def _checked(reads: Reads) -> Read:
    """Read fields beyond the width that every row has."""

    def read(scope: Scope) -> Hashable:
        rows = scope.rows
        return tuple([row[n] if n < len(row := rows[slot]) else "" for slot, n in reads])

    return read


def picker(reads: Reads, places: Mapping[int, int]) -> Callable[[list[str]], Hashable]:
    """Return what reads the same key from rows put one after the other.

    `places` says where the row of a slot begins.
    """
    if not reads:
        return lambda _: ""
    return itemgetter(*[places[slot] + number for slot, number in reads])
