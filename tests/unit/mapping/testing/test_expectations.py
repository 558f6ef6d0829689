"""What cases may expect, and how it is told when something else came out."""

import pytest

from engine.mapping.testing.suite import Suite
from tests.unit.mapping.testing.conftest import HEAD, RunCases

RIGHT = [
    "Patient.count: 1",
    "Condition.count: 0",
    'Patient.identifier.value: "7"',
    "Patient.name.family: QUILL",
    'Patient.name.where(family = "QUILL").given: TESS',
    "Patient.name: {family: QUILL, given: [TESS]}",
    "Patient.name: {family: QUILL, suffix: absent}",
    "Patient.name: [{given: TESS}]",
    "Patient.name.count(): 1",
    "Patient[0].birthDate: 1980-01-12",
    "Patient[1].birthDate: absent",
    "Patient.where(gender = 'female').birthDate: 1980-01-12",
    "Patient.photo: absent",
    "Patient.birthDate: =1980-01-12",
    "Patient.birthDate.exists(): true",
    "Patient.telecom.use: [home]",
    "Encounter.subject: {ref: Patient}",
    "Encounter.subject: {ref: \"Patient.where(gender = 'female')\"}",
    "Patient.meta.source: urn:concord:site:test",
]
WRONG = [
    ("Patient.count: 2", "1"),
    ("Patient.birthDate: 1980-01-13", "1980-01-12"),
    ("Patient.birthDate: absent", "1980-01-12"),
    ("Patient.name.text: TESS", "absent"),
    ("Patient.name: {family: QUILL, given: absent}", "{family: QUILL, given: [TESS]}"),
    ("Patient.name: []", "{family: QUILL, given: [TESS]}"),
    ("Patient.name: QUILL", "{family: QUILL, given: [TESS]}"),
    ("Patient.$clear: [birthDate]", "absent"),
    ("Patient.gender: =absent", "female"),
]


@pytest.mark.parametrize("line", RIGHT)
def test_what_holds(line: str, run_cases: RunCases, suite: Suite) -> None:
    (result,) = run_cases(f"  - name: a\n    expect:\n      {line}\n")
    assert not suite.problems.own()
    assert result.differences == ()


@pytest.mark.parametrize(("line", "actual"), WRONG)
def test_what_does_not_hold(line: str, actual: str, run_cases: RunCases) -> None:
    (result,) = run_cases(f"  - name: a\n    expect:\n      {line}\n")
    (found,) = result.differences
    assert found.what == line.partition(": ")[0]
    assert found.actual == actual
    assert found.place.line == 10


def test_a_difference_names_the_rules_behind_the_value(run_cases: RunCases) -> None:
    (result,) = run_cases("  - {name: a, expect: {Patient.birthDate: 1980-01-13}}\n")
    assert result.differences[0].rules == ("PID-7 at base/resources.yaml:12",)


def test_another_reference_is_none_to_the_patient(run_cases: RunCases) -> None:
    (result,) = run_cases("  - {name: a, expect: {Encounter.subject: {ref: Encounter}}}\n")
    assert result.differences[0].expected == "{ref: Encounter}"


STATED = [
    ("segments: {PID-7: '\"\"'}\n    expect: {Patient.$clear: [birthDate]}", ()),
    ("segments: {PID-8: Q}\n    diagnostics: none", ("unmapped-code at PID-8",)),
    ("segments: {PID-8: Q}\n    diagnostics: [unmapped-code at PID-8]", ()),
    ("segments: {PID-8: Q}\n    diagnostics: unmapped-code", ()),
    ("segments: {PID-8: Q}\n    diagnostics: [volatile-id]", ("unmapped-code at PID-8",)),
    ("segments: {PID-3: ''}\n    diagnostics: none", ("missing-patient-key at PID-3",)),
    ("segments: {PID-3: ''}\n    refused: missing-patient-key", ()),
    ("segments: {PID-3: ''}\n    refused: missing-patient-key at PID-3", ()),
    ("refused: missing-patient-key", ("none",)),
    ("segments: {MSH-11: T}\n    filtered: not-production", ()),
    ("segments: {MSH-11: T}\n    diagnostics: none", ("not-production",)),
    ('patients: ["7"]', ()),
    ('patients: ["8"]', ("[7]",)),
    ("merge: none", ()),
]


@pytest.mark.parametrize(("said", "actual"), STATED)
def test_what_is_said_of_the_message(
    said: str, actual: tuple[str, ...], run_cases: RunCases
) -> None:
    (result,) = run_cases(f"  - name: a\n    {said}\n")
    assert tuple(one.actual for one in result.differences) == actual


MERGE = HEAD.replace("ADT^A01|", "ADT^A40^ADT_A39|").replace("  PV1|", "  MRG|9^^^HOSP^MR\n  PV1|")


@pytest.mark.parametrize(
    ("said", "actual"),
    [
        ('{survivor: "7", subsumed: "9"}', []),
        ('[{survivor: "7", subsumed: "9"}]', []),
        ('{survivor: "9", subsumed: "7"}', ["[{survivor: 7, subsumed: 9}]"]),
        ("none", ["[{survivor: 7, subsumed: 9}]"]),
    ],
)
def test_merges(said: str, actual: list[str], run_cases: RunCases) -> None:
    head = MERGE.replace("  PV1|1|I|||||||||||||||||V1\n", "")
    (result,) = run_cases(f"  - name: a\n    merge: {said}\n", head)
    assert [one.actual for one in result.differences] == actual


def test_a_value_that_is_missing_names_the_rules_that_gave_nothing(run_cases: RunCases) -> None:
    (result,) = run_cases("  - {name: a, expect: {Patient.deceasedBoolean: 'true'}}\n")
    (found,) = result.differences
    assert found.rules == ()
    assert result.silent(found) == (
        "PID-29 at base/resources.yaml:14",
        "PID-30 at base/resources.yaml:15",
    )
    (result,) = run_cases("  - {name: b, expect: {Patient.contact.name.family: ROE}}\n")
    assert result.silent(result.differences[0]) == ("NK1-2 at base/resources.yaml:17",)
