"""What a check returns: nothing when all is well, else the list of problems with where they are.

A problem knows the path from the value that was checked, never from the root; whoever looked into a
container puts its step in front. So a valid resource, the usual case, builds no path at all.
Messages hold codes, element names and type names of the standard: never a value.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One defect. `path` starts with `.` or `[`, or is empty for the value itself."""

    code: str
    message: str
    path: str = ""


NOTHING: frozenset[str] = frozenset()


class Scope:
    """What a check has to know of the resource around it; one per validation."""

    __slots__ = ("conditional", "depth", "local", "proven")

    def __init__(self, *, depth: int = 0, conditional: bool = False) -> None:
        self.depth = depth
        self.conditional = conditional  # a transaction may refer to `Type?query` (http.html#trules)
        self.proven = NOTHING  # elements of the resource whose values are known to be valid
        self.local = False  # whether anything was met that depends on what is around


Found = list[Problem] | None
Check = Callable[[Any, Scope], Found]


def at(step: str, found: list[Problem]) -> list[Problem]:
    """Put the step into a container (`.name`, `[2]`) in front of the problems found there."""
    return [Problem(code, message, step + path) for code, message, path in found]
