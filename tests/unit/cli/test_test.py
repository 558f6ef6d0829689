"""`concord test` as a function: what it prints and returns. How cases run is tested below it."""

import json
from pathlib import Path

import pytest

from engine.cli.check import check
from engine.cli.test import How, run_tests

MAPS = """map: v1
kind: identity
patient: [{label: MR, from: 'PID-3[1]'}]
---
map: v1
kind: message
structure: ADT_A01
triggers: [ADT^A01]
make:
  - Patient: {map: PID-Patient, from: PID}
---
map: v1
kind: resource
from: PID
to: Patient
Patient:
  birthDate: PID-7
  gender: "=unknown"
  active: PID-30
"""
TESTS = """map: v1
kind: tests
message: |
  MSH|^~\\&|APP|FAC|||20260314101500||ADT^A01|C1|P|2.5.1
  PID|1||7||QUILL^TESS||19800112|F
cases:
  - name: born
    expect: {Patient.birthDate: 1980-01-12}
  - name: of some sex
    expect: {Patient.gender: female}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mappings folder with a right and a wrong test, in the current directory."""
    base = tmp_path / "mappings" / "base"
    base.mkdir(parents=True)
    (base / "maps.yaml").write_text(MAPS)
    (base / "maps.test.yaml").write_text(TESTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mappings"


def test_a_failing_case_is_told_with_the_rule(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tests() == 1
    assert capsys.readouterr().out.splitlines() == [
        "FAILED mappings/base/maps.test.yaml:9 of some sex",
        "  Patient.gender",
        "    expected female",
        "    actual   unknown",
        "    from literal at mappings/base/maps.yaml:18",
        "",
        "2 cases, 1 failed; 3 of 4 rule lines exercised (75 %)",
    ]


@pytest.mark.parametrize("path", [".", "mappings", "mappings/base/maps.test.yaml"])
def test_cases_are_chosen_by_name_and_path(
    path: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (folder / "base").is_dir()
    assert run_tests([Path(path)], matching="BORN") == 0
    assert capsys.readouterr().out.startswith("1 case, 0 failed;")


def test_no_case_is_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tests(matching="nobody", paths=[folder]) == 2
    assert "nothing-to-test" in capsys.readouterr().err


def test_what_is_not_exercised(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_tests([folder], matching="born", how=How(coverage=True, uncovered=True))
    assert capsys.readouterr().out.splitlines()[:2] == [
        "  75 %    3 of 4    base/maps.yaml",
        "not exercised: mappings/base/maps.yaml:19 Patient.active from PID-30",
    ]


def test_json_has_cases_and_coverage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tests([folder], how=How(as_json=True)) == 1
    said = json.loads(capsys.readouterr().out)
    assert [case["passed"] for case in said["cases"]] == [True, False]
    assert said["cases"][1]["differences"][0]["rules"] == ["literal at base/maps.yaml:18"]
    assert said["coverage"]["unexercised"] == ["base/maps.yaml:19"]
    assert said["problems"] == []


def test_mistakes_are_shown_by_test_and_by_check(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = folder / "base" / "maps.test.yaml"
    tests.write_text(TESTS.replace("Patient.gender", "Patient.gendre"))
    assert run_tests() == 78
    first = capsys.readouterr().err
    assert "mappings" not in first.splitlines()[0]
    assert check(folder) == 78
    second = capsys.readouterr().err
    assert "E260 no element 'gendre' on Patient" in first
    assert first == second


def test_a_mistake_in_the_mapping_is_one_of_the_tests(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = folder / "base" / "maps.yaml"
    maps.write_text(MAPS.replace("birthDate", "birthdate"))
    assert run_tests() == 78
    assert "did you mean 'birthDate'?" in capsys.readouterr().err


def test_a_folder_without_a_base_is_no_mappings_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_tests() == 78
    assert "has no layer 'base'" in capsys.readouterr().err


def test_fixtures_are_no_mappings(folder: Path) -> None:
    fixtures = folder / "base" / "fixtures"
    fixtures.mkdir()
    (fixtures / "people.csv").write_text("no,code,table\n")
    (fixtures / "x.yaml").write_text("not: a mapping\n")
    assert check(folder) == 0


def test_accepting_writes_what_came_out_and_shows_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tests([folder], how=How(accept=True)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "accepted mappings/base/maps.test.yaml:10 Patient.gender: female -> unknown",
        "2 cases, 0 failed; 3 of 4 rule lines exercised (75 %)",
    ]
    text = (folder / "base" / "maps.test.yaml").read_text()
    assert text == TESTS.replace("female", "unknown")
    assert run_tests([folder]) == 0


def test_a_refusal_is_accepted_by_name_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = folder / "base" / "maps.test.yaml"
    tests.write_text(TESTS.replace("|7||", "|||"))
    assert run_tests([folder], how=How(accept=True)) == 1
    said = capsys.readouterr().out
    assert "not accepted: 'born', which is refused or noted what nobody expected" in said
    assert tests.read_text() == TESTS.replace("|7||", "|||")
    how = How(accept=True, accept_faults=("born", "of some sex"))
    assert run_tests([folder], how=how) == 0
    assert tests.read_text().count("refused: missing-patient-key at PID-3") == 2


def test_a_golden_file_is_written_beside_the_test(folder: Path) -> None:
    tests = folder / "base" / "maps.test.yaml"
    tests.write_text(TESTS + "  - {name: whole, matches: fixtures/whole.json}\n")
    assert run_tests([folder], matching="whole", how=How(accept=True)) == 0
    golden = json.loads((folder / "base" / "fixtures" / "whole.json").read_text())
    assert golden["entry"][0]["resource"]["birthDate"] == "1980-01-12"
    assert run_tests([folder], matching="whole") == 0


def test_lines_no_test_would_miss_are_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tests([folder], matching="born", how=How(mutate=True)) == 0
    said = capsys.readouterr().out.splitlines()
    line = "mappings/base/maps.yaml:18 is deleted: Patient.gender from literal"
    assert said[:-1] == [f"no test fails if {line}"]


def test_mistakes_in_other_files_do_not_matter(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "base" / "other.test.yaml").write_text("map: v1\nkind: tests\ncase: []\n")
    assert run_tests([folder / "base" / "maps.test.yaml"], matching="born") == 0
    assert run_tests([folder], matching="born") == 78
    assert "did you mean 'cases'?" in capsys.readouterr().err


def test_tests_of_a_site_without_a_chain_are_told_of_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = folder / "site" / "mercy"
    site.mkdir(parents=True)
    (site / "one.test.yaml").write_text(TESTS)
    assert run_tests([site]) == 78
    said = capsys.readouterr()
    assert said.err.count("E276") == 1
    assert said.out == "2 cases, 0 failed, 2 could not be run\n"


@pytest.mark.parametrize("name", ["maps.test.yaml", "maps.yaml"])
def test_a_file_that_is_not_utf_8_is_shown_with_its_line(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / "base" / name).open("ab") as file:
        file.write(b"# \xff\n")
    line = (folder / "base" / name).read_bytes().count(b"\n")
    assert run_tests([folder]) == 78
    assert f"base/{name}:{line}:3: E101 not UTF-8" in capsys.readouterr().err
    assert check(folder) == 78
    assert "E101" in capsys.readouterr().err


def test_leaving_lines_out_ends_after_some_time(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.cli.test.MOST_S", -1)
    assert run_tests([folder], matching="born", how=How(mutate=True)) == 0
    assert "with 2 lines to go: name files" in capsys.readouterr().err
