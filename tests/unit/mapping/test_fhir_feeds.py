"""fhir documents: resources become ours."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.fault import FaultError
from engine.core.lexeme import Number
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


def test_a_patient_is_the_record_that_messages_have(plan: Plan) -> None:
    mapped = plan.map_resource(patient(), RECEIVED_US)
    key = mapped.patients[0]
    assert (key.site, key.local_id) == ("mercy", "4711")
    assert plan.lane_of_resource(patient()) == "MR:4711"
    assert {(a.system, a.value) for a in mapped.aliases} == {
        ("urn:ehr", "p1"),
        ("urn:oid:1.2.3", "4711"),
    }
    found = told(mapped, "Patient")
    assert (found.id, found.patient, found.mode) == (key.record, key.record, "merge")
    assert mapped.kind == "fhir:Patient"
    assert mapped.source_us == 1_773_483_300_000_000


def test_what_is_copied_is_the_same(made: Make) -> None:
    absent = [{"url": "urn:why", "valueCode": "masked"}]
    name = [{"family": "Quist", "_given": [None, {"extension": absent}], "given": ["Roz", "M"]}]
    born = {"extension": [{"url": "urn:time", "valueDateTime": "1949-02-17T08:00:00-06:00"}]}
    given = patient(name=name, birthDate="1949-02-17", _birthDate=born, deceasedBoolean=False)
    body = made(given).body
    assert body["name"] == name
    assert (body["birthDate"], body["_birthDate"]) == ("1949-02-17", born)
    assert body["deceasedBoolean"] is False
    assert body["identifier"] == [{"type": {"text": "MRN"}, "value": "4711"}]


def test_decimals_keep_their_digits(made: Make) -> None:
    found = made(observation(valueQuantity={"value": Number("8.90"), "unit": "%"}))
    assert found.body["valueQuantity"]["value"] == "8.90"


def test_a_unit_keeps_its_code_only_if_it_is_one_of_ucum(made: Make) -> None:
    sent = {"value": Number("8.90"), "system": "http://unitsofmeasure.org"}
    sound = made(observation(valueQuantity={**sent, "code": "%"})).body["valueQuantity"]
    assert sound == {**sent, "code": "%"}
    wrong = made(observation(valueQuantity={**sent, "code": "idx"})).body["valueQuantity"]
    assert wrong == {"value": "8.90", "unit": "idx"}


def test_excluded_elements_and_extensions_of_the_vendor_go(made: Make) -> None:
    extensions = [{"url": f"https://{host}/x", "valueCode": "a"} for host in ("ehr.example", "b")]
    div = {"status": "generated", "div": "<div>Roz</div>"}
    body = made(patient(extension=extensions, text=div, photo=[{"title": "x"}])).body
    assert body["extension"] == extensions[1:]
    assert {"text", "photo"}.isdisjoint(body)


def test_rules_take_the_place_of_copies(made: Make) -> None:
    body = made(patient(maritalStatus={"text": "Widowed"})).body
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "W"}
    assert body["maritalStatus"]["text"] == "Widowed"
    assert body["maritalStatus"]["coding"][0]["code"] == coding["code"]


def test_what_is_absent_is_taken_back_where_the_document_says_so(made: Make) -> None:
    assert set(made(patient()).clears) == {"telecom", "deceased"}
    phone = [{"system": "phone", "value": "608-555-0121"}]
    assert made(patient(telecom=phone, deceasedBoolean=True)).clears == ()
    assert made(patient()).weak == {"identifier"}


@pytest.mark.parametrize(
    ("given", "code", "where"),
    [
        ({"birthDate": "17.02.1949"}, "bad-value", "Patient.birthDate"),
        ({"gender": "F"}, "bad-value", "Patient.gender"),
        ({"birthDate": "1949-02-17", "_birthDate": {"id": "b"}}, "", ""),
        ({"nickname": "Roz"}, "unknown-element", "Patient.nickname"),
        ({"Roz Quist 1949": 1}, "unknown-element", "Patient.?"),
        ({"name": {"family": "Quist"}}, "wrong-shape", "Patient.name"),
        ({"name": [{"surname": "Quist", "family": "Q"}]}, "unknown-element",
         "HumanName.surname"),
        ({"name": ["Quist"]}, "bad-value", "HumanName"),
        ({"link": [{"type": "seealso"}]}, "", ""),
        ({"contact": [{"period": {"start": "2026", "end": "2025"}}]}, "broken-rule", "Period"),
        ({"communication": [{"preferred": True}]}, "missing-required", "Patient.communication"),
        ({"managingOrganization": {"reference": "Patient/9"}}, "wrong-target",
         "Patient.managingOrganization"),
        ({"managingOrganization": {"reference": "urn:uuid:9"}}, "lost-reference",
         "Patient.managingOrganization"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_left_out_with_its_place(
    plan: Plan, given: Json, code: str, where: str
) -> None:
    mapped = plan.map_resource(patient(**given), RECEIVED_US)
    assert validate(told(mapped, "Patient").body) == []
    assert notes(mapped) == ({(code, where)} if code else set())


@pytest.mark.parametrize(
    ("given", "where"),
    [({"code": None}, "Observation.code"), ({"status": "finall"}, "Observation.status")],
)
def test_a_resource_that_cannot_be_made_is_refused_not_left_out(
    plan: Plan, given: Json, where: str
) -> None:
    whole = {name: value for name, value in observation(**given).items() if value is not None}
    with pytest.raises(FaultError) as caught:
        plan.map_resource(whole, RECEIVED_US)
    assert (caught.value.fault.code, caught.value.fault.where) == ("missing-required", where)


def test_a_time_without_offset_is_on_the_clock_of_the_site(made: Make) -> None:
    assert made(observation(effectiveDateTime="2026-03-14T08:40")).body["effectiveDateTime"] == (
        "2026-03-14T08:40:00-05:00"
    )


@pytest.mark.parametrize("kind", ["replaced-by", "replaces"])
def test_a_merge_is_a_statement(plan: Plan, kind: str) -> None:
    other = {"identifier": {"type": {"text": "MRN"}, "value": "4712"}}
    given = patient(active=False, link=[{"other": other, "type": kind}])
    (merge,) = plan.map_resource(given, RECEIVED_US).merges
    named = (merge.survivor.local_id, merge.subsumed.local_id)
    assert named == (("4712", "4711") if kind == "replaced-by" else ("4711", "4712"))


def test_a_patient_merged_with_itself_says_nothing(plan: Plan) -> None:
    other = {"identifier": {"type": {"text": "MRN"}, "value": "4711"}}
    given = patient(link=[{"other": other, "type": "replaced-by"}])
    mapped = plan.map_resource(given, RECEIVED_US)
    assert mapped.merges == ()
    assert ("merge-with-itself", "Patient.link") in notes(mapped)


def test_each_resource_has_its_own_time(plan: Plan) -> None:
    late = observation(meta={"lastUpdated": "2026-03-15T10:15:00Z"})
    mapped = plan.map_resource(bundle(patient(), late), RECEIVED_US)
    times = told(mapped, "Patient").said_us, told(mapped, "Observation").said_us
    assert times == (1_773_483_300_000_000, 1_773_569_700_000_000)
    assert mapped.source_us == times[1]


def test_without_a_time_the_next_best_or_the_arrival_counts(plan: Plan) -> None:
    issued = observation(meta={}, issued="2026-03-14T10:15:00Z")
    assert plan.map_resource(issued, RECEIVED_US).source_us == 1_773_483_300_000_000
    bare = plan.map_resource(patient(meta={"lastUpdated": "today"}), RECEIVED_US)
    assert bare.source_us == RECEIVED_US
    assert ("no-source-time", "Patient.meta.lastUpdated") in notes(bare)


def test_security_labels_are_kept(made: Make) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    meta = {"lastUpdated": "2026-03-14T10:15:00Z", "security": [label], "tag": [{"code": "x"}]}
    assert made(observation(meta=meta)).body["meta"] == {
        "source": "urn:concord:site:mercy",
        "security": [label],
    }


def test_a_preliminary_result_is_below_a_final_one(made: Make) -> None:
    assert made(observation(status="preliminary")).rank < made(observation()).rank
    assert made(observation(status="entered-in-error")).rank == made(observation()).rank


def test_without_a_key_the_content_is_one(plan: Plan, made: Make) -> None:
    given = observation(resourceType="DiagnosticReport", issued="2026-03-14T10:00:00Z")
    del given["id"]
    assert made(given).id == made(given).id != made({**given, "status": "amended"}).id
    noted = notes(plan.map_resource(given, RECEIVED_US))
    assert ("volatile-id", "DiagnosticReport.id") in noted


def test_outcomes_and_unknown_types_are_left_out(plan: Plan) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
    device = {"resourceType": "Device", "id": "d"}
    mapped = plan.map_resource(bundle(patient(), outcome, device), RECEIVED_US)
    assert {one.type for one in mapped.contributions} == {"Patient"}
    assert notes(mapped) == {("unmapped-resource", "Device")}


def test_a_rule_can_leave_a_resource_out(plan: Plan) -> None:
    mapped = plan.map_resource(observation(status="registered"), RECEIVED_US)
    assert (mapped.filtered, mapped.contributions) == ("skipped-resource", ())


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], "no-resource"),
        ({"id": "x"}, "no-resource"),
        ({"resourceType": "Device", "id": "x"}, "unknown-resource"),
        ({"resourceType": "OperationOutcome"}, "unknown-resource"),
        ({"resourceType": "Quist"}, "unknown-resource"),
        (bundle(), "unknown-resource"),
        (bundle(patient(), {"id": "x"}), "no-resource"),
        (patient(id=None, identifier=[]), "missing-patient-key"),
        (observation(subject={"display": "Roz"}), "missing-patient-key"),
        (observation(subject={"reference": "Device/1"}), "missing-patient-key"),
        (patient(implicitRules="urn:x"), "implicit-rules"),
        (patient(meta={"tag": [{"code": "SUBSETTED"}]}), "subsetted-resource"),
        ({**bundle(), "entry": [{"request": {"method": "DELETE", "url": "Patient/p1"}}]},
         "bundle-method"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused(plan: Plan, given: Any, code: str) -> None:
    with pytest.raises(FaultError) as raised:
        plan.map_resource(given, RECEIVED_US)
    assert raised.value.fault.code == code
    with pytest.raises(FaultError) as raised:
        plan.lane_of_resource(given)
    assert raised.value.fault.code == code


def test_the_trace_names_paths_and_lines(plan: Plan) -> None:
    given = patient(birthDate="1949-02-17", maritalStatus={"text": "Widowed"})
    lines = {
        (line.path, line.source, line.rule)
        for line in plan.trace_resource(given, RECEIVED_US).lineage
    }
    assert ("Patient.birthDate", "birthDate", "base/patient.yaml:4") in lines
    assert ("Patient.maritalStatus", "maritalStatus", "base/patient.yaml:11") in lines


def test_of_very_many_unknown_elements_their_parent_is_named(plan: Plan) -> None:
    mapped = plan.map_resource(patient(**{f"own{n}": n for n in range(5000)}), RECEIVED_US)
    assert len(mapped.diagnostics) < 100
    assert mapped.diagnostics[-1].where == "Patient"
