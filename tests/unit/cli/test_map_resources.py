"""`concord map` of FHIR files: a bundle of what they become, refusals, a trace."""

import json
from pathlib import Path

import pytest

from engine.cli.map import Which, map_files

ROOT = Path(__file__).parents[3]
FILES = ROOT / "samples" / "resources" / "lakeside"
LAKESIDE = Which(
    chain="base,us,vendor/athena,site/lakeside", site="lakeside", timezone="America/New_York"
)
A1C = FILES / "02-observation-hba1c.json"


def test_a_resource_makes_a_bundle(tmp_path: Path) -> None:
    assert map_files([A1C], which=LAKESIDE, out=tmp_path) == 0
    found = json.loads((tmp_path / A1C.name).read_text())
    kinds = [entry["resource"]["resourceType"] for entry in found["entry"]]
    assert kinds == ["Observation", "Patient", "Organization"]
    assert b"6.80" in (tmp_path / A1C.name).read_bytes()


def test_lines_are_deliveries_and_a_bad_one_keeps_back_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps(json.loads(path.read_bytes())) for path in (A1C, A1C)]
    file = tmp_path / "results.ndjson"
    file.write_text("\n".join([lines[0], "{", "", lines[1]]))
    assert map_files([file], which=LAKESIDE) == 1
    told = capsys.readouterr()
    assert "results.ndjson: json-syntax" in told.err
    assert "line 2" in told.err
    assert json.loads(told.out)["entry"]


def test_a_resource_can_be_traced(capsys: pytest.CaptureFixture[str]) -> None:
    assert map_files([A1C], which=LAKESIDE, trace=True) == 0
    shown = capsys.readouterr().out
    assert "Observation.code <- code (base/feeds/Observation.yaml:" in shown


def test_a_folder_of_resources_is_mapped(tmp_path: Path) -> None:
    assert map_files([FILES], which=LAKESIDE, out=tmp_path) in {0, 1}
    assert len(list(tmp_path.iterdir())) > 5


def test_resources_beside_messages_are_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They may be bundles that others made of them."""
    (tmp_path / "one.hl7").write_bytes(b"")
    (tmp_path / "one.json").write_text("{}", "utf-8")
    map_files([tmp_path], as_json=True)
    assert '"files": 1' in capsys.readouterr().out
