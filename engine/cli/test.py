"""`concord test`: the tests beside the mappings, what they exercise, what no test would miss."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.cli import test_report
from engine.cli.check import as_dict, chains
from engine.cli.told import told
from engine.core.fault import Category, refuse
from engine.mapping.library import TESTS, files_below, read_library, read_tests
from engine.mapping.problem import Problem, Problems
from engine.mapping.testing.case import Case, FileOf
from engine.mapping.testing.coverage import lines
from engine.mapping.testing.suite import Result, Suite, cases_of

_PROBLEMS, _BAD_CONFIG = 1, 78
_BASE = "base"
DEFAULT_FOLDER = Path("mappings")


@dataclass(frozen=True, slots=True)
class _Asked:
    """The cases to run, and what they run on."""

    cases: list[Case]
    suite: Suite


def _folder(paths: Sequence[Path]) -> Path:
    """Return the mappings folder the paths lie in, or the usual one."""
    for path in paths:
        for above in (path.absolute(), *path.absolute().parents):
            if (above / _BASE).is_dir():
                return above
    return DEFAULT_FOLDER


def _is_asked(case: Case, folder: Path, paths: Sequence[Path], text: str) -> bool:
    file = (folder / case.file).absolute()
    below = [path for path in paths if file.is_relative_to(path.absolute())]
    return (bool(below) or not paths) and text.lower() in f"{case.file} {case.name.text}".lower()


def _asked(folder: Path, paths: Sequence[Path], text: str) -> _Asked:
    problems = Problems()
    known = dict(files_below(folder))
    library = read_library(folder)
    found = cases_of(read_tests(folder), known, problems)
    cases = [case for case in found if _is_asked(case, folder, paths, text)]
    named = [case.given.path for case in cases if isinstance(case.given, FileOf)]
    named += [case.golden.path for case in cases if case.golden and case.golden.path in known]
    files = {path: known[path].read_bytes() for path in named}
    return _Asked(cases, Suite(library, {c[-1]: c for c in chains(library)}, files, problems))


def _run(asked: _Asked) -> list[Result]:
    found = [asked.suite.run(case) for case in asked.cases]
    return [result for result in found if result is not None]


def _mistakes(problems: Sequence[Problem]) -> None:
    print("\n\n".join(one.frame() for one in problems), file=sys.stderr)
    number = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    print(f"\n{number}; `concord explain CODE` says more", file=sys.stderr)


@told
def run_tests(
    paths: list[Path] | None = None,
    *,
    matching: Annotated[str, Parameter(name=["-k", "--matching"])] = "",
    coverage: Annotated[bool, Parameter(negative="")] = False,
    uncovered: Annotated[bool, Parameter(name="--lines", negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Run the tests beside the mappings (*.test.yaml).

    Parameters
    ----------
    paths
        Test files, or folders with such files; without them all below `mappings`.
    matching
        Only cases whose file or name holds this text.
    coverage
        Say for each mapping file how many of its rule lines the cases exercised.
    uncovered
        List the rule lines that no case exercised.
    as_json
        Print JSON.
    """
    given = paths or []
    folder = _folder(given)
    if not (folder / _BASE).is_dir():
        print(f"concord: {folder} has no layer '{_BASE}'", file=sys.stderr)
        return _BAD_CONFIG
    asked = _asked(folder, given, matching)
    results = _run(asked)
    problems = asked.suite.problems.own()
    if not (asked.cases or problems):
        message = f"no test to run: files of tests end in {TESTS}"
        raise refuse(Category.NOT_FOUND, "nothing-to-test", message, " ".join(map(str, given)))
    found = lines(asked.suite.benches(), results)
    if as_json:
        mistakes = [as_dict(one) for one in problems]
        print(json.dumps({**test_report.as_dict(results, found), "problems": mistakes}))
    else:
        _tell(results, problems, _shown(folder))
        told = [test_report.table(found)] * coverage + [test_report.unexercised(found)] * uncovered
        print("\n".join((*told, test_report.summary(results, found))))
    failed = any(result.differences for result in results)
    return _BAD_CONFIG if problems else _PROBLEMS if failed else 0


def _tell(results: Sequence[Result], problems: Sequence[Problem], folder: str) -> None:
    for result in results:
        if result.differences:
            print(test_report.failure(result, folder), end="\n\n")
    if problems:
        _mistakes(problems)


def _shown(folder: Path) -> str:
    """Return the folder as somebody here would name it."""
    whole, here = folder.absolute(), Path.cwd()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else whole.as_posix()
