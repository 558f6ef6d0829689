"""Which rule lines no test would miss: each is left out, and the cases that it spoke in run again.

A line is left out where it gives its values, which is what deleting it would come to; the rest of
the plan stays compiled. Only cases that held are asked, those of the file beside it first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.mapping.testing.coverage import Line
from engine.mapping.testing.suite import Result, Suite

_TESTS, _MAPS = ".test.yaml", ".yaml"


@dataclass(frozen=True, slots=True)
class Tried:
    """A line that was left out; `missed` when some case noticed."""

    line: Line
    missed: bool


def tried(suite: Suite, results: Sequence[Result], lines: Iterable[Line]) -> Iterator[Tried]:
    """Leave out each exercised line, one after the other, and yield what came of it."""
    held = [result for result in results if not result.differences]
    speaking: dict[str, list[Result]] = {}
    for result in held:
        for name in result.found.lines:
            speaking.setdefault(name, []).append(result)
    for line in lines:
        cases = speaking.get(str(line), ())
        if cases:
            yield Tried(line, _is_missed(suite, line, cases))


def _is_missed(suite: Suite, line: Line, cases: Sequence[Result]) -> bool:
    beside = line.file.removesuffix(_MAPS) + _TESTS
    near = sorted(cases, key=lambda one: (one.case.file != beside, len(one.found.lines)))
    return any(_fails(suite, line, result) for result in near)


def _fails(suite: Suite, line: Line, result: Result) -> bool:
    probe = result.bench.probe
    probe.left_out = str(line)
    try:
        found = suite.outcome(result.case, result.bench)
        return bool(suite.differences(result.case, found))
    finally:
        probe.left_out = ""
