"""Mistakes in fhir documents are shown with their place."""

import pytest

from engine.mapping.plan import MappingErrors, Plan
from tests.unit.mapping.fhir_documents import (
    FILES,
    PATIENT,
    plan_of,
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(FILES)


@pytest.mark.parametrize(
    ("before", "after", "code", "advice"),
    [
        ("maritalStatus: {from: maritalStatus", "maritalStatus: {from: maritalStatos", "E260",
         "did you mean 'maritalStatus'?"),
        ("{from: maritalStatus, map: {Widowed: W}}", "name", "E220", "no conversion"),
        ("{from: maritalStatus, map: {Widowed: W}}", "PID-16", "E261", "a resource has no PID-16"),
        ("{from: maritalStatus, map: {Widowed: W}}", "deceased.value", "E260", "say which"),
        ("{from: maritalStatus, map: {Widowed: W}}", "deceased.ofType(string)", "E260",
         "types: boolean, dateTime"),
        ("{from: maritalStatus, map: {Widowed: W}}", "name.filter(use = 'x')", "E205", "where"),
        ("except: [text, link, photo]", "except: [text, foto]", "E203", "did you mean 'photo'?"),
        ("from: Patient", "from: Patientt", "E223", "did you mean 'Patient'?"),
        ("copy: all", "copie: all", "E111", "did you mean 'copy'?"),
        ("type = \"replaced-by\"", "typ = \"replaced-by\"", "E260", "did you mean 'type'?"),
    ],
)  # fmt: skip
def test_mistakes_are_shown_with_their_place(
    before: str, after: str, code: str, advice: str
) -> None:
    changed = PATIENT.replace(before, after, 1)
    assert changed != PATIENT
    with pytest.raises(MappingErrors) as raised:
        plan_of({**FILES, "base/patient.yaml": changed})
    assert code in {problem.code for problem in raised.value.problems}
    assert advice in raised.value.frame()
    assert "base/patient.yaml" in raised.value.frame()


def test_two_documents_for_one_type_are_refused() -> None:
    other = PATIENT.replace("from: Patient", "from: Patient\nname: other", 1)
    with pytest.raises(MappingErrors) as raised:
        plan_of({**FILES, "base/other.yaml": other})
    assert {problem.code for problem in raised.value.problems} == {"E262"}


def test_a_path_into_a_resource_is_none_of_messages() -> None:
    message = "map: v1\nkind: resource\nfrom: PID\nto: Patient\nPatient: {birthDate: name.given}\n"
    with pytest.raises(MappingErrors) as raised:
        plan_of({**FILES, "base/pid.yaml": message})
    assert {problem.code for problem in raised.value.problems} <= {"E201", "E206"}


def test_the_plan_is_named_by_its_documents(plan: Plan) -> None:
    changed = PATIENT.replace("photo", "photo, contact")
    assert plan_of({**FILES, "base/patient.yaml": changed}).id != plan.id
    assert plan.resource_types == (
        "DiagnosticReport", "Encounter", "Observation", "Patient", "Practitioner",
    )  # fmt: skip
