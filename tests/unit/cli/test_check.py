"""The order in which `concord check` shows mistakes, and what `concord explain` does not know."""

from pathlib import Path

import pytest

from engine.cli.check import check
from engine.cli.explain import explain

IDENTITY = "map: v1\nkind: identity\npatient: [{label: MR, from: 'PID-3[1]'}]\n"
MESSAGE = """map: v1
kind: message
structure: ADT_A01
triggers: [ADT^A01]
make:
  - Patient: {map: PID-Patient, from: PID}
"""
BROKEN = "map: v1\nkind: resource\nfrom: PID\nto: Patient\nPatient:\n  birthDate: *seven\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "base"
    base.mkdir()
    (base / "a-identity.yaml").write_text(IDENTITY, "utf-8")
    (base / "b-message.yaml").write_text(MESSAGE, "utf-8")
    (base / "c-patient.yaml").write_text(BROKEN, "utf-8")
    return tmp_path


def test_what_cannot_be_read_comes_before_what_follows_from_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = folder / "base" / "b-message.yaml"
    message.write_text(MESSAGE + "  - Account: {map: PID-Account, from: PID}\n", "utf-8")
    assert check(folder) == 78
    said = capsys.readouterr().err
    assert said.startswith("base/c-patient.yaml:6:14: E103")
    assert "E230 unknown map 'PID-Account'" in said
    assert "\n2 problems; mend the first ones first" in said


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("c-patient.yaml", "map: v1", "map: v1"),
        ("c-patient.yaml", "map: v1", "map: v2"),
        ("c-patient.yaml", "kind: resource", "kind: resorce"),
        ("c-patient.yaml", "to: Patient", "to: Patient\nto: [Patient"),
        ("c-patient.yaml", "Patient:\n", "Patients:\n"),
        ("a-identity.yaml", "patient:", "patien:"),
        ("a-identity.yaml", "kind: identity", "kind: identy"),
        ("a-identity.yaml", "kind: identity", "kind: [identity"),
    ],
)
def test_what_is_missed_because_it_cannot_be_read_is_no_problem_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, before: str, after: str
) -> None:
    patient = folder / "base" / "c-patient.yaml"
    if (before, after) != ("map: v1", "map: v1"):
        patient.write_text(BROKEN.replace("*seven", "PID-7.1"), "utf-8")
    (folder / "base" / "a-identity.yaml").rename(folder / "base" / "identity.yaml")
    path = folder / "base" / file.replace("a-identity", "identity")
    path.write_text(path.read_text("utf-8").replace(before, after), "utf-8")
    assert check(folder) == 78
    said = capsys.readouterr().err
    assert {"E230", "E120", "E240"}.isdisjoint(said.split())
    assert f"base/{path.name}:" in said


def test_a_code_far_from_all_says_what_codes_look_like(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert explain("42") == 2
    assert "codes look like E203 or charset-mismatch" in capsys.readouterr().err


def test_a_site_is_shown_with_the_chain_it_was_checked_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "base" / "c-patient.yaml").write_text(BROKEN.replace("*seven", "PID-7.1"), "utf-8")
    for layer in ("vendor/ecw", "vendor/epic", "site/mercy"):
        (folder / layer).mkdir(parents=True)
        (folder / layer / "overlay.yaml").write_text("map: v1\nkind: overlay\n", "utf-8")
    assert check(folder) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[-2] == "base + (vendor/ecw | vendor/epic) + site/mercy"
    assert shown[-1] == "4 chains, no problems"


def test_one_layer_is_not_taken_for_all_of_the_mappings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "site").mkdir()
    assert check(folder / "site") == 78
    assert f"did you mean {folder}, the whole of the mappings?" in capsys.readouterr().err


TABLE = "source_system,source_code,target_system,target_code,target_display,relationship,comment\n"


@pytest.fixture
def whole(folder: Path) -> Path:
    """A folder without mistakes."""
    (folder / "base" / "c-patient.yaml").write_text(BROKEN.replace("*seven", "PID-7.1"), "utf-8")
    (folder / "base" / "codes").mkdir()
    return folder


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        (",M,urn:s,male,,,\n,F,urn:s,female,,,\n,M,urn:s,other,,,\n", 4, "E215 a second row"),
        (',M,urn:s,"male,,,\n,F,urn:s,female,,,\n', 2, "E211 a quote is not closed"),
        (",M,urn:s,male,,,\n,F,urn:s,,,,\n", 3, "E211 a row needs"),
    ],
)
def test_a_wrong_row_of_a_table_is_shown(
    whole: Path, capsys: pytest.CaptureFixture[str], rows: str, line: int, said: str
) -> None:
    (whole / "base" / "codes" / "sex.csv").write_text(TABLE + rows, "utf-8")
    assert check(whole) == 78
    shown = capsys.readouterr().err
    assert f"base/codes/sex.csv:{line}:1: {said}" in shown
    assert f"{line} | {rows.splitlines()[line - 2]}" in shown
    assert "\n1 problem;" in shown


def test_a_row_of_a_table_that_an_element_does_not_allow_is_shown_itself(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ",M,urn:s,male,,,\n,F,urn:s,femal,,,\n"
    (whole / "base" / "codes" / "sex.csv").write_text(TABLE + rows, "utf-8")
    text = BROKEN.replace("birthDate: *seven", "gender: {from: PID-8, map: sex}")
    (whole / "base" / "c-patient.yaml").write_text(text, "utf-8")
    assert check(whole) == 78
    shown = capsys.readouterr().err
    assert "base/codes/sex.csv:3:1: E214" in shown
    assert "used at base/c-patient.yaml:6:30" in shown


def test_a_file_that_is_not_utf_8_is_shown_where_it_is_not(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (whole / "base" / "d.yaml").write_bytes(b"map: v1\nkind: caf\xe9\n")
    assert check(whole) == 78
    assert "base/d.yaml:2:10: E101 not UTF-8" in capsys.readouterr().err


def test_a_broken_vendor_does_not_make_its_sites_wrong(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {
        "vendor/ecw/overlay.yaml": "segments: {ZAB: {1: ST}}\n",
        "vendor/ecw/broken.yaml": "segments: [a\nchange: 1\n",
        "vendor/epic/overlay.yaml": "segments: {ZCD: {1: ST}}\n",
        "site/north/overlay.yaml": "change: {PID-Patient: {gender: ZAB-1}}\n",
        "site/south/overlay.yaml": "change: {PID-Patient: {gender: ZZZ-1}}\n",
    }
    for name, text in texts.items():
        (whole / name).parent.mkdir(parents=True, exist_ok=True)
        (whole / name).write_text(f"map: v1\nkind: overlay\n{text}", "utf-8")
    assert check(whole) == 78
    shown = capsys.readouterr().err
    assert "vendor/ecw/broken.yaml:3:11: E101" in shown
    assert "site/north" not in shown
    assert "site/south/overlay.yaml:3:32: E202 unknown segment 'ZZZ'" in shown
