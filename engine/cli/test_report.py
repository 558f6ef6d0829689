"""What `concord test` says of its cases: for people line by line, for programs as one object."""

from collections.abc import Sequence
from typing import Any

from engine.mapping.testing.accept import Accepted
from engine.mapping.testing.compare import Difference
from engine.mapping.testing.coverage import Line, shares, total
from engine.mapping.testing.suite import Result

_PLURAL = "s"
_MOST = 5  # rules named that gave nothing


def failure(result: Result, folder: str) -> str:
    """Return the lines about a case that does not hold; `folder` is that of the mappings."""
    case = result.case
    head = f"FAILED {folder}/{case.file}:{case.place.line} {case.name.text}"
    return "\n".join([head, *(_difference(result, one, folder) for one in result.differences)])


def _difference(result: Result, one: Difference, folder: str) -> str:
    shown = [f"  {one.what}", f"    expected {one.expected}", f"    actual   {one.actual}"]
    shown += [f"    from {_rule(rule, folder)}" for rule in one.rules]
    silent = result.silent(one)
    shown += [f"    nothing from {_rule(rule, folder)}" for rule in silent[:_MOST]]
    if len(silent) > _MOST:
        shown.append(f"    nor from {len(silent) - _MOST} other rules")
    return "\n".join(shown)


def _rule(rule: str, folder: str) -> str:
    source, _, line = rule.rpartition(" at ")
    return f"{source} at {folder}/{line}"


def accepted(changes: Accepted, folder: str) -> list[str]:
    """Return what was changed in the tests, and what was not and why."""
    lines = []
    for result in changes.taken:
        for one in result.differences:
            place = f"{folder}/{one.place.file}:{one.place.line}"
            lines.append(f"accepted {place} {one.what}: {one.expected} -> {one.actual}")
    for result in changes.left:
        name = result.case.name.text
        lines.append(f"not accepted: '{name}', which is refused or noted what nobody expected")
        lines.append(f"  if that is meant: --accept --accept-faults '{name}'")
    return lines


def summary(asked: int, run: int, failed: int, found: Sequence[Line]) -> str:
    """Return the last line: of so many cases, so many could be run, so many failed."""
    share = total(found)
    cases = f"{asked} case{_PLURAL * (asked != 1)}, {failed} failed"
    if run < asked:
        return f"{cases}, {asked - run} could not be run"
    if not found:
        return cases
    return f"{cases}; {share.exercised} of {share.lines} rule lines exercised ({share.percent} %)"


def table(found: Sequence[Line]) -> list[str]:
    """Return the share of each file."""
    return [
        f"{one.percent:>4} % {one.exercised:>4} of {one.lines:<4} {one.file}"
        for one in shares(found)
    ]


def unexercised(found: Sequence[Line], folder: str) -> list[str]:
    """Return the lines that no case exercised."""
    left = (line for line in found if not line.exercised)
    return [f"not exercised: {folder}/{line} {line.fills}" for line in left]


def unmissed(found: Sequence[Line], folder: str) -> list[str]:
    """Return the lines that no case would miss."""
    return [f"no test fails if {folder}/{line} is deleted: {line.fills}" for line in found]


def as_dict(
    results: Sequence[Result],
    found: Sequence[Line],
    unmissed: Sequence[Line],
    changes: Accepted | None,
) -> dict[str, Any]:
    """Return everything for programs."""
    return {
        "cases": [_case(result) for result in results],
        "failed": sum(bool(result.differences) for result in results),
        "accepted": [result.case.name.text for result in changes.taken] if changes else [],
        "coverage": {
            "lines": len(found),
            "exercised": sum(line.exercised for line in found),
            "files": {one.file: [one.exercised, one.lines] for one in shares(found)},
            "unexercised": [str(line) for line in found if not line.exercised],
            "unmissed": [str(line) for line in unmissed],
        },
    }


def _case(result: Result) -> dict[str, Any]:
    case = result.case
    return {
        "file": case.file,
        "line": case.place.line,
        "name": case.name.text,
        "passed": not result.differences,
        "differences": [
            {
                "what": one.what,
                "expected": one.expected,
                "actual": one.actual,
                "line": one.place.line,
                "rules": list(one.rules),
                "silent": list(result.silent(one)),
            }
            for one in result.differences
        ],
    }
