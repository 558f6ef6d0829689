"""`concord fmt`: one layout for the YAML that people write."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.cli.rewrite import rewrite
from engine.cli.told import told
from engine.core import strict_yaml
from engine.core.problem import Place, Problem
from engine.core.tidy_yaml import NotTidiedError, tidied

_PROBLEMS, _BAD_CONFIG = 1, 78
_SUFFIX = ".yaml"


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob(f"*{_SUFFIX}") if file.is_file())
        else:
            yield path


def _laid_out(file: Path) -> tuple[str, str, tuple[Problem, ...]]:
    """Return what a file holds, what it should hold, and what is wrong with it."""
    text = file.read_bytes().decode("utf-8")
    problems = strict_yaml.read_many(text, str(file)).problems
    if problems:
        return text, text, problems
    try:
        return text, tidied(text), ()
    except NotTidiedError:
        message = "cannot be laid out without changing what it says; left as it is"
        return text, text, (Problem("not-laid-out", message, Place(str(file), 1, 1)),)


@told
def fmt(
    paths: list[Path] | None = None,
    *,
    check: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Lay YAML files out in one way: indentation, blanks, width; words and comments stay.

    Parameters
    ----------
    paths
        Files, or folders with *.yaml files at any depth; the folder mappings unless given.
    check
        Change nothing; say which files would change, and exit with 1 when any would.
    as_json
        Print JSON.
    """
    changed: list[str] = []
    problems: list[Problem] = []
    files = list(_files(paths or [Path("mappings")]))
    for file in files:
        before, after, wrong = _laid_out(file)
        problems += wrong
        if after != before:
            changed.append(str(file))
            if not check:
                rewrite(file, after.encode())
    _tell(files, changed, problems, check=check, as_json=as_json)
    if problems:
        return _BAD_CONFIG
    return _PROBLEMS if changed and check else 0


def _tell(
    files: list[Path], changed: list[str], problems: list[Problem], *, check: bool, as_json: bool
) -> None:
    if as_json:
        wrong = [{"code": one.code, "place": str(one.place)} for one in problems]
        print(json.dumps({"files": len(files), "changed": changed, "problems": wrong}))
        return
    print(
        "\n\n".join(one.frame() for one in problems), end="\n" if problems else "", file=sys.stderr
    )
    word = "would change" if check else "changed"
    for name in changed:
        print(f"{name}: {word}")
    number = "1 file" if len(files) == 1 else f"{len(files)} files"
    print(f"{number}, {len(changed)} {word}")
