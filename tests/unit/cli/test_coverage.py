"""`concord coverage` over files: a table, JSON, CSV, and an exit code for pipelines."""

import csv
import io
import json
from pathlib import Path

import pytest

from engine.cli.coverage import Output, coverage
from engine.cli.map import Which

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "samples"
HILLTOP = Which(chain="base,us,vendor/ecw,site/hilltop", site="hilltop", timezone="America/Denver")
FILES = [SAMPLES / "files" / "hilltop"]
USAGE = 2


def test_a_table_ends_with_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage(FILES, which=HILLTOP) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].split() == ["state", "path", "in", "values", "used", "what"]
    assert any("patients.Last Appt Date" in line and "99/99/9999" in line for line in told)
    assert "deliveries; of" in told[-1]


def test_json_and_csv_tell_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage(FILES, which=HILLTOP, output=Output(as_json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert coverage(FILES, which=HILLTOP, output=Output(as_csv=True)) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["path"] for row in rows] == [path["path"] for path in found["paths"]]
    assert sum(int(row["values"]) for row in rows) == found["values"]


def test_too_little_that_is_decided_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage(FILES, which=HILLTOP, state="undecided", least=50) == 0
    assert coverage(FILES, which=HILLTOP, state="undecided", least=100) == 1
    assert "100 % is asked for" in capsys.readouterr().err


def test_what_was_typed_wrongly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage() == USAGE
    assert coverage([tmp_path / "none.hl7"], which=HILLTOP) == USAGE
    assert coverage(FILES, which=HILLTOP, output=Output(as_json=True, as_csv=True)) == USAGE
    assert "traffic-unclear" in capsys.readouterr().err
