"""`concord check`: compile every chain of a mappings folder and show all mistakes."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from engine.cli import check_formats as formats
from engine.cli.told import told
from engine.core.collector import at_rest
from engine.core.problem import Problem
from engine.mapping.examination import BASE, Examination, Examined, distinct
from engine.mapping.library import files_below, read_library, read_tests
from engine.mapping.problem import MappingErrors
from engine.mapping.testing.suite import problems_of
from engine.plugin.functions import installed_functions

_BAD_CONFIG = 78
Format = Literal["text", "json", "github", "sarif"]
_FORMATS = {"json": formats.as_json, "github": formats.as_github, "sarif": formats.as_sarif}
_UNREADABLE = ("E10", "E11")  # the YAML, the documents and their keys


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
    whole = _above(folder)
    return f": did you mean {whole}, the whole of the mappings?" if whole else ""


def _above(path: Path) -> Path | None:
    """Return the folder of all mappings that a path lies in."""
    return next((one for one in path.absolute().parents if (one / BASE).is_dir()), None)


def _near(folder: Path) -> Path:
    """Return a folder as seen from here, if it is below: so the programs know it that ask."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _refusal(paths: Sequence[Path]) -> str:
    """Say why paths cannot be checked: they are one folder of all mappings, or files of one."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        return f"no folder or file {missing[0]}"
    folders = [path for path in paths if path.is_dir()]
    if folders and len(paths) > 1:
        return "name one folder, or files"
    if folders:
        whole = (folders[0] / BASE).is_dir()
        return "" if whole else f"{folders[0]} has no layer '{BASE}'{_hint(folders[0])}"
    if len({_above(path) for path in paths}) > 1 or _above(paths[0]) is None:
        return f"{paths[0]} lies in no folder of mappings with a layer '{BASE}'"
    return ""


@dataclass(frozen=True, slots=True)
class _Found:
    names: list[str]
    problems: list[Problem]


def _examined(folder: Path, chain: str, tell: Callable[[Examined], None]) -> _Found:
    """Look through all chains and the tests, or through one chain."""
    try:
        with at_rest():
            examination = Examination(read_library(folder), functions=installed_functions())
            found: list[Examined] = []
            for one in examination.one(chain.split(",")) if chain else examination.every():
                found.append(one)
                tell(one)
        tests = problems_of(read_tests(folder), dict(files_below(folder))) if not chain else ()
    except MappingErrors as error:  # files that cannot be read
        return _Found([], list(error.problems))
    problems = distinct(problem for one in found for problem in one.problems)
    return _Found([one.name for one in found], [*problems, *tests])


def _tell(one: Examined) -> None:
    """Print a chain when it is done, so that who waits sees how far it is."""
    count = len(one.problems)
    print(
        f"{one.name}: {'1 problem' if count == 1 else f'{count} problems'}" if count else one.name
    )
    sys.stdout.flush()


def _silent(_: Examined) -> None:
    """Tell nothing: what is printed is for a program."""


def _conclude(names: Sequence[str], problems: list[Problem], others: int) -> None:
    if problems:
        _show(problems)
    else:
        print(f"{'1 chain' if len(names) == 1 else f'{len(names)} chains'}, no problems")
    if others:
        more = "1 problem" if others == 1 else f"{others} problems"
        print(f"{more} in files that were not named", file=sys.stderr)


@told
def check(
    *paths: Path,
    chain: str = "",
    style: Annotated[Format, Parameter(name="--format")] = "text",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Compile all mappings and show every mistake.

    Parameters
    ----------
    paths
        The mappings folder; or files of one, to show only what is wrong with these.
    chain
        Check only this chain of layers, as base,us,vendor/epic.
    style
        What to print: frames for people, one object of JSON, annotations for GitHub, or SARIF.
    as_json
        Print JSON.
    """
    paths = paths or (Path("mappings"),)
    refusal = _refusal(paths)
    if refusal:
        print(f"concord: {refusal}", file=sys.stderr)
        return _BAD_CONFIG
    files = [path for path in paths if path.is_file()]
    folder = _near((_above(paths[0]) if files else None) or paths[0])
    style = "json" if as_json else style
    found = _examined(folder, chain, _tell if style == "text" else _silent)
    wanted = {path.absolute().relative_to(folder.absolute()).as_posix() for path in files}
    problems = [one for one in found.problems if not wanted or one.place.file in wanted]
    if style == "text":
        _conclude(found.names, problems, len(found.problems) - len(problems))
    else:
        print(_FORMATS[style](found.names, causes_first(problems), folder))
    return _BAD_CONFIG if problems else 0
