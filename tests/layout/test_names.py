"""Names say the thing; data folders hold no code; nothing of the place it was written in stays.

One letter of each pattern stands in brackets, so that this file does not find itself.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

FURNITURE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "services"}
SHADOWS = {"fhir", "types", "logging", "http", "json"}  # of fhir.resources and the standard library
CLASSES = re.compile(r"^class \w*(?:Manager|Helper|Utils?|Base|Impl|Processor)\b", re.MULTILINE)
PRODUCT = ("engine", "channels", "mpi")
DATA = ("mappings", "config", "samples")
WRITTEN = {".py", ".md", ".toml", ".yaml", ".yml", ".sh", ".cfg", ".lock", ""}

LEFTOVERS = re.compile(r"\b(?:TO[D]O|FIX[M]E|HA[C]K)\b|#.*\bXX[X]\b")
UNFINISHED = re.compile(r"NotImplemented[E]rror")
MACHINE = re.compile(r"(?<![\w.$}])/(?:[w]ork|[r]oot|[h]ome|[U]sers|[t]mp)/\w")
REGISTRY = re.compile(r"pyp[i]\.org|python[h]osted")
ADDRESS = re.compile(
    r"://|^\s*-(?!-hash=)|--(?:extra-)?index-url|--find-links|--trusted-host| @ ", re.MULTILINE
)


def hits(pattern: re.Pattern[str], texts: dict[Path, str]) -> list[str]:
    return [
        f"{path}:{text.count(chr(10), 0, found.start()) + 1}: {found.group()!r}"
        for path, text in texts.items()
        for found in pattern.finditer(text)
    ]


def parts_of(path: Path) -> Iterator[str]:
    yield from path.parent.parts
    yield path.stem


@pytest.fixture(scope="module")
def texts(project_files: list[Path], root: Path) -> dict[Path, str]:
    """What people write: code and documents, without traffic and generated tables."""
    return {
        path: (root / path).read_text("utf-8")
        for path in project_files
        if path.suffix in WRITTEN and path.name != "py.typed"
    }


def code(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.suffix == ".py"]


def test_no_folder_or_module_is_named_after_furniture(project_files: list[Path]) -> None:
    refused = [p for p in code(project_files) if (FURNITURE | SHADOWS) & set(parts_of(p))]
    assert refused == []


def test_no_class_is_named_after_furniture(texts: dict[Path, str]) -> None:
    product = {path: text for path, text in texts.items() if path.suffix == ".py"}
    assert hits(CLASSES, product) == []


def test_data_folders_hold_no_code(project_files: list[Path]) -> None:
    assert [p for p in code(project_files) if p.parts[0] in DATA] == []


def test_packages_are_packages_and_tests_are_not(project_files: list[Path], root: Path) -> None:
    folders = {p.parent for p in code(project_files) if p.parts[0] in PRODUCT}
    assert [
        folder for folder in sorted(folders) if not (root / folder / "__init__.py").exists()
    ] == []
    assert [p for p in project_files if p.parts[0] == "tests" and p.name == "__init__.py"] == []
    assert all((root / name / "py.typed").exists() for name in PRODUCT)


def test_nothing_is_left_to_be_done(texts: dict[Path, str]) -> None:
    assert hits(LEFTOVERS, texts) + hits(UNFINISHED, texts) == []


def test_no_place_of_one_machine_is_named(texts: dict[Path, str]) -> None:
    assert hits(MACHINE, texts) + hits(REGISTRY, texts) == []


def test_the_locks_pin_by_hash_and_name_no_address(root: Path) -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (root / name).read_text("utf-8")
        assert ADDRESS.findall(text) == [], name
        entries = re.split(r"\n(?=\w)", text.strip())
        loose = [
            one.split()[0] for one in entries if "==" not in one or "--hash=sha256:" not in one
        ]
        assert loose == [], name


def test_other_lock_formats_stay_out(project_files: list[Path]) -> None:
    foreign = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml"}
    assert [p for p in project_files if p.name in foreign] == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (LEFTOVERS, "# TO" + "DO: later"),
        (MACHINE, "see /work" + "/main/x"),
        (REGISTRY, "https://py" + "pi.org/p"),
        (ADDRESS, "--index-url https://x"),
        (ADDRESS, "a @ file.whl"),
        (CLASSES, "class Job" + "Manager:"),
    ],
)
def test_each_pattern_finds_what_it_is_for(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text) is not None
