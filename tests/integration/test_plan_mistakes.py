"""A region whose sites have mistakes of their own is told of all of them at once."""

import shutil
from pathlib import Path

import pytest

from engine.app import compile_plans, region_of
from engine.mapping.plan import MappingErrors
from engine.security.keys import RegionKey

ROOT = Path(__file__).parents[2]


def test_mistakes_of_all_sites_are_told_in_one_run(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    for site in ("mercy", "hilltop"):
        text = "map: v1\nkind: overlay\nchange: {PID-Patient: {gender: PID-99}}\n"
        (tmp_path / f"mappings/site/{site}/wrong.yaml").write_text(text, "utf-8")
    base = tmp_path / "mappings/base/segments/PID-Patient.yaml"
    base.write_text(base.read_text("utf-8").replace("  birthDate:", "  birthDat:", 1), "utf-8")
    region = region_of(tmp_path / "samples/region.yaml")
    with pytest.raises(MappingErrors) as caught:
        compile_plans(region, RegionKey(bytes(32)))
    found = sorted((one.code, one.place.file) for one in caught.value.problems)
    assert found == [
        ("E202", "site/hilltop/wrong.yaml"),
        ("E202", "site/mercy/wrong.yaml"),
        ("E203", "base/segments/PID-Patient.yaml"),
    ]
