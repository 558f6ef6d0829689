"""Registers with parts: an element that several rules of a mapping fill, each with what it says.

`identifier` of PID-3 and PID-19 has two parts, `period` has a start and an end. Each part is a
last-writer-wins register of its own. The value of a list are the items of its parts, equal ones
once; that of an object its members. Pure; knows no mapping, and not how stamps are written.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engine.core.distinct import distinct
from engine.r4.invariants import RULES

Stamp = tuple[int, int, int]
"""rank, source time in microseconds, journal position: the greater one holds."""

_in_order = RULES["Period"]["per-1"]


class Piece(NamedTuple):
    """What holds of one part. `value` are the items of a list, or a member; None: emptied."""

    stamp: Stamp
    value: Any


Pieces = Mapping[str, Piece]
"""The parts of an element by their names, in the order in which the element shows them."""


def ordered(pieces: Pieces, labels: Sequence[str]) -> Pieces:
    """Put parts into the order of a mapping; those it does not have come last, by name."""
    known = [label for label in labels if label in pieces]
    if list(pieces) == known:
        return pieces
    known += sorted(pieces.keys() - set(known))
    return {label: pieces[label] for label in known}


def shown(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the members of an object that may stand beside each other.

    An end before the start is held, but not shown (R4, per-1): other messages said them.
    """
    if "start" in members and "end" in members and not _in_order(dict(members)):
        return {name: value for name, value in members.items() if name != "end"}
    return members


def composed(pieces: Pieces, *, listed: bool) -> Any:
    """Return the value of an element, an array if it is `listed`; None when no part has one."""
    held = {label: piece.value for label, piece in pieces.items() if piece.value is not None}
    if not held:
        return None
    return distinct(held.values()) if listed else shown(held)
