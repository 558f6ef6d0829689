"""What came out is written in place of what was expected, and nothing else of a file changes."""

import pytest

from engine.mapping.testing.accept import Accepted, accepted
from engine.mapping.testing.suite import Suite, cases_of
from tests.unit.mapping.testing.conftest import HEAD, PLACE


def accept(suite: Suite, text: str, *named: str) -> Accepted:
    cases = cases_of({PLACE: text}, suite.files, suite.problems)
    results = [found for case in cases if (found := suite.run(case)) is not None]
    assert not suite.problems.own()
    return accepted(results, {PLACE: text}, named)


CHANGES = [
    ("expect: {Patient.gender: male}", "expect: {Patient.gender: female}"),
    ("expect: {Patient.gender: [male, other]} # x", "expect: {Patient.gender: female} # x"),
    ("expect: {Patient.gender: absent}", "expect: {Patient.gender: female}"),
    ("expect: {Patient.photo: {title: x}}", "expect: {Patient.photo: absent}"),
    ('expect: {Patient.count: "2" }', "expect: {Patient.count: 1 }"),
    (
        "expect:\n      # sex\n      Patient.gender:   male   # of birth\n      Patient.count: 1",
        "expect:\n      # sex\n      Patient.gender:   female   # of birth\n      Patient.count: 1",
    ),
    (
        "expect:\n      Patient.name:\n        - family: ROE  # no\n\n    # end\n    patients: 7",
        (
            "expect:\n      Patient.name:\n        {family: QUILL, given: [TESS]}  # no\n\n"
            "    # end\n    patients: 7"
        ),
    ),
    (
        "expect:\n      Patient.gender:\n      Patient.count: 1",
        "expect:\n      Patient.gender: female\n      Patient.count: 1",
    ),
    (
        "expect: {Encounter.subject: {ref: Encounter}}",
        "expect: {Encounter.subject: {ref: Patient}}",
    ),
    ("patients: [8, 9]", "patients: [7]"),
    ("merge: {survivor: 1, subsumed: 2}", "merge: none"),
    ("refused: missing-patient-key", "refused: none"),
    ("diagnostics: [volatile-id]", "diagnostics: none"),
]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_only_the_value_changes(before: str, after: str, end: str, suite: Suite) -> None:
    text = f"{HEAD}  # first\n  - name: a  # why\n    {before}\n# last\n".replace("\n", end)
    found = accept(suite, text)
    assert found.tests == {PLACE: text.replace(before.replace("\n", end), after.replace("\n", end))}
    assert accept(suite, found.tests[PLACE]).tests == {}


FAULTS = [
    (
        "  - name: a  # why\n    segments: {PID-8: Q}\n    diagnostics: none\n",
        "  - name: a  # why\n    segments: {PID-8: Q}\n    diagnostics: unmapped-code at PID-8\n",
    ),
    (
        "  - name: a  # why\n    segments: {PID-3: ''}\n    diagnostics: none\n",
        (
            "  - name: a  # why\n    refused: missing-patient-key at PID-3\n"
            "    segments: {PID-3: ''}\n    diagnostics: none\n"
        ),
    ),
    (
        "  - {name: a, segments: {PID-3: ''}, patients: none}  # why\n",
        (
            "  - {name: a, refused: missing-patient-key at PID-3, segments: {PID-3: ''}, "
            "patients: none}  # why\n"
        ),
    ),
    (
        "  - {segments: {MSH-11: T}, diagnostics: none, name: a}",
        "  - {segments: {MSH-11: T}, diagnostics: none, name: a, filtered: not-production}",
    ),
]


@pytest.mark.parametrize(("before", "after"), FAULTS)
def test_faults_are_accepted_of_cases_that_are_named(before: str, after: str, suite: Suite) -> None:
    text = HEAD + before
    refused = accept(suite, text, "b")
    assert (refused.tests, len(refused.left)) == ({}, 1)
    found = accept(suite, text, "a")
    assert found.tests == {PLACE: HEAD + after}
    assert accept(suite, found.tests[PLACE]).left == ()


def test_several_changes_of_several_cases(suite: Suite) -> None:
    cases = "  - {name: a, expect: {Patient.gender: male, Patient.count: 3}}\n"
    text = HEAD + cases + cases.replace("name: a", "name: b")
    assert accept(suite, text).tests == {
        PLACE: text.replace("gender: male", "gender: female").replace("count: 3", "count: 1")
    }


def test_a_golden_file_is_made_and_then_holds(suite: Suite) -> None:
    text = HEAD + "  - {name: a, matches: fixtures/a.json}\n"
    found = accept(suite, text)
    assert found.tests == {}
    (path,) = found.goldens
    assert path == "base/fixtures/a.json"
    suite.files = found.goldens
    again = accept(suite, text)
    assert (again.taken, again.left) == ((), ())


@pytest.mark.parametrize(
    ("change", "ignore", "what"),
    [
        (("female", "male"), "[]", ["Patient/ gender"]),
        (("female", "male"), "[gender]", []),
        (("female", "male"), "[Patient.gender]", []),
        (("female", "male"), "[Encounter.gender]", ["Patient/ gender"]),
        (('"id":', '"id": "other", "ID":'), "[Encounter, ID]", ["Patient/other", "Patient/"]),
        (('"id":', '"id": "other", "ID":'), "[Encounter, Patient]", []),
        (("{", "{{"), "[]", ["base/fixtures/a.json"]),
    ],
)
def test_a_golden_file_is_compared_member_by_member(
    change: tuple[str, str], ignore: str, what: list[str], suite: Suite
) -> None:
    text = f"{HEAD}  - {{name: a, matches: fixtures/a.json, ignore: {ignore}}}\n"
    goldens = accept(suite, text).goldens
    changed = {path: data.decode().replace(*change).encode() for path, data in goldens.items()}
    suite.files = changed
    (case,) = cases_of({PLACE: text}, changed, suite.problems)
    result = suite.run(case)
    assert result is not None
    found = [one.what for one in result.differences]
    assert len(found) == len(what)
    for said, wanted in zip(found, what, strict=True):
        assert all(part in said for part in wanted.split())


def test_decimals_keep_their_digits_in_a_golden_file(suite: Suite) -> None:
    segment = "OBX|1|NM|W^Weight||8.90|kg|||||F"
    base = HEAD.replace("ADT^A01", "ORU^R01").replace("  PV1|", "  OBR|1||F1|W^Weight\n  PV1|")
    text = base + f"  - {{name: a, segments: {{PV1: '{segment}'}}, matches: fixtures/a.json}}\n"
    (data,) = accept(suite, text).goldens.values()
    assert b'"value": 8.90' in data
