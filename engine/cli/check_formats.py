"""Mistakes in mapping files as other programs take them: JSON, annotations of GitHub, SARIF 2.1.0.

GitHub: docs.github.com, "Workflow commands". SARIF: docs.oasis-open.org/sarif/sarif/v2.1.0.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cli.catalog import known
from engine.core.problem import Problem

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"}


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


def as_json(names: Sequence[str], problems: Sequence[Problem], _: Path) -> str:
    """Return what was checked and what was found."""
    return json.dumps({"chains": names, "problems": [as_dict(one) for one in problems]})


def as_github(_: Sequence[str], problems: Sequence[Problem], folder: Path) -> str:
    """Return one workflow command a problem, shown beside the line of a change."""
    return "\n".join(_annotation(one, folder) for one in problems)


def as_sarif(_: Sequence[str], problems: Sequence[Problem], folder: Path) -> str:
    """Return a log of one run, with the rules that were broken."""
    codes = dict.fromkeys(one.code for one in problems)
    driver = {"name": "concord check", "rules": [_rule(code) for code in codes]}
    results = [_result(one, folder) for one in problems]
    log = {"$schema": _SCHEMA, "version": "2.1.0"}
    return json.dumps({**log, "runs": [{"tool": {"driver": driver}, "results": results}]})


def _annotation(problem: Problem, folder: Path) -> str:
    place = problem.place
    says = {
        "file": _uri(problem, folder),
        "line": str(place.line),
        "col": str(place.column),
        "title": problem.code,
    }
    told = ",".join(f"{name}={_escaped(text, ':,')}" for name, text in says.items())
    return f"::error {told}::{_escaped(_text(problem))}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(_ESCAPES[c] if c in f"%\r\n{more}" else c for c in text)


def _text(problem: Problem) -> str:
    return f"{problem.message}\n{problem.help}" if problem.help else problem.message


def _uri(problem: Problem, folder: Path) -> str:
    return (folder / problem.place.file).as_posix()


def _rule(code: str) -> dict[str, Any]:
    cause, cure = known().get(code, ("", ""))
    return {"id": code, "shortDescription": {"text": cause}, "help": {"text": cure}}


def _result(problem: Problem, folder: Path) -> dict[str, Any]:
    place = problem.place
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endColumn": place.column + max(1, place.width),
    }
    location = {"artifactLocation": {"uri": _uri(problem, folder)}, "region": region}
    return {
        "ruleId": problem.code,
        "level": "error",
        "message": {"text": _text(problem)},
        "locations": [{"physicalLocation": location}],
    }
