"""References of a sender: ours where they hold a key, else logical; nothing is looked up."""

from collections.abc import Callable

import pytest

from engine.core.values import Contribution
from engine.mapping.plan import Plan
from engine.r4.validate import validate
from tests.unit.mapping.fhir_documents import (
    FILES,
    RECEIVED_US,
    Json,
    bundle,
    notes,
    observation,
    patient,
    plan_of,
    told,
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(FILES)


Make = Callable[..., Contribution]


@pytest.fixture
def made(plan: Plan) -> Make:
    """Map one resource and return what it says of itself, valid."""

    def make(resource: Json) -> Contribution:
        found = told(plan.map_resource(resource, RECEIVED_US), resource["resourceType"])
        assert validate(found.body) == []
        return found

    return make


def test_a_bare_reference_to_the_patient_makes_a_record_joined_by_alias(plan: Plan) -> None:
    mapped = plan.map_resource(observation(), RECEIVED_US)
    assert plan.lane_of_resource(observation()) == "fhir:p1"
    record = mapped.patients[0].record
    assert [(a.record, a.system, a.value) for a in mapped.aliases] == [(record, "urn:ehr", "p1")]
    assert told(mapped, "Observation").body["subject"] == {"reference": f"Patient/{record}"}
    subject = told(mapped, "Patient")
    assert subject.weak == {"identifier"}
    assert subject.body["identifier"] == [{"system": "urn:ehr", "value": "p1"}]


def test_a_reference_with_the_number_finds_the_record_of_messages(plan: Plan) -> None:
    subject = {"reference": "Patient/p1", "identifier": patient()["identifier"][0]}
    mapped = plan.map_resource(observation(subject=subject), RECEIVED_US)
    assert mapped.patients == plan.map_resource(patient(), RECEIVED_US).patients
    assert told(mapped, "Patient").body.keys() == {"resourceType", "id", "meta"}


def test_in_a_bundle_the_patient_beside_is_meant(plan: Plan) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "urn:uuid:2"},
        "result": [{"reference": "urn:uuid:1"}, {"reference": "Observation/o.lab-77"}],
    }
    mapped = plan.map_resource(bundle(report, observation(), patient()), RECEIVED_US)
    assert [key.local_id for key in mapped.patients] == ["4711"]
    result = told(mapped, "Observation")
    body = told(mapped, "DiagnosticReport").body
    assert body["subject"] == {"reference": f"Patient/{mapped.patients[0].record}"}
    assert body["result"] == [{"reference": f"Observation/{result.id}"}] * 2
    assert plan.lane_of_resource(bundle(report, observation(), patient())) == "MR:4711"


def test_a_reference_whose_key_cannot_be_read_is_logical(made: Make) -> None:
    report = observation(resourceType="DiagnosticReport", id="r1", issued="2026-03-14T10:00:00Z")
    report["result"] = [{"reference": "https://ehr.example/r4/Observation/o.lab-77/_history/2"}]
    assert made(report).body["result"] == [
        {
            "type": "Observation",
            "identifier": {"system": "urn:ehr:observation", "value": "o.lab-77"},
        }
    ]


def test_a_reference_that_holds_the_key_is_ours(plan: Plan, made: Make) -> None:
    visit = {"system": "urn:visit", "value": "99"}
    encounter = {
        "resourceType": "Encounter",
        "id": "e5",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/p1"},
        "identifier": [visit],
    }
    ours = {"reference": f"Encounter/{made(encounter).id}", "display": "Office visit"}
    given = {"reference": "Encounter/e5", "identifier": visit, "display": "Office visit"}
    assert made(observation(encounter=given)).body["encounter"] == ours
    bare = made(observation(encounter={"reference": "Encounter/e5"})).body["encounter"]
    assert bare == {
        "type": "Encounter",
        "identifier": {"system": "urn:id:mercy:fhir-Encounter", "value": "e5"},
    }


def test_who_is_only_named_gets_a_bare_resource(plan: Plan) -> None:
    doctor = {"reference": "Practitioner/d1", "display": "Isolde Pemberton"}
    mapped = plan.map_resource(patient(generalPractitioner=[doctor]), RECEIVED_US)
    made = told(mapped, "Practitioner")
    assert made.weak == {"identifier", "name"}
    assert made.body["name"] == [{"text": "Isolde Pemberton"}]
    named = told(mapped, "Patient").body["generalPractitioner"]
    assert named == [{"reference": f"Practitioner/{made.id}", "display": "Isolde Pemberton"}]
    whole = {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Pemberton"}]}
    assert told(plan.map_resource(whole, RECEIVED_US), "Practitioner").id == made.id


def test_foreign_and_conditional_references(made: Make) -> None:
    foreign = {"reference": "https://other.example/r4/Practitioner/1"}
    searched = {"reference": "Organization?identifier=urn:oid:1.2%7C7"}
    body = made(patient(generalPractitioner=[foreign, searched])).body
    assert body["generalPractitioner"] == [
        foreign,
        {"type": "Organization", "identifier": {"system": "urn:oid:1.2", "value": "7"}},
    ]


def test_what_a_result_contains_stays_inside(made: Make) -> None:
    held = {"resourceType": "Practitioner", "id": "x", "name": [{"family": "Pemberton"}]}
    body = made(observation(contained=[held], performer=[{"reference": "#x"}])).body
    assert (body["contained"], body["performer"]) == ([held], [{"reference": "#x"}])


def test_a_contained_patient_is_the_subject_and_not_kept(plan: Plan) -> None:
    held = {"resourceType": "Patient", "id": "x", "identifier": patient()["identifier"]}
    given = observation(contained=[held], subject={"reference": "#x"})
    mapped = plan.map_resource(given, RECEIVED_US)
    assert [key.local_id for key in mapped.patients] == ["4711"]
    made = told(mapped, "Observation").body
    assert "contained" not in made
    assert made["subject"] == {"reference": f"Patient/{mapped.patients[0].record}"}


def test_a_reference_to_nothing_inside_goes(plan: Plan, made: Make) -> None:
    given = observation(performer=[{"reference": "#y"}, {"reference": "Practitioner/1"}])
    assert len(made(given).body["performer"]) == 1
    noted = notes(plan.map_resource(given, RECEIVED_US))
    assert noted == {("lost-reference", "Observation")}


def test_what_a_patient_contains_becomes_a_resource(plan: Plan) -> None:
    held = {"resourceType": "Practitioner", "id": "x", "name": [{"family": "Pemberton"}]}
    given = patient(contained=[held], generalPractitioner=[{"reference": "#x"}])
    mapped = plan.map_resource(given, RECEIVED_US)
    made = told(mapped, "Practitioner")
    assert made.body["name"] == held["name"]
    assert "contained" not in told(mapped, "Patient").body
    assert told(mapped, "Patient").body["generalPractitioner"] == [
        {"reference": f"Practitioner/{made.id}"}
    ]
