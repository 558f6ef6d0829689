"""`concord check`: compile every chain of a mappings folder and show all mistakes."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.cli.told import told
from engine.core.problem import Problem
from engine.mapping.library import Library, files_below, read_library, read_tests
from engine.mapping.plan import MappingErrors, compile_plan
from engine.mapping.site import SiteProfile
from engine.mapping.testing.suite import problems_of as problems_of_tests

_BAD_CONFIG = 78
_UNREADABLE = ("E10", "E11")  # the YAML, the documents and their keys
_OPTIONAL = ("us",)  # below every vendor and site where it exists
_BASE = "base"
_NO_KEY = b"\x00" * 32  # ids are not looked at here


def layers(library: Library) -> list[str]:
    """Return the folders that hold mapping files, `a` or `a/b` below vendor and site."""
    found: dict[str, None] = {}
    for path, _ in library.files:
        parts = path.split("/")
        if len(parts) > 1:
            deep = parts[0] in {"vendor", "site"} and len(parts) > 2
            found["/".join(parts[:2]) if deep else parts[0]] = None
    return list(found)


def chains(library: Library) -> Iterator[tuple[str, ...]]:
    """Yield each chain that can be compiled by itself: the base, and each layer upon it.

    Which vendor lies below a site, the region file says; here a site stands on each vendor that
    compiles with it, so a site's layer is checked when it fits one.
    """
    known = layers(library)
    below = (_BASE, *(name for name in _OPTIONAL if name in known))
    yield (_BASE,)
    if len(below) > 1:
        yield below
    for name in known:
        if name not in below and not name.startswith("site/"):
            yield (*below, name)


def _profile(chain: tuple[str, ...]) -> SiteProfile:
    return SiteProfile("check", "UTC", chain, _NO_KEY)


def problems_of(library: Library, chain: tuple[str, ...]) -> tuple[Problem, ...]:
    """Compile one chain and return what is wrong."""
    try:
        compile_plan(library, _profile(chain))
    except MappingErrors as error:
        return error.problems
    return ()


def _on_best(
    library: Library, site: str, lower: list[tuple[str, ...]]
) -> tuple[str, tuple[Problem, ...]]:
    """Return the chains on which a site's layer has the fewest problems, as one name, and these.

    Of several the longest, which differ in their last layer: a small overlay fits every vendor.
    """
    found = [(chain, problems_of(library, (*chain, site))) for chain in lower]
    if not found:
        return site, ()
    best = min((len(problems), -len(chain)) for chain, problems in found)
    fitting = [one for one in found if (len(one[1]), -len(one[0])) == best]
    tops = " | ".join(chain[-1] for chain, _ in fitting)
    top = f"({tops})" if len(fitting) > 1 else tops
    return " + ".join((*fitting[0][0][:-1], top, site)), fitting[0][1]


def every_problem(library: Library) -> tuple[list[str], list[Problem]]:
    """Check all chains; return their names and all problems, each once."""
    found: dict[Problem, None] = {}
    names: list[str] = []
    right: list[tuple[str, ...]] = []
    for chain in chains(library):
        problems = problems_of(library, chain)
        found.update(dict.fromkeys(problems))
        names.append(" + ".join(chain))
        if not problems:
            right.append(chain)
    for site in (name for name in layers(library) if name.startswith("site/")):
        name, problems = _on_best(library, site, right)
        found.update(dict.fromkeys(problems))
        names.append(name)
    return names, list(found)


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
    above = (one for one in folder.absolute().parents if (one / _BASE).is_dir())
    whole = next(above, None)
    return f": did you mean {whole}, the whole of the mappings?" if whole else ""


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
    if not (folder / _BASE).is_dir():
        print(f"concord: {folder} has no layer '{_BASE}'{_hint(folder)}", file=sys.stderr)
        return _BAD_CONFIG
    names, problems = every_problem(read_library(folder))
    problems += problems_of_tests(read_tests(folder), dict(files_below(folder)))
    if as_json:
        print(json.dumps({"chains": names, "problems": [as_dict(one) for one in problems]}))
    elif problems:
        _show(problems)
    else:
        print("\n".join((*names, f"{len(names)} chains, no problems")))
    return _BAD_CONFIG if problems else 0
