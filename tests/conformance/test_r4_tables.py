"""The committed R4 tables are what the extractor makes of HL7's definitions, and small enough."""

import gzip
import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from engine.r4 import extract

MAX_BYTES = 600_000


def _committed(name: str) -> Any:
    packed = (files("engine.r4") / "data" / name).read_bytes()
    return json.loads(gzip.decompress(packed))


@pytest.fixture
def definitions() -> Path:
    folder = os.environ.get("CONCORD_TESTDATA")
    if not folder:
        pytest.skip("CONCORD_TESTDATA is not set: HL7's R4 definitions are not at hand")
    return Path(folder) / "fhir-r4"


def test_element_tables_are_fresh(definitions: Path) -> None:
    assert extract.element_tables(definitions) == _committed("elements.json.gz")


def test_search_tables_are_fresh(definitions: Path) -> None:
    assert extract.search_tables(definitions) == _committed("search.json.gz")


def test_the_extractor_writes_the_same_bytes_twice(definitions: Path, tmp_path: Path) -> None:
    table = extract.search_tables(definitions)
    for name in ("first", "second"):
        extract.write(table, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_the_extractor_runs_as_a_program(definitions: Path, tmp_path: Path) -> None:
    assert extract.main([]) == 2
    assert extract.main([str(definitions), str(tmp_path)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"elements.json.gz", "search.json.gz"}


def test_the_tables_stay_small() -> None:
    folder = files("engine.r4") / "data"
    sizes = [len(file.read_bytes()) for file in folder.iterdir()]
    assert len(sizes) == 2
    assert sum(sizes) < MAX_BYTES
