"""`concord map` of CSV files: a bundle of all rows, refusals with their line, a trace."""

import json
from pathlib import Path

import pytest

from engine.cli.map import Which, map_files

ROOT = Path(__file__).parents[3]
FILES = ROOT / "samples" / "files" / "hilltop"
HILLTOP = Which(chain="base,us,vendor/ecw,site/hilltop", site="hilltop", timezone="America/Denver")


def test_rows_make_one_bundle(tmp_path: Path) -> None:
    assert map_files([FILES], which=HILLTOP, out=tmp_path) == 0
    found = json.loads((tmp_path / "patients_20261012.json").read_text())
    kinds = [entry["resource"]["resourceType"] for entry in found["entry"]]
    assert kinds.count("Patient") == 4
    assert (tmp_path / "results_20261012.json").exists()


def test_a_bad_row_is_named_by_line_and_column_and_keeps_back_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (FILES / "results_20261012.csv").read_text()
    file = tmp_path / "results.csv"
    file.write_text(text.replace("10/06/2026 12:45 PM", "2026-10-06", 1))
    assert map_files([file], which=HILLTOP) == 1
    told = capsys.readouterr()
    assert "results.csv: bad-date: the row does not keep to the contract at line 2" in told.err
    assert json.loads(told.out)["entry"]


def test_a_row_can_be_traced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert map_files([FILES / "problems_20261012.csv"], which=HILLTOP, trace=True) == 0
    told = capsys.readouterr().out
    assert "Condition.onsetDateTime <- Onset Date (vendor/ecw/feeds/problems.yaml:" in told


def test_a_trace_ends_with_what_was_not_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert map_files([FILES / "patients_20261012.csv"], which=HILLTOP, trace=True) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1].startswith("- patients.")
    assert "- patients.Last Appt Date (3 of 3): no rule uses it" in told


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("invoices.csv", "Id\n1\n", "file-unknown"),
        ("patients.csv", "Id\n1\n", "column-missing"),
        ("patients.csv", "PK\x03\x04", "file-compressed"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, code: str
) -> None:
    (tmp_path / name).write_text(text)
    assert map_files([tmp_path / name], which=HILLTOP) == 1
    assert f"{name}: {code}" in capsys.readouterr().err
