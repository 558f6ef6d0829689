"""What is known to be valid of the resources that one map makes, so that nobody validates it again.

Where each element is proven by itself, what R4 asks of their names alone was asked before, and only
rules that compare elements are left.
"""

from typing import Any

from engine.core.values import WHOLE
from engine.r4.invariants import RULES
from engine.r4.validate import validate

_SHAPES = 1_024  # combinations of names remembered


class Proof:
    """The proofs of one resource type; `sound` when `meta` is valid as the map writes it."""

    __slots__ = ("_known", "_rules", "_sound", "_type")

    def __init__(self, resource: str, *, sound: bool) -> None:
        self._type = resource
        self._sound = sound
        self._rules = tuple(RULES.get(resource, {}).values())
        self._known: dict[tuple[str, ...], frozenset[str]] = {}  # what is proven of these names

    def of(self, body: dict[str, Any], doubtful: set[str]) -> frozenset[str]:
        """Return what is proven of a body of which some elements are doubtful."""
        if doubtful or not self._sound:
            return frozenset(body.keys() - doubtful - (set() if self._sound else {"meta"}))
        names = tuple(body)
        proven = self._known.get(names)
        if proven is None:
            proven = self._first(names, body)
        for rule in self._rules:
            if not rule(body):
                return proven - {WHOLE}
        return proven

    def _first(self, names: tuple[str, ...], body: dict[str, Any]) -> frozenset[str]:
        """Ask what is asked of names.

        Contained resources, and what stands beside lists of primitives, is looked at in each.
        """
        proven = frozenset(names)
        if validate(body, proven):
            return proven
        beside = [body[name] for name in names if name.startswith("_")]
        if "contained" not in names and all(type(value) is dict for value in beside):
            proven |= {WHOLE}
        if len(self._known) >= _SHAPES:
            self._known.clear()
        self._known[names] = proven
        return proven
