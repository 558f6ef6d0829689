"""ARCHITECTURE.md, the import contracts and the tree say the same."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DATA = ("mappings", "config", "samples")


def parts(layers: list[str]) -> list[str]:
    """Every module named in the layers, without the brackets of those still to come."""
    return [name.strip(" ()") for layer in layers for name in re.split(r"[|:]", layer)]


def present(name: str, root: Path) -> bool:
    path = root / name.replace(".", "/")
    return (path / "__init__.py").exists() or path.with_suffix(".py").exists()


def existing(layers: list[str], root: Path) -> Iterator[str]:
    """Yield the layers as far as they exist, written as the document writes them."""
    for layer in layers:
        names = [name for name in parts([layer]) if present(name, root)]
        if names:
            yield " | ".join(names)


def section(text: str, title: str) -> str:
    """Return what stands under a heading up to the next one of its rank."""
    found = re.search(rf"^## (?:\d+\. )?{title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"no section {title}"
    return found.group(1)


@pytest.fixture(scope="module")
def architecture(root: Path) -> str:
    return (root / "ARCHITECTURE.md").read_text("utf-8")


def test_the_document_lists_the_layers_that_are_checked(
    architecture: str, layers: list[str], root: Path
) -> None:
    block = re.search(r"```text\n(.*?)```", section(architecture, "Layers"), re.DOTALL)
    assert block is not None
    written = [line.split("  ")[0].strip() for line in block.group(1).strip().splitlines()]
    assert written == list(existing(layers, root))


def test_every_part_has_its_layer(layers: list[str], root: Path) -> None:
    engine = {
        f"engine.{path.stem}"
        for path in (root / "engine").iterdir()
        if (path / "__init__.py").exists() or path.suffix == ".py"
    }
    assert engine - {"engine.__init__"} <= set(parts(layers))
    assert {"channels", "mpi"} <= set(parts(layers))


def test_only_parts_still_to_come_are_optional(layers: list[str], root: Path) -> None:
    optional = [name for layer in layers for name in re.findall(r"\(([\w.]+)\)", layer)]
    assert [name for name in optional if present(name, root)] == []


def test_the_document_says_where_everything_is(
    architecture: str, layers: list[str], root: Path
) -> None:
    listed = section(architecture, "Where is what")
    names = [name.replace(".", "/") for name in parts(layers) if present(name, root)]
    missing = [name for name in (*names, *DATA, "tests") if f"`{name}" not in listed]
    assert missing == []


def test_what_the_document_names_exists(architecture: str, root: Path) -> None:
    listed = section(architecture, "Where is what")
    rows = re.findall(r"^\| `([\w./]+)`", listed, re.MULTILINE)
    gone = [row for row in rows if not (root / row).exists()]
    assert rows
    assert gone == []


def test_every_heavy_library_has_its_owner(pyproject: dict[str, Any]) -> None:
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    owned = {one["forbidden_modules"][0] for one in contracts if one["id"].startswith("owner-of-")}
    assert owned >= {"fhir", "hl7apy", "prometheus_client", "sqlcipher3", "structlog", "uvicorn"}


IMPURE = {"open", "print", "input", "eval", "exec", "compile", "breakpoint", "__import__"}


def pure_files(pyproject: dict[str, Any], root: Path) -> Iterator[Path]:
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    for name in next(one["source_modules"] for one in contracts if one["id"] == "pure"):
        path = root / name.replace(".", "/")
        yield from path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]


def test_pure_parts_call_nothing_that_reaches_out(pyproject: dict[str, Any], root: Path) -> None:
    """What needs no import escapes the import contracts."""
    calls = [
        (path.relative_to(root).as_posix(), node.func.id)
        for path in pure_files(pyproject, root)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert len(calls) > 1000
    by_hand = ("engine/r4/extract.py", "print")  # a program of its own, run by hand
    assert [one for one in calls if one[1] in IMPURE and one != by_hand] == []


def test_every_dependency_says_what_it_is_for(root: Path) -> None:
    text = (root / "pyproject.toml").read_text("utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert block is not None
    assert [line for line in block.group(1).splitlines() if "  # " not in line] == []
