"""`concord check`: compile every chain of a mappings folder and show all mistakes."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.cli.told import told
from engine.core.collector import at_rest
from engine.core.problem import Problem
from engine.mapping.examination import BASE, Examination, distinct
from engine.mapping.library import files_below, read_library, read_tests
from engine.mapping.problem import MappingErrors
from engine.mapping.testing.suite import problems_of

_BAD_CONFIG = 78
_UNREADABLE = ("E10", "E11")  # the YAML, the documents and their keys


def as_dict(problem: Problem) -> dict[str, object]:
    """Return a problem for programs."""
    place = problem.place
    return {
        "code": problem.code,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "message": problem.message,
        "help": problem.help,
    }


def causes_first(problems: list[Problem]) -> list[Problem]:
    """Put what cannot be read first: a file that is not read is missed in many other places."""
    return sorted(problems, key=lambda one: not one.code.startswith(_UNREADABLE))


def _show(problems: list[Problem]) -> None:
    print("\n\n".join(one.frame() for one in causes_first(problems)), file=sys.stderr)
    number = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    follow = sum(not one.code.startswith(_UNREADABLE) for one in problems)
    first = "; mend the first ones first, others may follow from them"
    hint = first if 0 < follow < len(problems) else ""
    print(f"\n{number}{hint}; `concord explain CODE` says more", file=sys.stderr)


def _hint(folder: Path) -> str:
    above = (one for one in folder.absolute().parents if (one / BASE).is_dir())
    whole = next(above, None)
    return f": did you mean {whole}, the whole of the mappings?" if whole else ""


def _examined(folder: Path) -> tuple[list[str], list[Problem]]:
    """Return the names of all chains, and what is wrong with them and with their tests."""
    try:
        with at_rest():
            found = list(Examination(read_library(folder)).every())
        tests = problems_of(read_tests(folder), dict(files_below(folder)))
    except MappingErrors as error:  # files that cannot be read
        return [], list(error.problems)
    problems = distinct(problem for one in found for problem in one.problems)
    return [one.name for one in found], [*problems, *tests]


@told
def check(
    folder: Path = Path("mappings"),
    *,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Compile all mappings and show every mistake.

    Parameters
    ----------
    folder
        The mappings folder.
    as_json
        Print JSON.
    """
    if not folder.is_dir():
        print(f"concord: no folder {folder}", file=sys.stderr)
        return _BAD_CONFIG
    if not (folder / BASE).is_dir():
        print(f"concord: {folder} has no layer '{BASE}'{_hint(folder)}", file=sys.stderr)
        return _BAD_CONFIG
    names, problems = _examined(folder)
    if as_json:
        print(json.dumps({"chains": names, "problems": [as_dict(one) for one in problems]}))
    elif problems:
        _show(problems)
    else:
        print("\n".join((*names, f"{len(names)} chains, no problems")))
    return _BAD_CONFIG if problems else 0
