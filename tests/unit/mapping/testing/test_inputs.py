"""What can come in: messages and changes to them, files, rows, resources."""

import json

import pytest

from engine.mapping.library import Library
from engine.mapping.testing.coverage import lines
from engine.mapping.testing.suite import Suite, cases_of
from tests.unit.mapping.testing.conftest import HEAD, PLACE, RunCases

FEED = """map: v1
kind: csv
feed: patients
files: "*patients*.csv"
deletes: "*gone*.csv"
columns:
  Account: {header: Acct No, type: id}
  Last: str
  Born: {type: date(%m/%d/%Y), optional: true}
patient: {MR: Account}
to: Patient
key: [Account]
on_delete: {active: "=false"}
Patient: {name: {family: Last}, birthDate: Born}
"""
SENT = """map: v1
kind: fhir
from: Observation
key: [[id]]
copy: all
"""
PEOPLE = """map: v1
kind: identity
fhir_patient: [{label: fhir, from: id}]
"""


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("{PID: 'PID|1||8^^^HOSP^MR'}", "Patient.name", "absent"),
        ("{PID-7: '20010203'}", "Patient.birthDate", "2001-02-03"),
        ("{PID-29: '20260101'}", "Patient.deceasedDateTime", "2026-01-01"),
        ("{PV1: remove}", "Encounter.count", "0"),
        ("{PV1: ['PV1|1|I|||||||||||||||||V1', 'DG1|1||E11^Diabetes']}", "Condition.count", "1"),
        ("{DG1: 'DG1|1||E11^Diabetes'}", "Condition.count", "1"),
        ("{NK1: ['NK1|1|ROE^A', 'NK1|2|ROE^B']}", "Patient.contact.name.given", "[A, B]"),
        ("{'PID[1]-8': M}", "Patient.gender", "male"),
    ],
)
def test_segments_change_the_message_of_the_document(
    change: str, path: str, value: str, run_cases: RunCases, suite: Suite
) -> None:
    (result,) = run_cases(f"  - {{name: a, segments: {change}, expect: {{{path}: {value}}}}}\n")
    assert not suite.problems.own()
    assert result.differences == ()


def test_a_message_of_a_case_stands_alone(run_cases: RunCases) -> None:
    case = (
        "  - name: a\n    message: |\n"
        "      MSH|^~\\&|APP|FAC|||20260314101500||ADT^A01|C1|P|2.5.1\n"
        "      PID|1||8^^^HOSP^MR\n"
        '    patients: ["8"]\n    expect: {Encounter.count: 0}\n'
    )
    (result,) = run_cases(case)
    assert result.differences == ()


@pytest.fixture
def feeds(suite: Suite, files: dict[str, str]) -> Suite:
    more = {"base/feed.yaml": FEED, "base/sent.yaml": SENT, "base/people.yaml": PEOPLE}
    suite.library = Library(tuple(sorted({**files, **more}.items())))
    return suite


@pytest.mark.parametrize(
    "case",
    [
        'rows: {Acct No: "7", Born: 01/12/1980}, expect: {Patient.birthDate: 1980-01-12}',
        'rows: {Account: "7"}, expect: {Patient.birthDate: absent}',
        'rows: [{Account: "7"}, {Account: "8"}], patients: ["7", "8"]',
        'rows: {Account: "7"}, deletes: true, expect: {Patient.active: "false"}',
        "rows: {Last: Doe}, refused: missing-patient-key",
    ],
)
def test_rows_of_a_feed(case: str, feeds: Suite, run_cases: RunCases) -> None:
    (result,) = run_cases(f"  - {{name: a, feed: patients, {case}}}\n")
    assert not feeds.problems.own()
    assert result.differences == ()


def test_rules_of_a_feed_are_told_by_their_columns(feeds: Suite, run_cases: RunCases) -> None:
    results = run_cases('  - {name: a, feed: patients, rows: {Account: "7"}, patients: "7"}\n')
    told = [line.fills for line in lines(feeds.benches(), results)]
    assert "Patient.name from Last, Patient.birthDate from Born" in told


def test_an_unknown_column_is_told_with_what_was_meant(feeds: Suite, run_cases: RunCases) -> None:
    assert run_cases('  - {name: a, feed: patients, rows: {Acount: "7"}, patients: none}\n') == []
    (problem,) = feeds.problems.own()
    assert problem.help == "did you mean 'Account'?"


OBSERVATION = (
    "{resourceType: Observation, id: o1, status: final, code: {text: Weight}, "
    "subject: {reference: Patient/p1}, valueQuantity: {value: 8.90, unit: kg}}"
)


def test_a_resource_as_yaml_has_the_types_of_r4(feeds: Suite, run_cases: RunCases) -> None:
    expect = "{Observation.valueQuantity.value: 8.90, Observation.status: final}"
    (result,) = run_cases(f"  - name: a\n    resource: {OBSERVATION}\n    expect: {expect}\n")
    assert not feeds.problems.own()
    assert result.differences == ()
    assert "wrong-shape" not in [note.code for note in result.found.notes]


def test_a_resource_as_json(feeds: Suite, run_cases: RunCases) -> None:
    given = {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "W"}}
    body = json.dumps({**given, "subject": {"reference": "Patient/p1"}})
    (result,) = run_cases(f"  - name: a\n    resource: '{body}'\n    patients: [p1]\n")
    assert result.differences == ()


MESSAGE = HEAD.split("message: |\n")[1].split("cases:")[0].replace("  ", "")


@pytest.mark.parametrize(
    ("name", "data", "expect"),
    [
        ("one.hl7", MESSAGE, 'patients: ["7"]'),
        ("two.hl7", MESSAGE + MESSAGE.replace("|7^", "|8^"), 'patients: ["7", "8"]'),
        (
            "patients.csv",
            "Acct No,Last\n7,Doe\n8,Roe\n",
            "expect: {Patient.name.family: [Doe, Roe]}",
        ),
        ("gone.csv", "Acct No\n7\n", 'expect: {Patient.active: "false"}'),
        ("other.csv", "Acct No\n7\n", "refused: file-unknown"),
        ("patients.csv", "Acct No\n7\n", "refused: column-missing"),
        ("a.json", '{"resourceType": "Device"}', "refused: unknown-resource"),
        ("a.json", "{", "refused: json-syntax"),
    ],
)
def test_files(name: str, data: str, expect: str, feeds: Suite, files: dict[str, str]) -> None:
    path = f"base/fixtures/{name}"
    feeds.files = {path: data.replace("\n", "\r").encode() if "hl7" in name else data.encode()}
    text = f"{HEAD}  - {{name: a, file: fixtures/{name}, {expect}}}\n"
    (case,) = cases_of({PLACE: text}, feeds.files, feeds.problems)
    result = feeds.run(case)
    assert result is not None
    assert result.differences == ()
