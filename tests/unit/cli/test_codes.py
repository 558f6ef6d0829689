"""`concord codes`: out to a sheet, changed by a spreadsheet, and back; undone."""

import json
from pathlib import Path

import pytest

from engine.cli.codes import export, gaps, import_, undo
from engine.cli.map import Which

BAD_FILE, USAGE = 78, 2
RULES = """map: v1
kind: csv
feed: patients
files: "patients*.csv"
columns: {Account: id, Sex: code, Ward: code}
patient: {acct: Account}
to: Patient
key: [Account]
Patient:
  gender: {from: Sex, map: sex}
  maritalStatus: {from: Ward, map: wards}
---
map: v1
kind: identity
patient: [{label: acct, from: PID-2}]
"""
HEAD = "source_system,source_code,target_system,target_code,target_display,relationship,comment\n"
SEX = f"{HEAD},M,http://hl7.org/fhir/administrative-gender,male,,,\n"
WARDS = f"# unmapped: drop\n{HEAD},010,urn:x,ten,Ten,,old\n"
ROWS = "Account,Sex,Ward\n1,M,007\n2,X,010\n3,X,007\n"


@pytest.fixture
def which(tmp_path: Path) -> Which:
    folder = tmp_path / "mappings"
    texts = {
        "base/rules.yaml": RULES,
        "base/codes/sex.csv": SEX,
        "base/codes/wards.csv": HEAD,
        "site/mercy/codes/wards.csv": WARDS,
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (tmp_path / "patients.csv").write_text(ROWS, "utf-8")
    return Which(chain="base,site/mercy", site="mercy", mappings=folder)


def wards(which: Which) -> str:
    return (which.mappings / "site/mercy/codes/wards.csv").read_text("utf-8")


def test_rare_codes_are_counted_and_not_shown(
    which: Which, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gaps([tmp_path / "patients.csv"], which=which) == 0
    told = capsys.readouterr()
    assert "007" not in told.out + told.err
    assert "2 more were seen fewer than 5 times" in told.err
    assert gaps([tmp_path / "patients.csv"], which=which, least=2, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["table"], one["code"], one["seen"]) for one in found["gaps"]] == [
        ("sex", "X", 2),
        ("wards", "007", 2),
    ]
    assert found["rare"] == 0


def test_out_to_a_spreadsheet_changed_and_back(
    which: Which, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.csv"
    assert export([tmp_path / "patients.csv"], which=which, out=sheet, least=1, delimiter=";") == 0
    text = sheet.read_bytes().decode("utf-8-sig")
    text = text.replace("wards;;007;;;", "wards;;7;urn:x;seven;Seven").replace(";010;", ";10;")
    sheet.write_bytes(text.replace(";old;", ";new;").encode("cp1252"))
    assert import_(sheet, which=which, check=True) == 0
    assert wards(which) == WARDS
    assert import_(sheet, which=which) == 0
    told = capsys.readouterr()
    assert "1 new rows, 1 changed" in told.out
    assert "1 rows have no target yet" in told.out
    assert told.err.count("a spreadsheet had changed the code") == 4
    assert (
        wards(which)
        == f"# unmapped: drop\n{HEAD},010,urn:x,ten,Ten,,new\n,007,urn:x,seven,Seven,,\n"
    )
    assert gaps([tmp_path / "patients.csv"], which=which, least=1) == 0
    assert "1 codes without a row" in capsys.readouterr().out


def test_an_import_is_undone_and_redone(which: Which, tmp_path: Path) -> None:
    sheet = tmp_path / "sex.csv"
    sheet.write_text("source_code,target_code\nX,other\n", "utf-8")
    made = which.mappings / "site/mercy/codes/sex.csv"
    assert undo(which=which) == 1
    assert import_(sheet, which=which) == 0
    assert made.read_text("utf-8").splitlines()[1].startswith(",X,http://hl7.org/fhir/")
    assert undo(which=which) == 0
    assert not made.exists()
    assert undo(which=which) == 0
    assert made.exists()


def test_a_target_outside_the_value_set_is_shown_at_its_line(
    which: Which, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sex.csv"
    sheet.write_text("source_code,target_code\nX,other\nY,purple\n", "utf-8")
    assert import_(sheet, which=which) == BAD_FILE
    assert f"{sheet}:3:1: E214" in capsys.readouterr().err
    assert not (which.mappings / "site/mercy/codes/sex.csv").exists()


def test_a_chain_without_a_site_keeps_no_codes(
    which: Which, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = Which(chain="base", site="mercy", mappings=which.mappings)
    assert undo(which=bare) == USAGE
    assert "no-site-layer" in capsys.readouterr().err


def test_a_row_that_a_yaml_file_overrules_is_refused(
    which: Which, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = which.mappings / "site/mercy/overlay.yaml"
    overlay.write_text("map: v1\nkind: overlay\ncodes: {sex: {add: {X: male}}}\n", "utf-8")
    sheet = tmp_path / "sex.csv"
    sheet.write_text("source_code,target_code\nX,other\n", "utf-8")
    assert import_(sheet, which=which) == BAD_FILE
    told = capsys.readouterr().err
    assert f"{sheet}:2:1: E211 the row would have no effect" in told
    assert "see site/mercy/overlay.yaml:3" in told
