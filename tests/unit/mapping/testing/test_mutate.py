"""Which rule lines the tests exercise, and which no test would miss."""

from dataclasses import replace

import pytest

from engine.formats.hl7v2.parse import parse
from engine.mapping.library import Library
from engine.mapping.plan import compile_plan
from engine.mapping.probe import Probe
from engine.mapping.testing.case import RECEIVED_US, Setting
from engine.mapping.testing.coverage import lines, shares, total
from engine.mapping.testing.mutate import tried
from engine.mapping.testing.suite import Suite
from tests.unit.mapping.testing.conftest import HEAD, RunCases

CASES = """  - {name: a, expect: {Patient.birthDate: 1980-01-12, Patient.gender: female}}
  - {name: b, segments: {PV1: remove}, expect: {Patient.name.family: QUILL, Encounter.count: 0}}
"""


def test_lines_that_gave_something_are_exercised(run_cases: RunCases, suite: Suite) -> None:
    results = run_cases(CASES)
    found = {str(line): line for line in lines(suite.benches(), results)}
    assert found["base/resources.yaml:12"].exercised
    assert found["base/resources.yaml:12"].fills == "Patient.birthDate from PID-7"
    assert not found["base/resources.yaml:14"].exercised
    assert found["base/messages.yaml:7"].exercised
    assert not found["base/messages.yaml:8"].exercised
    every = list(found.values())
    assert sum(share.lines for share in shares(every)) == total(every).lines == len(every)


def test_lines_that_no_test_would_miss(run_cases: RunCases, suite: Suite) -> None:
    results = run_cases(CASES)
    before = [one.found for one in results]
    outcome = {
        str(one.line): one.missed for one in tried(suite, results, lines(suite.benches(), results))
    }
    assert outcome["base/resources.yaml:12"]
    assert outcome["base/resources.yaml:8"]
    assert outcome["base/messages.yaml:6"]
    assert not outcome["base/messages.yaml:7"]
    assert not outcome["base/resources.yaml:7"]
    assert "base/resources.yaml:14" not in outcome
    assert [suite.outcome(one.case, one.bench) for one in results] == before


def test_a_case_that_fails_anyway_notices_nothing(run_cases: RunCases, suite: Suite) -> None:
    results = run_cases("  - {name: a, expect: {Patient.birthDate: 1981-01-12}}\n")
    assert list(tried(suite, results, lines(suite.benches(), results))) == []


def test_a_plan_with_a_probe_maps_as_one_without(files: dict[str, str]) -> None:
    library, site = Library(tuple(sorted(files.items()))), Setting().profile(("base",))
    lines = HEAD.split("message: |\n")[1].split("cases:")[0]
    message = parse("\r".join(line.strip() for line in lines.splitlines()).encode())
    plain = compile_plan(library, site).map(message, RECEIVED_US)
    probed = compile_plan(library, site, Probe()).map(message, RECEIVED_US)
    assert probed.lines
    assert plain == replace(probed, lines=())


SKIP = """from: DG1
to: Condition
skip: >-
  DG1-6 = "X"
"""
WHEN = """  period:
    when: PV1-45 valued
    start: PV1-44
    end: PV1-45
"""


@pytest.fixture
def conditions(files: dict[str, str], suite: Suite) -> Suite:
    """A library with conditions on lines of their own."""
    text = files["base/resources.yaml"].replace("from: DG1\nto: Condition\n", SKIP)
    text = text.replace("  period: {start: PV1-44, end: PV1-45}\n", WHEN)
    changed = {**files, "base/resources.yaml": text}
    suite.library = Library(tuple(sorted(changed.items())))
    return suite


@pytest.mark.parametrize(
    ("case", "exercised", "missed"),
    [
        ("segments: {DG1: 'DG1|1||E11^D|||X'}, expect: {Condition.count: 0}", True, True),
        ("segments: {DG1: 'DG1|1||E11^D|||X'}, expect: {Patient.count: 1}", True, False),
        ("segments: {DG1: 'DG1|1||E11^D|||A'}, expect: {Condition.count: 1}", False, None),
        ("segments: {PV1-44: '20260301'}, expect: {Encounter.period: absent}", True, True),
        ("segments: {PV1-44: '20260301'}, expect: {Encounter.count: 1}", True, False),
        ("segments: {PV1-44: '20260301', PV1-45: '20260302'}, patients: 7", False, None),
    ],
)
def test_conditions_with_a_line_of_their_own(
    case: str, exercised: bool, missed: bool | None, conditions: Suite, run_cases: RunCases
) -> None:
    kind = "unless DG1-6" if "DG1" in case else "only if PV1-45"
    results = run_cases(f"  - {{name: a, {case}}}\n")
    every = lines(conditions.benches(), results)
    (line,) = [one for one in every if one.fills.startswith(kind)]
    assert line.exercised is exercised
    found = {str(one.line): one.missed for one in tried(conditions, results, every)}
    assert found.get(str(line)) is missed
