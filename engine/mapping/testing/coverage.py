"""Which lines of the mapping the tests exercised: those whose rules gave something in some case.

The lines are those of rules in the effective mapping of the chains under test; a line that an
overlay replaced is none. A condition counts where it has a line of its own; it is exercised when it
kept something back. Code tables and keys have no value of their own, so they are not counted.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engine.mapping.testing.suite import Bench, Result


@dataclass(frozen=True, slots=True)
class Line:
    """A line of rules: what it fills and from what, as `Patient.name from PID-5`."""

    file: str
    number: int
    fills: str
    exercised: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


def lines(benches: Collection[Bench], results: Iterable[Result]) -> list[Line]:
    """Return all rule lines, by file and number."""
    seen = {line for result in results for line in result.found.lines}
    known: dict[str, str] = {}
    for bench in benches:
        for line, rules in bench.probe.rules.items():
            known.setdefault(line, ", ".join(_filling(*rule) for rule in rules))
    for bench in benches:
        for line, text in bench.probe.conditions.items():  # that have a line of their own
            known.setdefault(line, text)
    found = [Line(*_place(line), fills, line in seen) for line, fills in known.items()]
    return sorted(found, key=lambda one: (one.file, one.number))


def _filling(path: str, source: str) -> str:
    return f"{path} from {source}" if source else path


def _place(line: str) -> tuple[str, int]:
    file, _, number = line.rpartition(":")
    return file, int(number)


@dataclass(frozen=True, slots=True)
class Share:
    """How many lines of a file the tests exercised."""

    file: str
    exercised: int
    lines: int

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 means all."""
        return self.exercised * 100 // self.lines if self.lines else 100


def shares(found: Iterable[Line]) -> list[Share]:
    """Return the share of each file."""
    counts: dict[str, tuple[int, int]] = {}
    for line in found:
        exercised, number = counts.get(line.file, (0, 0))
        counts[line.file] = exercised + line.exercised, number + 1
    return [Share(file, *count) for file, count in counts.items()]


def total(found: Iterable[Line]) -> Share:
    """Return the share of all files together."""
    every = list(found)
    return Share("", sum(line.exercised for line in every), len(every))
