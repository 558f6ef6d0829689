"""`concord coverage` over files: a table, JSON, CSV, and an exit code for pipelines."""

import csv
import io
import json
from pathlib import Path

import pytest

from engine.cli.coverage import Output, coverage
from engine.cli.map import Which
from engine.cli.traffic import Window

USAGE = 2
RULES = """map: v1
kind: csv
feed: patients
files: "patients*.csv"
columns: {Account: id, Last: str, Seen: str}
patient: {acct: Account}
to: Patient
key: [Account]
Patient: {name: [{set: {family: Last}}]}
---
map: v1
kind: identity
patient: [{label: acct, from: PID-2}]
"""
ROWS = "Account,Last,Seen\n1,Doe,10/06/2026\n2,Roe,\n"


@pytest.fixture
def which(tmp_path: Path) -> Which:
    (tmp_path / "mappings" / "base").mkdir(parents=True)
    (tmp_path / "mappings" / "base" / "rules.yaml").write_text(RULES, "utf-8")
    return Which(chain="base", site="mercy", mappings=tmp_path / "mappings")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "patients.csv").write_text(ROWS, "utf-8")
    return tmp_path / "patients.csv"


def test_a_table_ends_with_the_sum(
    which: Which, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert coverage([file], which=which) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].split() == ["state", "path", "in", "values", "used", "what"]
    assert told[1].split() == ["undecided", "patients.Seen", "1", "1", "0", "%", "99/99/9999"]
    assert told[-1] == (
        "2 deliveries; of 5 values 80.0 % used, 0.0 % ignored, 0.0 % lost, 20.0 % undecided"
    )


def test_json_and_csv_tell_the_same(
    which: Which, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert coverage([file], which=which, output=Output(as_json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert coverage([file], which=which, output=Output(as_csv=True)) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["path"] for row in rows] == [path["path"] for path in found["paths"]]
    assert sum(int(row["values"]) for row in rows) == found["values"] == 5


def test_too_little_that_is_decided_ends_with_1(
    which: Which, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert coverage([file], which=which, state="undecided", least=80) == 0
    assert coverage([file], which=which, state="undecided", least=95) == 1
    assert "80.0 % is decided, 95 % is asked for" in capsys.readouterr().err


def test_what_was_typed_wrongly(
    which: Which, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert coverage() == USAGE
    assert coverage([file.with_name("none.hl7")], which=which) == USAGE
    assert coverage([file], which=which, window=Window(last=5)) == USAGE
    both = Output(as_json=True, as_csv=True)
    assert coverage([file], which=which, output=both) == USAGE
    assert "traffic-unclear" in capsys.readouterr().err
