"""Message types beyond admissions and results: what a reader expects of each."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.fault import FaultError
from engine.formats.hl7v2.parse import parse
from engine.mapping.plan import Plan

PID = "PID|1||7001^^^MERCY^MR||Quill^Tess^Ann||19800401|F||||||||||ACC9001^^^MERCY"
PV1 = "PV1|1|I|4E^136^B^MERCY|||||||SUR|||||||||V500^^^MERCY|||||||||||||||||||||||||20261001080000"
At = Callable[..., Any]


def code(concept: dict[str, Any]) -> str:
    return str(concept["coding"][0]["code"])


ORDER = ("ORC|NW|P77^EHR||||||||||1234^Vance^Iris", "OBR|1|P77^EHR||2823-3^Potassium^LN|||||||||||")


def test_order_is_active_until_it_is_cancelled(tell: At) -> None:
    (new,) = tell("ORM^O01", PID, PV1, *ORDER)["ServiceRequest"]
    cancelled = tuple(line.replace("ORC|NW", "ORC|CA") for line in ORDER)
    (old,) = tell("ORM^O01", PID, PV1, *cancelled, at="20261002")["ServiceRequest"]
    assert (new["status"], old["status"]) == ("active", "revoked")
    assert new["id"] == old["id"]
    assert code(new["code"]) == "2823-3"


def test_laboratory_order_with_timing_diagnosis_and_specimen(tell: At) -> None:
    said = tell(
        "OML^O21",
        PID,
        PV1,
        ORDER[0],
        "TQ1|1||||||20261003070000|20261004070000|S^Stat",
        ORDER[1],
        "DG1|1||E87.6^Hypokalemia^I10",
        "SPM|1|S1&EHR^S9&LAB||119297000^Blood^SCT",
    )
    (request,) = said["ServiceRequest"]
    assert request["occurrencePeriod"]["start"].startswith("2026-10-03T07:00")
    assert request["specimen"] == [{"reference": f"Specimen/{said['Specimen'][0]['id']}"}]
    assert code(said["Condition"][0]["code"]) == "E87.6"


LOT = "||||L123|20270101|MSD^Merck^MVX|||CP"
VACCINATION = (
    "ORC|RE||I55^IIS|||||||||1234^Vance^Iris",
    "|".join(
        ("RXA|0|1|20261001||140^Influenza^CVX|0.5|mL^^UCUM||00^New^NIP001|1234^Vance^Iris", LOT)
    ),
    "RXR|IM^Intramuscular^HL70162|LD^Left deltoid^HL70163",
    "OBX|1|CE|64994-7^Eligibility^LN|1|V02^Medicaid^HL70064||||||F",
)


def test_vaccination_with_its_dose_lot_and_eligibility(tell: At) -> None:
    said = tell("VXU^V04", PID, *VACCINATION)
    (dose,) = said["Immunization"]
    assert (dose["status"], code(dose["vaccineCode"]), dose["lotNumber"]) == (
        "completed",
        "140",
        "L123",
    )
    assert (dose["primarySource"], str(dose["doseQuantity"]["value"])) == (True, "0.5")
    assert dose["expirationDate"] == "2027-01-01"
    (eligibility,) = said["Observation"]
    assert eligibility["partOf"] == [{"reference": f"Immunization/{dose['id']}"}]


@pytest.mark.parametrize(
    ("ending", "status"), [("|||RE", "not-done"), ("|||CP|D", "entered-in-error")]
)
def test_vaccination_refused_or_withdrawn(tell: At, ending: str, status: str) -> None:
    changed = VACCINATION[1].replace("|||CP", ending)
    (dose,) = tell("VXU^V04", PID, VACCINATION[0], changed)["Immunization"]
    assert dose["status"] == status


PRESCRIPTION = (
    "ORC|NW|RX8^EHR||||||||||1234^Vance^Iris",
    "RXE||197361^Amlodipine 5 MG^RXNORM|1||TAB^Tablet|TAB^Tablet|^Take one daily|||30|TAB^Tablet|2",
    "TQ1|1||||||20261001",
    "RXR|PO^Oral^HL70162",
)


def test_prescription_with_dose_route_and_refills(tell: At) -> None:
    said = tell("RDE^O11", PID, PV1, *PRESCRIPTION)
    (request,) = said["MedicationRequest"]
    (medication,) = said["Medication"]
    assert request["medicationReference"] == {"reference": f"Medication/{medication['id']}"}
    assert code(medication["code"]) == "197361"
    (dosage,) = request["dosageInstruction"]
    assert (dosage["text"], code(dosage["route"])) == ("Take one daily", "PO")
    assert str(dosage["doseAndRate"][0]["doseQuantity"]["value"]) == "1"
    assert request["dispenseRequest"]["numberOfRepeatsAllowed"] == 2


def test_discontinued_prescription_is_the_same_one_stopped(tell: At) -> None:
    (new,) = tell("RDE^O11", PID, PV1, *PRESCRIPTION)["MedicationRequest"]
    stopped = (PRESCRIPTION[0].replace("ORC|NW", "ORC|DC"), *PRESCRIPTION[1:])
    (old,) = tell("RDE^O11", PID, PV1, *stopped, at="20261005")["MedicationRequest"]
    assert (new["id"], new["status"], old["status"]) == (old["id"], "active", "stopped")


def test_dispense_of_a_prescription(tell: At) -> None:
    said = tell(
        "RDS^O13",
        PID,
        PV1,
        PRESCRIPTION[0],
        PRESCRIPTION[1],
        PRESCRIPTION[2],
        "RXD|1|197361^Amlodipine 5 MG^RXNORM|20261002|30|TAB^Tablet||RX8|||1234^Vance^Iris",
    )
    (dispense,), (request,) = said["MedicationDispense"], said["MedicationRequest"]
    assert dispense["authorizingPrescription"] == [
        {"reference": f"MedicationRequest/{request['id']}"}
    ]
    assert (str(dispense["quantity"]["value"]), dispense["status"]) == ("30", "completed")


def test_charge_on_the_account_of_the_visit(tell: At) -> None:
    said = tell(
        "DFT^P03",
        "EVN|P03|20261001",
        PID,
        PV1,
        "FT1|1|T1||20261001|20261002|CG|99213^Office visit^C4|||1|120&USD",
        "FT1|2|T2||20261001|20261002|PY|COPAY",
    )
    (charge,), (account,) = said["ChargeItem"], said["Account"]
    assert (charge["status"], code(charge["code"])) == ("billable", "99213")
    assert charge["account"] == [{"reference": f"Account/{account['id']}"}]
    assert (str(charge["priceOverride"]["value"]), charge["priceOverride"]["currency"]) == (
        "120",
        "USD",
    )


def test_account_with_guarantor_is_active_until_it_ends(tell: At, plan_of: Any, told: At) -> None:
    guarantor = "GT1|1||Quill^Mara||12 Elm St^^Mill Fork^WI^53099||||||MTH^Mother"
    said = tell("BAR^P01", "EVN|P01|20261001", PID, PV1, guarantor)
    ended = told(plan_of("site/mercy"), "BAR^P06", "20261101", ("EVN|P06|20261101", PID, PV1))
    (account,) = said["Account"]
    (last,) = [each for each in ended if each.type == "Account"]
    assert (account["status"], last.body["status"]) == ("active", "inactive")
    assert (last.id, "status" in last.weak) == (account["id"], False)


def test_problem_is_listed_resolved_and_withdrawn(tell: At) -> None:
    said = "PRB|{}|20261001|E11.9^Type 2 diabetes^I10|PR1^EHR||||||||||ACTIVE||20200301"
    (listed,) = tell("PPR^PC1", PID, said.format("AD"))["Condition"]
    (resolved,) = tell(
        "PPR^PC2", PID, said.format("UP").replace("PR1^EHR|||||", "PR1^EHR|||||20261003")
    )["Condition"]
    (gone,) = tell("PPR^PC3", PID, said.format("DE"))["Condition"]
    assert len({listed["id"], resolved["id"], gone["id"]}) == 1
    clinical = [each["clinicalStatus"]["coding"][-1]["code"] for each in (listed, resolved)]
    assert clinical == ["active", "resolved"]
    assert "clinicalStatus" not in gone
    assert code(gone["verificationStatus"]) == "entered-in-error"


def test_goal_addresses_its_problem(tell: At) -> None:
    said = tell(
        "PPR^PC1",
        PID,
        "PRB|AD|20261001|E11.9^Type 2 diabetes^I10|PR1^EHR",
        "GOL|AD|20261001|G1^HbA1c below 7^L|GI1^EHR|||20261001|20270401",
    )
    (goal,), (problem,) = said["Goal"], said["Condition"]
    assert goal["addresses"] == [{"reference": f"Condition/{problem['id']}"}]
    assert goal["target"] == [{"dueDate": "2027-04-01"}]


def test_practitioner_of_the_master_file_has_no_patient(tell: At) -> None:
    said = tell(
        "MFN^M02",
        "MFI|PRA|||||",
        "MFE|MAD|1||1234",
        "STF|1234|1234^^^MERCY|Vance^Iris^^^Dr|PHY^Physician|F|19700101|A|CARD^Cardiology||555-0100^WPN^PH",
    )
    (practitioner,), (role,) = said["Practitioner"], said["PractitionerRole"]
    assert practitioner["name"][0]["family"] == "Vance"
    assert role["practitioner"] == {"reference": f"Practitioner/{practitioner['id']}"}
    assert role["active"] is True
    assert "Patient" not in said


def test_place_of_the_master_file_is_the_place_of_visits(tell: At) -> None:
    (place,) = tell(
        "MFN^M05", "MFI|LOC|||||", "MFE|MDC|1||4E", "LOC|4E^136^B^MERCY|Bed B by the window|B"
    )["Location"]
    visited = tell("ADT^A01", "EVN|A01|20261001", PID, PV1)["Location"]
    assert place["status"] == "inactive"
    assert place["id"] in {each["id"] for each in visited}


@pytest.mark.parametrize("kind", ["ADT^A18", "ADT^A34", "ADT^A40", "ADT^A47"])
def test_merges_and_changes_of_a_number(plan_of: Callable[[str], Plan], kind: str) -> None:
    lines = (
        f"MSH|^~\\&|EPIC|MERCY|CONCORD||20261001||{kind}|1|P|2.5.1",
        f"EVN|{kind[4:]}|20261001",
    )
    body = "\r".join((*lines, PID, "MRG|6001^^^MERCY^MR||OLD1^^^MERCY")).encode()
    mapped = plan_of("us").map(parse(body), 0)
    (merge,) = mapped.merges
    assert (merge.survivor.local_id, merge.subsumed.local_id) == ("7001", "6001")
    prior = [each for each in mapped.contributions if each.type == "Account"][-1]
    assert (prior.body["identifier"][0]["value"], "status" in prior.weak) == ("OLD1", True)


@pytest.mark.parametrize(("kind", "said"), [("ADT^A24", "link"), ("ADT^A37", "unlink")])
def test_two_numbers_of_one_person_are_linked_and_no_more(
    plan_of: Callable[[str], Plan], kind: str, said: str
) -> None:
    head = f"MSH|^~\\&|EPIC|MERCY|CONCORD||20261001||{kind}|1|P|2.5.1\rEVN|A24|20261001\r{PID}"
    body = f"{head}\rPD1|1\rPV1|1|I\rPID|2||6001^^^MERCY^MR||Quill^Tess\rPD1|1"
    mapped = plan_of("us").map(parse(body.encode()), 0)
    (link,) = mapped.links
    assert (link.a.local_id, link.b.local_id, link.kind) == ("7001", "6001", said)
    assert [key.local_id for key in mapped.patients] == ["7001", "6001"]
    assert mapped.contributions == ()
    assert {alias.value for alias in mapped.aliases} == {"7001", "6001"}


def test_a_link_of_one_number_is_refused(plan_of: Callable[[str], Plan]) -> None:
    head = "MSH|^~\\&|EPIC|MERCY|CONCORD||20261001||ADT^A24|1|P|2.3\rEVN|A24|20261001"
    with pytest.raises(FaultError, match="link"):
        plan_of("us").map(parse(f"{head}\r{PID}".encode()), 0)
    same = plan_of("us").map(parse(f"{head}\r{PID}\r{PID}".encode()), 0)
    assert same.links == ()
    assert "link-with-itself" in {noted.code for noted in same.diagnostics}


def test_merge_without_the_retired_number_is_refused(plan_of: Callable[[str], Plan]) -> None:
    lines = (
        "MSH|^~\\&|EPIC|MERCY|CONCORD||20261001||ADT^A34|1|P|2.3",
        "EVN|A34|20261001",
        PID,
        "MRG|",
    )
    with pytest.raises(FaultError, match="merge"):
        plan_of("us").map(parse("\r".join(lines).encode()), 0)


def test_document_is_withdrawn_by_its_status(tell: At) -> None:
    txa = "TXA|1|DS^Discharge summary|TEXT|20261001||20261001||||||D77^EHR|||||AU||{}"
    (new,) = tell(
        "MDM^T02", "EVN|T02|20261001", PID, PV1, txa.format("AV"), "OBX|1|TX|DS||All well."
    )["DocumentReference"]
    (gone,) = tell("MDM^T11", "EVN|T11|20261003", PID, PV1, txa.format("CA"))["DocumentReference"]
    assert (new["status"], gone["status"]) == ("current", "entered-in-error")
    assert new["id"] == gone["id"]


def test_several_numbers_in_one_result_are_components(tell: At) -> None:
    said = tell("ORU^R01", PID, *ORDER, "OBX|1|NM|8867-4^Heart rate^LN||60~120|/min||||||F")
    (rate,) = said["Observation"]
    values = [str(each["valueQuantity"]["value"]) for each in rate["component"]]
    assert (values, "valueQuantity" in rate) == (["60", "120"], False)


def test_allergies_are_added_and_withdrawn(tell: At) -> None:
    iam = "IAM|1|DA|70618^Penicillin^RXNORM|SV|Rash|{}|AL1^EHR"
    (known,) = tell("ADT^A60", "EVN|A60|20261001", PID, PV1, iam.format("A"))["AllergyIntolerance"]
    (gone,) = tell("ADT^A60", "EVN|A60|20261002", PID, PV1, iam.format("D"))["AllergyIntolerance"]
    assert known["id"] == gone["id"]
    assert code(known["clinicalStatus"]) == "active"
    assert code(gone["verificationStatus"]) == "entered-in-error"


def test_cancelled_transfer_keeps_the_visit(tell: At) -> None:
    moved = PV1.replace("4E^136^B", "5W^201^A")
    (there,) = tell("ADT^A02", "EVN|A02|20261001", PID, moved)["Encounter"]
    (back,) = tell("ADT^A12", "EVN|A12|20261001", PID, PV1)["Encounter"]
    assert there["id"] == back["id"]
    assert there["location"][0]["location"] != back["location"][0]["location"]
    assert back["status"] == "in-progress"


def test_next_of_kin_with_numbers_is_a_person_of_its_own(tell: At) -> None:
    contact = "NK1|1|Quill^Mara|MTH^Mother|||||||||||||{}"
    plain = tell("ADT^A01", "EVN|A01|20261001", PID, contact.format(""), PV1)
    known = tell("ADT^A01", "EVN|A01|20261001", PID, contact.format("19550101"), PV1)
    assert plain["Patient"][0]["contact"][0]["name"]["family"] == "Quill"
    assert "RelatedPerson" not in plain
    assert known["RelatedPerson"][0]["birthDate"] == "1955-01-01"


DOCUMENT = "TXA|1|DS^Discharge summary|TEXT|20261001||20261001||||||{}|{}||||AU||AV"


def test_notice_without_content_does_not_replace_the_document(
    plan_of: Callable[[str], Plan], told: At
) -> None:
    segments = ("EVN|T03|20261003", PID, PV1, DOCUMENT.format("D77^EHR", ""))
    notice = told(plan_of("site/mercy"), "MDM^T03", "20261003", segments)
    (document,) = [each for each in notice if each.type == "DocumentReference"]
    assert document.mode == "merge"
    assert "content" in document.weak
    assert "docStatus" not in document.weak


def test_replaced_document_is_superseded(tell: At) -> None:
    (old,) = tell("MDM^T02", PID, PV1, DOCUMENT.format("D77^EHR", ""), "OBX|1|TX|DS||One.")[
        "DocumentReference"
    ]
    said = tell("MDM^T10", PID, PV1, DOCUMENT.format("D78^EHR", "D77^EHR"), "OBX|1|TX|DS||Two.")
    status = {each["id"]: each["status"] for each in said["DocumentReference"]}
    assert status.pop(old["id"]) == "superseded"
    assert list(status.values()) == ["current"]
