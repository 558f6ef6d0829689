"""What is wrong in mapping files, collected so that one run reports everything.

Codes are explained in `codes`. Places and frames are those of all files that people write.
"""

import re
from collections.abc import Iterable

from engine.core.problem import Place, Problem

__all__ = ["MappingErrors", "Place", "Problem", "Problems"]


class MappingErrors(Exception):  # noqa: N818 - it carries all errors of a run
    """All problems of one compilation, in the order of the files."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} problems in the mapping files")
        self.problems = problems

    def frame(self) -> str:
        """Render all problems and their number."""
        count = len(self.problems)
        tail = f"{count} problem{'s' if count != 1 else ''} in the mapping files"
        return "\n\n".join([*(problem.frame() for problem in self.problems), tail])


IDENTITY = "identity"
_NOBODY = "E240"  # nothing says who a patient is
# Something that is named is not there: a path or map, segment, table, resource, label of patients.
_MISSED = frozenset({"E120", "E202", "E210", "E224", "E230", "E252"})
_NAMED = re.compile(r"'([^']+)'")


def _order(problem: Problem) -> tuple[str, int, int, str]:
    place = problem.place
    return place.file, place.line, place.column, problem.code


class Problems:
    """Collects what is found; the same thing at the same place only once."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}
        self._lost: set[str] = set()

    def lose(self, *names: str) -> None:
        """Say what may be missed elsewhere for what could not be read: no mistake of its own."""
        self._lost.update(names)

    def report(self, code: str, place: Place, message: str, advice: str = "") -> None:
        """Keep a problem."""
        self._found[Problem(code, message, place, advice)] = None

    def add(self, problems: Iterable[Problem]) -> None:
        """Keep problems found elsewhere."""
        self._found.update(dict.fromkeys(problems))

    def include(self, other: "Problems") -> None:
        """Keep what others found, and what could not be read there."""
        self._found.update(other._found)
        self._lost |= other._lost

    def __len__(self) -> int:
        return len(self._found)

    def raise_any(self) -> None:
        """Raise MappingErrors when anything was reported."""
        if self._found:
            raise MappingErrors(self.own())

    def own(self) -> tuple[Problem, ...]:
        """Return what was found, in the order of the files, but for what follows from others."""
        return tuple(sorted((one for one in self._found if not self._follows(one)), key=_order))

    def _follows(self, problem: Problem) -> bool:
        if problem.code == _NOBODY:
            return IDENTITY in self._lost
        if problem.code not in _MISSED or not self._lost:
            return False
        named = _NAMED.findall(problem.message)
        return any(not self._lost.isdisjoint((name, *name.split("."))) for name in named)
