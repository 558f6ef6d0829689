"""What the layout tests look at: the files that belong to the project."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def project_files() -> list[Path]:
    """Tracked files and those about to be: relative paths."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(
        [*command, "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return sorted({Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()})


@pytest.fixture(scope="session")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="session")
def layers(pyproject: dict[str, Any]) -> list[str]:
    """The declared layers, the highest first, as `engine.store | engine.journal`."""
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    declared = next(one["layers"] for one in contracts if one["id"] == "layers")
    assert all(isinstance(layer, str) for layer in declared)
    return [str(layer) for layer in declared]
