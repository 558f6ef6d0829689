"""Files, functions, classes and signatures stay small; classes inherit no project class.

What may be larger stands in `allowed.toml` with its limit and reason. An entry that is no longer
needed, or that allows more than is there, fails too: the list only shrinks.
"""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

LIMITS = {
    "file-lines": 400,
    "function-lines": 60,
    "class-lines": 250,
    "parameters": 6,
    "inheritance": 1,
}
PRODUCT = ("engine", "channels", "mpi")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definitions = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Measure:
    path: str
    what: str
    name: str  # of the function or class; empty for a file
    value: int
    limit: int

    @property
    def key(self) -> tuple[str, str, str]:
        return self.path, self.what, self.name

    def __str__(self) -> str:
        return f"{self.path} {self.name}: {self.what} {self.value}, at most {self.limit}"


def lines_of(node: Function | ast.ClassDef) -> int:
    """Lines without the docstring."""
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is None or not isinstance(first, ast.Expr):
        return total
    return total - ((first.end_lineno or first.lineno) - first.lineno + 1)


def parameters_of(node: Function) -> int:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    named = [one for one in given if one.arg not in {"self", "cls"}]
    return len(named) + bool(node.args.vararg) + bool(node.args.kwarg)


def measured(path: str, text: str) -> Iterator[Measure]:
    yield Measure(path, "file-lines", "", len(text.splitlines()), LIMITS["file-lines"])
    product = path.split("/", maxsplit=1)[0] in PRODUCT
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            yield Measure(path, "function-lines", node.name, lines_of(node), 60)
            if product:
                yield Measure(path, "parameters", node.name, parameters_of(node), 6)
        elif isinstance(node, ast.ClassDef):
            yield Measure(path, "class-lines", node.name, lines_of(node), 250)


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def names_of(tree: ast.Module, module: str) -> dict[str, str]:
    """What a plain name in this module stands for: `Fault` -> `engine.core.fault.Fault`."""
    names = {one.name: f"{module}.{one.name}" for one in tree.body if isinstance(one, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return names


def bases_of(node: ast.ClassDef, names: dict[str, str]) -> tuple[str, ...]:
    plain = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
    written = (ast.unparse(base) for base in plain)
    return tuple(names.get(name, name) for name in written)


def depth(name: str, classes: Definitions) -> int:
    """How many project classes stand in the line from this one up; 0 for a foreign class."""
    if name not in classes:
        return 0
    return 1 + max((depth(base, classes) for base in classes[name]), default=0)


def is_exception(name: str, classes: Definitions) -> bool:
    if name not in classes:
        return name.endswith(("Error", "Exception"))
    return any(is_exception(base, classes) for base in classes[name])


def inheritance(texts: dict[str, str]) -> Iterator[Measure]:
    classes: Definitions = {}
    places: dict[str, str] = {}
    for path, text in texts.items():
        tree, module = ast.parse(text), module_of(path)
        names = names_of(tree, module)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes[f"{module}.{node.name}"] = bases_of(node, names)
                places[f"{module}.{node.name}"] = path
    for name, path in places.items():
        limit = 2 if is_exception(name, classes) else 1
        short = name.rpartition(".")[2]
        yield Measure(path, "inheritance", short, depth(name, classes), limit)


@pytest.fixture(scope="module")
def texts(project_files: list[Path], root: Path) -> dict[str, str]:
    return {
        path.as_posix(): (root / path).read_text("utf-8")
        for path in project_files
        if path.suffix == ".py"
    }


@pytest.fixture(scope="module")
def too_large(texts: dict[str, str]) -> list[Measure]:
    found = [one for path, text in texts.items() for one in measured(path, text)]
    product = {path: text for path, text in texts.items() if path.split("/")[0] in PRODUCT}
    found += inheritance(product)
    return [one for one in found if one.value > one.limit]


@pytest.fixture(scope="module")
def allowed(root: Path) -> dict[tuple[str, str, str], int]:
    text = (root / "tests" / "layout" / "allowed.toml").read_text("utf-8")
    entries = tomllib.loads(text).get("allowed", [])
    assert all(len(one["reason"]) >= 20 for one in entries), "an entry states its reason"
    assert all(one["what"] in LIMITS for one in entries)
    return {
        (one["path"], one["what"], name): one["limit"]
        for one in entries
        for name in one.get("names", [""])
    }


def test_nothing_is_larger_than_its_limit(
    too_large: list[Measure], allowed: dict[tuple[str, str, str], int]
) -> None:
    refused = [str(one) for one in too_large if one.value > allowed.get(one.key, 0)]
    assert not refused, "\n" + "\n".join(refused)


def test_the_allow_list_only_shrinks(
    too_large: list[Measure], allowed: dict[tuple[str, str, str], int]
) -> None:
    present = {one.key: one.value for one in too_large}
    slack = {key: limit for key, limit in allowed.items() if present.get(key, 0) < limit}
    assert slack == {}, "lower or remove these entries"


def test_sizes_are_measured_as_stated() -> None:
    method = (
        '    def f(self, a, *, b=1, **c):\n        """Two\n        lines."""\n        return a\n'
    )
    text = f'class A:\n    """One."""\n\n{method}'
    found = {(one.what, one.name): one.value for one in measured("engine/x.py", text)}
    assert found == {
        ("file-lines", ""): 7,
        ("class-lines", "A"): 6,
        ("function-lines", "f"): 2,
        ("parameters", "f"): 3,
    }


def test_inheritance_is_followed_over_modules() -> None:
    texts = {
        "engine/a.py": "class Top(Protocol): ...\nclass FaultError(Exception): ...\n",
        "engine/b.py": "from engine.a import Top, FaultError\n"
        "class Low(Top): ...\nclass LowError(FaultError): ...\n",
    }
    found = {one.name: (one.value, one.limit) for one in inheritance(texts)}
    assert found == {"Top": (1, 1), "FaultError": (1, 2), "Low": (2, 1), "LowError": (2, 2)}
