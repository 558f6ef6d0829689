"""What came out, put in place of what a test expected: only those values of the file change.

Comments, order and layout stay as they are. A refusal or a diagnostic nobody expected is accepted
for cases that are named alone: it is more often a mistake than a wish.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engine.core.strict_yaml import stretches
from engine.mapping.testing import golden
from engine.mapping.testing.compare import Difference
from engine.mapping.testing.suite import Result

_BOM = "\ufeff"
_FLOW = "{"


@dataclass(frozen=True, slots=True)
class Accepted:
    """New texts of files, by path below the mappings folder, and what was not accepted."""

    tests: dict[str, str]
    goldens: dict[str, bytes]
    taken: tuple[Result, ...]
    left: tuple[Result, ...]


def accepted(
    results: Iterable[Result], texts: dict[str, str], named: Collection[str] = ()
) -> Accepted:
    """Accept what failed. `texts` are the files of tests, `named` cases whose faults are meant."""
    failed = [result for result in results if result.differences]
    taken = [one for one in failed if not _has_fault(one) or one.case.name.text in named]
    files = {result.case.file for result in taken}
    changed = {
        file: _rewritten(texts[file], [one for one in taken if one.case.file == file])
        for file in files
    }
    goldens = {
        result.case.golden.path: golden.text(result.found)
        for result in taken
        if result.case.golden and any(_is_golden(one) for one in result.differences)
    }
    left = tuple(one for one in failed if one not in taken)
    tests = {file: text for file, text in changed.items() if text != texts[file]}
    return Accepted(tests, goldens, tuple(taken), left)


def _has_fault(result: Result) -> bool:
    return any(one.fault for one in result.differences)


def _is_golden(one: Difference) -> bool:
    return one.node is None and not one.fault


def _rewritten(text: str, results: list[Result]) -> str:
    lead, body = text[: text.startswith(_BOM)], text.removeprefix(_BOM)
    places = stretches(body)
    edits = [
        _edit(body, places, result, one)
        for result in results
        for one in result.differences
        if not _is_golden(one)
    ]
    for start, end, new in sorted(edits, reverse=True):
        body = body[:start] + new + body[end:]
    return lead + body


def _edit(
    text: str, places: dict[tuple[int, int], tuple[int, int]], result: Result, one: Difference
) -> tuple[int, int, str]:
    """Return what is to stand between which characters."""
    if one.node is not None:
        mark = one.node.mark
        start, end = places[mark.line, mark.column]
        gap = " " if text[start - 1 : start] == ":" else ""
        return start, end, gap + one.actual
    case, name = result.case.place, result.case.name.mark
    begin, _ = places[case.line, case.column]
    _, end = places[name.line, name.column]
    if text.startswith(_FLOW, begin):
        return end, end, f", {one.what}: {one.actual}"
    at = _line_end(text, end)
    line = "\r\n" if text.startswith("\r\n", at) else "\n"
    return at, at, f"{line}{' ' * (case.column - 1)}{one.what}: {one.actual}"


def _line_end(text: str, start: int) -> int:
    found = text.find("\n", start)
    if found < 0:
        return len(text)
    return found - (text[found - 1] == "\r")
