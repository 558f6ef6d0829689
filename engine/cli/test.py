"""`concord test`: the tests beside the mappings, what they exercise, what no test would miss."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.cli import test_report as report
from engine.cli.check_formats import as_dict
from engine.cli.test_accept import accept
from engine.cli.test_asked import BASE, Asked, asked, folder_of, shown
from engine.cli.told import told
from engine.core.fault import Category, refuse
from engine.mapping.library import TESTS
from engine.mapping.problem import Problem
from engine.mapping.testing.coverage import Line, lines
from engine.mapping.testing.mutate import tried
from engine.mapping.testing.suite import Result

_PROBLEMS, _BAD_CONFIG = 1, 78
_TELL_S = 0.2  # between two lines of progress
MOST_S = 300  # for leaving lines out


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class How:
    """What to do beside running the cases.

    Parameters
    ----------
    accept
        Write what came out in place of what was expected, and show what changed.
    accept_faults
        The name of a case that --accept takes although it is refused, or has diagnostics, which
        nobody expected. May be given several times.
    coverage
        Say for each mapping file how many of its rule lines the cases exercised.
    uncovered
        List the rule lines that no case exercised.
    mutate
        List the rule lines that no case would miss: each is left out once.
    as_json
        Print JSON.
    """

    accept: Annotated[bool, Parameter(negative="")] = False
    accept_faults: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    coverage: Annotated[bool, Parameter(negative="")] = False
    uncovered: Annotated[bool, Parameter(name="--lines", negative="")] = False
    mutate: Annotated[bool, Parameter(negative="")] = False
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False


@told
def run_tests(
    paths: list[Path] | None = None,
    *,
    matching: Annotated[str, Parameter(name=["-k", "--matching"])] = "",
    how: How | None = None,
) -> int:
    """Run the tests beside the mappings (*.test.yaml).

    Parameters
    ----------
    paths
        Test files, or folders with such files; without them all below `mappings`.
    matching
        Only cases whose file or name holds this text.
    how
        What to do beside running the cases.
    """
    given = paths or []
    folder = folder_of(given)
    if not (folder / BASE).is_dir():
        print(f"concord: {folder} has no layer '{BASE}'", file=sys.stderr)
        return _BAD_CONFIG
    wanted = asked(folder, given, matching)
    results = [found for case in wanted.cases if (found := wanted.suite.run(case)) is not None]
    if not (wanted.cases or len(wanted.suite.problems)):
        message = f"no test to run: files of tests end in {TESTS}"
        raise refuse(Category.NOT_FOUND, "nothing-to-test", message, " ".join(map(str, given)))
    return _tell(wanted, results, how or How())


def _tell(wanted: Asked, results: list[Result], how: How) -> int:
    """Say what came of the cases; return the exit code."""
    problems = wanted.suite.problems.own()
    every = lines(wanted.suite.benches(), results)
    found = [line for line in every if wanted.is_meant(line)]
    unmissed = list(_unmissed(wanted, results, found)) if how.mutate else []
    failed = [result for result in results if result.differences]
    changes = accept(wanted.folder, failed, how.accept_faults) if how.accept else None
    left = failed if changes is None else list(changes.left)
    if how.as_json:
        said = report.as_dict(results, found, unmissed, changes)
        print(json.dumps({**said, "problems": [as_dict(one) for one in problems]}))
    else:
        folder = shown(wanted.folder)
        _show(problems, left, folder)
        told = report.accepted(changes, folder) if changes else []
        told += report.table(found) * how.coverage
        told += report.unexercised(found, folder) * how.uncovered
        told += report.unmissed(unmissed, folder)
        told.append(report.summary(len(wanted.cases), len(results), len(left), found))
        print("\n".join(told))
    return _BAD_CONFIG if problems else _PROBLEMS if left else 0


def _show(problems: Sequence[Problem], failed: Sequence[Result], folder: str) -> None:
    for result in failed:
        print(report.failure(result, folder), end="\n\n")
    if problems:
        print("\n\n".join(one.frame() for one in problems), file=sys.stderr)
        number = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        print(f"\n{number}; `concord explain CODE` says more", file=sys.stderr)


def _unmissed(wanted: Asked, results: Sequence[Result], found: Sequence[Line]) -> Iterator[Line]:
    """Yield the lines no case would miss; a terminal is told how far it is."""
    visible, began_s, told_s = sys.stderr.isatty(), time.monotonic(), 0.0
    exercised = sum(line.exercised for line in found)
    for number, one in enumerate(tried(wanted.suite, results, found), 1):
        now_s = time.monotonic()
        if visible and now_s - told_s > _TELL_S:
            told_s = now_s
            print(f"\r\x1b[Kleft out {number} of {exercised} lines", end="", file=sys.stderr)
        if not one.missed:
            yield one.line
        if now_s - began_s > MOST_S and number < exercised:
            text = f"stopped after {MOST_S} s with {exercised - number} lines to go"
            print(f"\n{text}: name files, or cases with -k", file=sys.stderr)
            return
    if visible:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
