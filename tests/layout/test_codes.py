"""Every code that can be met is explained: codes are collected from the tree, not from a list.

What counts is a literal handed to a parameter or field called `code`: of `refuse`, `Fault` and
`Diagnostic`, of an event, or of a function beside the call that hands it on.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.catalog import known

KEBAB = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+|E\d{3}")
EVERYWHERE = {"refuse", "Fault", "Diagnostic", "Flawed", "note", "report", "drop", "report_drop"}
Trees = dict[Path, ast.Module]


@pytest.fixture(scope="module")
def trees(root: Path) -> Trees:
    paths = [path for part in ("engine", "channels", "mpi") for path in (root / part).rglob("*.py")]
    assert paths
    return {path: ast.parse(path.read_text("utf-8")) for path in sorted(paths)}


def takers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the functions and classes that take a code, with its place among the arguments."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.FunctionDef):
            names = [one.arg for one in node.args.args if one.arg not in {"self", "cls"}]
        elif isinstance(node, ast.ClassDef):
            fields = (one.target for one in node.body if isinstance(one, ast.AnnAssign))
            names = [one.id for one in fields if isinstance(one, ast.Name)]
        if "code" in names and isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, names.index("code")


def literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*literals(node.body), *literals(node.orelse))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def codes(tree: ast.Module, known_takers: set[tuple[str, int]]) -> Iterator[tuple[int, str]]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        name = call.func.id if isinstance(call.func, ast.Name) else name
        given = [
            call.args[place]
            for taker, place in known_takers
            if taker == name and place < len(call.args)
        ]
        if any(taker == name for taker, _ in known_takers):
            given += [one.value for one in call.keywords if one.arg == "code"]
        for value in given:
            yield from ((call.lineno, text) for text in literals(value) if KEBAB.fullmatch(text))


def met(trees: Trees) -> dict[str, str]:
    everywhere = {
        taker for tree in trees.values() for taker in takers(tree) if taker[0] in EVERYWHERE
    }
    found: dict[str, str] = {}
    for path, tree in trees.items():
        prefix = "r4-" if path.parent.name == "r4" else ""
        for line, code in codes(tree, everywhere | set(takers(tree))):
            found.setdefault(prefix + code, f"{path.name}:{line}")
    return found


def test_every_code_is_explained(trees: Trees) -> None:
    found = met(trees)
    assert {"charset-mismatch", "tls-broken", "volatile-id", "E251"} <= set(found)
    explained = known()
    missing = {code: place for code, place in found.items() if code not in explained}
    assert missing == {}, "explain it in engine/cli/data/codes.toml, then `make docs`"


def test_every_explanation_has_a_cause_and_something_to_do() -> None:
    texts = [text for said in known().values() for text in said]
    assert texts
    assert [text for text in texts if not text.endswith((".", "?"))] == []
