"""The order in which `concord check` shows mistakes, and what `concord explain` does not know."""

import json
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


@pytest.fixture
def wrong(whole: Path) -> Path:
    """A folder with a mistake in the base and one in a vendor's layer."""
    text = BROKEN.replace("birthDate: *seven", "familly: PID-5")
    (whole / "base" / "c-patient.yaml").write_text(text, "utf-8")
    (whole / "vendor" / "epic").mkdir(parents=True)
    overlay = "map: v1\nkind: overlay\nchange: {PID-Patient: {gender: PID-99}}\n"
    (whole / "vendor" / "epic" / "overlay.yaml").write_text(overlay, "utf-8")
    return whole


def test_each_chain_is_told_when_it_is_done(
    wrong: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(wrong) == 78
    told = capsys.readouterr()
    assert told.out.splitlines() == ["base: 1 problem", "base + vendor/epic: 2 problems"]
    assert told.err.count("E203 no element 'familly'") == 1
    assert "\n2 problems; `concord explain" in told.err


def test_only_what_is_wrong_with_named_files_is_shown(
    wrong: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check(wrong / "base" / "a-identity.yaml") == 0
    assert "2 problems in files that were not named" in capsys.readouterr().err
    monkeypatch.chdir(wrong / "vendor")
    assert check(Path("epic/overlay.yaml")) == 78
    told = capsys.readouterr().err
    assert "vendor/epic/overlay.yaml:3:32: E202" in told
    assert "E203" not in told


def test_one_chain_can_be_checked(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(wrong, chain="base") == 78
    assert capsys.readouterr().out == "base: 1 problem\n"
    assert check(wrong, chain="base,vendor/none") == 78
    assert "no mapping files in layer 'vendor/none'" in capsys.readouterr().err


def test_what_cannot_be_checked_is_said(
    wrong: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = tmp_path.parent / "stray.yaml"
    stray.write_text("map: v1\n", "utf-8")
    for paths, said in (
        ((wrong / "none.yaml",), "no folder or file"),
        ((wrong, wrong / "base"), "name one folder, or files"),
        ((stray,), "lies in no folder of mappings"),
    ):
        assert check(*paths) == 78
        assert said in capsys.readouterr().err


def test_github_takes_a_problem_as_an_annotation(
    wrong: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(wrong.parent)
    assert check(wrong, style="github") == 78
    first, _ = capsys.readouterr().out.splitlines()
    place = f"file={wrong.name}/base/c-patient.yaml,line=6,col=3,title=E203"
    assert first.startswith(f"::error {place}::no element 'familly' on Patient")


def test_a_sarif_log_names_rules_and_places(
    wrong: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(wrong, style="sarif") == 78
    log = json.loads(capsys.readouterr().out)
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E203", "E202"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("base/c-patient.yaml")
    assert place["region"] == {"startLine": 6, "startColumn": 3, "endColumn": 10}


def test_what_github_reads_as_its_own_is_escaped(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (whole / "base" / "d,e.yaml").write_text("map: v1\nkind: '100%'\n", "utf-8")
    assert check(whole, style="github") == 78
    line = capsys.readouterr().out.strip()
    assert "d%2Ce.yaml,line=1" in line
    assert "%0A" in line
    assert "\n" not in line
