"""What is wrong with a test file is told with its place, as in all mapping files."""

from collections.abc import Callable

import pytest

from engine.mapping.testing.suite import Suite, cases_of, problems_of
from tests.unit.mapping.testing.conftest import HEAD, PLACE, RunCases

CODES = [
    ("  - {expect: {Patient.count: 1}}", "E112"),
    ("  - {name: a}", "E272"),
    ("  - {name: a, expct: {Patient.count: 1}, diagnostics: none}", "E111"),
    ("  - {name: a, expect: {Patiant.count: 1}}", "E271"),
    ("  - {name: a, expect: {Patient.nam.family: X}}", "E260"),
    ("  - {name: a, expect: {Patient.name.frist(): X}}", "E205"),
    ("  - {name: a, expect: {'Patient.name.where(famly = \"X\")': X}}", "E260"),
    ("  - {name: a, expect: {'Patient.name[': X}}", "E201"),
    ("  - {name: a, expect: {Encounter.subject: {ref: Patiant}}}", "E271"),
    ("  - {name: a, expect: [Patient.count]}", "E113"),
    ("  - {name: a, expect: {Patient.count: 1}, site: Chicago}", "E113"),
    ("  - {name: a, expect: {Patient.count: 1}, site: {zone: UTC}}", "E111"),
    ("  - {name: a, expect: {Patient.count: 1}, site: {timezone: Mars/North}}", "E241"),
    ("  - {name: a, expect: {Patient.count: 1}, chain: [base, nowhere]}", "E110"),
    ("  - {name: a, expect: {Patient.count: 1}, message: x, file: y}", "E270"),
    ("  - {name: a, expect: {Patient.count: 1}, file: none.hl7}", "E273"),
    ("  - {name: a, expect: {Patient.count: 1}, file: ../../../etc/passwd}", "E273"),
    ("  - {name: a, expect: {Patient.count: 1}, file: /etc/passwd}", "E273"),
    ("  - {name: a, matches: ''}", "E273"),
    ("  - {name: a, expect: {Patient.count: 1}, ignore: [meta]}", "E113"),
    ("  - {name: a, expect: {Patient.count: 1}, segments: {PID-99: x}}", "E274"),
    ("  - {name: a, expect: {Patient.count: 1}, segments: {QQQ-1: x}}", "E274"),
    ("  - {name: a, expect: {Patient.count: 1}, segments: {NK1-2: x}}", "E274"),
    ("  - {name: a, expect: {Patient.count: 1}, segments: {'OBX[2]': remove}}", "E274"),
    ("  - {name: a, expect: {Patient.count: 1}, segments: {PID: Doe}}", "E274"),
    ("  - {name: a, expect: {Patient.count: 1}, segments: {pid: 'PID|1'}}", "E274"),
    ("  - {name: a, expect: {Patient.count: 1}, segments: PID}", "E274"),
    ("  - {name: a, expect: {Patient.count: 1}, rows: {Account: 1}}", "E112"),
    ("  - {name: a, expect: {Patient.count: 1}, rows: {Account: 1}, feed: patients}", "E275"),
    ("  - {name: a, expect: {Patient.count: 1}, resource: {resourceType: Patiant}}", "E271"),
    ("  - {name: a, refused: [[x]]}", "E113"),
    ("  - {name: a, merge: {survivor: 1}}", "E113"),
    ("  - {name: a, patients: 7}\n  - {name: a, patients: 8}", "E277"),
]


@pytest.mark.parametrize(("cases", "code"), CODES)
def test_mistakes_have_a_code(cases: str, code: str, codes: Callable[..., list[str]]) -> None:
    assert codes(cases + "\n") == [code]


def test_a_misspelt_element_is_shown_with_what_was_meant(run_cases: RunCases, suite: Suite) -> None:
    run_cases("  - name: a\n    expect:\n      Patient.name.where(use = 'x').famly: X\n")
    (problem,) = suite.problems.own()
    assert problem.frame().splitlines() == [
        "base/one.test.yaml:10:36: E260 no element 'famly' on Patient.name",
        "    10 |       Patient.name.where(use = 'x').famly: X",
        "       |                                    ^^^^^^",
        "       = help: did you mean 'family'?",
    ]


def test_a_misspelt_type_is_shown_with_what_was_meant(run_cases: RunCases, suite: Suite) -> None:
    run_cases("  - {name: a, expect: {Patiant.count: 1}}\n")
    (problem,) = suite.problems.own()
    assert str(problem.place) == "base/one.test.yaml:8:24"
    assert problem.help == "did you mean 'Patient'?"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("kind: tests\ncases: []\n", "E114"),
        ("map: v1\nkind: resource\n", "E114"),
        ("map: v1\nkind: tests\n", "E112"),
        ("- a\n", "E113"),
        ("map: v1\nkind: tests\ncase: []\ncases: []\n", "E111"),
        ("map: v1\nkind: tests\ncases: [a]\n", "E113"),
        ("map: v1\nkind: tests\ncases: [{name: a, patients: 7}]\n", "E270"),
        ("map: v1\nkind: tests\ncases: [{name: a, segments: {PID-8: F}}]\n", "E272"),
    ],
)
def test_mistakes_of_documents_are_found_without_a_run(text: str, code: str) -> None:
    assert code in [one.code for one in problems_of({PLACE: text}, ())]


def test_a_sound_document_has_no_problems() -> None:
    assert problems_of({PLACE: HEAD + "  - {name: a, patients: ['7']}\n"}, ()) == ()


def test_a_site_names_its_chain(suite: Suite) -> None:
    text = HEAD + "  - {name: a, patients: ['7']}\n"
    (case,) = cases_of({"site/mercy/one.test.yaml": text}, (), suite.problems)
    assert suite.run(case) is None
    assert [one.code for one in suite.problems.own()] == ["E276"]
