"""The oddities of the shelf's three-site traffic, one assertion each (its README lists them)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

VENDORS = {"01": "epic", "02": "epic", "03": "epic", "04": "epic"} | {
    "05": "athena", "06": "athena", "07": "athena", "08": "athena"
} | {"09": "ecw", "10": "ecw", "11": "ecw", "12": "ecw"}  # fmt: skip
LOINC = "http://loinc.org"


class Said(Protocol):
    mapped: Any
    all: Callable[[str], list[dict[str, Any]]]
    one: Callable[[str], dict[str, Any]]
    coded: Callable[[str, str], dict[str, Any]]
    get: Callable[[str], dict[str, Any]]


Read = Callable[[str], Said]


@pytest.fixture
def read(say: Callable[[Path, str], Said], testdata: Path) -> Read:
    def of(number: str) -> Said:
        (path,) = (testdata / "sites").glob(f"{number}_*.hl7")
        return say(path, f"vendor/{VENDORS[number]}")

    return of


def named(said: Said, use: str) -> dict[str, Any]:
    (name,) = [each for each in said.one("Patient")["name"] if each.get("use") == use]
    return dict(name)


def codes(concept: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.get("system", ""), each["code"]) for each in concept["coding"]]


def test_epic_key_is_the_epi_and_every_number_is_an_alias(read: Read) -> None:
    said = read("01")
    assert said.mapped.patients[0].local_id == "900412377"
    assert {each.value for each in said.mapped.aliases} == {"E1000123", "900412377", "DVW88120"}


def test_epic_names_have_their_uses(read: Read) -> None:
    said = read("01")
    assert named(said, "official")["given"] == ["MARGUERITE", "ANNE"]
    assert named(said, "usual")["given"] == ["MAGGIE"]
    assert named(said, "maiden")["family"] == "DELACROIX"


def test_epic_mailing_address_is_postal(read: Read) -> None:
    home, mailing = read("01").one("Patient")["address"]
    assert home["line"] == ["412 TAMARACK LN", "APT 3B"]
    assert mailing["type"] == "postal"


def test_epic_deleted_work_phone_leaves_the_others(read: Read) -> None:
    telecom = read("01").one("Patient")["telecom"]
    assert [each["use"] for each in telecom if each["system"] == "phone"] == ["home", "mobile"]
    assert [each["value"] for each in telecom if each["system"] == "email"] == ["mdw@mail.example"]


def test_epic_visit_is_inpatient_on_the_sites_clock(read: Read) -> None:
    encounter = read("01").one("Encounter")
    assert encounter["class"]["code"] == "IMP"
    assert encounter["status"] == "in-progress"
    assert encounter["period"]["start"] == "2026-09-14T10:10:00-05:00"


def test_epic_visit_number_and_account_are_two_things(read: Read) -> None:
    said = read("01")
    assert said.one("Encounter")["identifier"][0]["value"] == "300045678"
    assert said.one("Account")["identifier"][0]["value"] == "400012345"


def test_epic_diagnosis_is_in_the_american_code_system(read: Read) -> None:
    coding = codes(read("01").one("Condition")["code"])
    assert ("http://hl7.org/fhir/sid/icd-10-cm", "I50.23") in coding


def test_epic_allergy_has_its_reaction(read: Read) -> None:
    allergy = read("01").one("AllergyIntolerance")
    assert allergy["category"] == ["medication"]
    assert allergy["reaction"] == [{"manifestation": [{"text": "HIVES"}], "severity": "moderate"}]
    assert allergy["onsetDateTime"] == "2011-04-02"


def test_epic_insurance_of_the_patient_himself(read: Read) -> None:
    said = read("01")
    coverage = said.one("Coverage")
    assert coverage["subscriberId"] == "9ZZ9ZZ9ZZ99"
    assert coverage["subscriber"] == coverage["beneficiary"]
    assert said.get(coverage["payor"][0]["reference"])["name"] == "MEDICARE"


def test_ssn_race_and_ethnicity_are_those_of_us_core(read: Read) -> None:
    patient = read("01").one("Patient")
    (ssn,) = [each for each in patient["identifier"] if each.get("system", "").endswith("us-ssn")]
    assert (ssn["value"], ssn["type"]["coding"][0]["code"]) == ("666120309", "SS")
    found = {each["url"].rpartition("/")[2]: each["extension"] for each in patient["extension"]}
    assert found["us-core-race"][0]["valueCoding"]["code"] == "2106-3"
    assert found["us-core-ethnicity"][0]["valueCoding"]["code"] == "2186-5"


def test_epic_merge_names_survivor_and_retired(read: Read) -> None:
    (merge,) = read("02").mapped.merges
    assert merge.survivor.local_id == "900415002"
    assert merge.subsumed.local_id == "900412999"


def test_epic_result_corrected(read: Read) -> None:
    said = read("03")
    assert named(said, "official")["family"] == "NÚÑEZ OCAMPO"
    potassium = said.coded("Observation", "2823-3")
    assert potassium["status"] == "corrected"
    assert potassium["valueQuantity"]["value"] == "6.1"


def test_epic_note_is_unescaped_once_and_stays_with_its_result(read: Read) -> None:
    said = read("03")
    (note,) = said.coded("Observation", "2823-3")["note"]
    assert note["text"].endswith("5.1.\nCritical called to & read back by RN&MD | specimen 2^3.")
    assert "note" not in said.coded("Observation", "2951-2")


def test_epic_structured_number_has_a_comparator(read: Read) -> None:
    quantity = read("03").coded("Observation", "98979-8")["valueQuantity"]
    assert (quantity["comparator"], quantity["value"]) == (">", "60")


def test_epic_cancelled_result_has_no_value_but_a_reason(read: Read) -> None:
    glucose = read("03").coded("Observation", "2345-7")
    assert glucose["status"] == "cancelled"
    assert not [name for name in glucose if name.startswith("value")]
    assert glucose["dataAbsentReason"]["text"] == "HEMOLYZED-NOT REPORTED"


def test_epic_local_code_stays_local(read: Read) -> None:
    ((system, code),) = codes(read("03").coded("Observation", "1534555")["code"])
    assert system.endswith(":LRR")
    assert code == "1534555"


def test_epic_report_has_all_results_and_its_specimen(read: Read) -> None:
    said = read("03")
    report = said.one("DiagnosticReport")
    assert len(report["result"]) == len(said.all("Observation")) == 5
    assert said.get(report["specimen"][0]["reference"])["type"]["coding"][0]["code"] == "BLD"


def test_epic_document_is_restricted_and_a_pdf(read: Read) -> None:
    document = read("04").one("DocumentReference")
    assert document["masterIdentifier"]["value"] == "1120345678"
    assert document["content"][0]["attachment"]["contentType"] == "application/pdf"
    assert document["docStatus"] == "final"
    assert "R" in [code for _, code in codes(document["securityLabel"][0])]


def test_athena_key_is_the_patient_id_not_the_enterprise_id(read: Read) -> None:
    said = read("05")
    assert said.mapped.patients[0].local_id == "700388"
    assert {each.value for each in said.mapped.aliases} == {"700388", "700312"}
    assert named(said, "nickname")["given"] == ["MAGGIE"]


def test_athena_contacts_in_one_field(read: Read) -> None:
    telecom = read("05").one("Patient")["telecom"]
    phones = [each["use"] for each in telecom if each["system"] == "phone"]
    assert phones == ["home", "mobile"]
    assert telecom[1]["value"] == "m.whitfield@mail.example"


def test_athena_merge_by_patient_id(read: Read) -> None:
    (merge,) = read("06").mapped.merges
    assert (merge.survivor.local_id, merge.subsumed.local_id) == ("700450", "700921")


def test_athena_result_with_two_codes_and_a_unit_that_is_no_ucum(read: Read) -> None:
    said = read("07")
    assert (LOINC, "4548-4") in codes(said.coded("Observation", "HBA1C")["code"])
    average = said.coded("Observation", "EAG")
    assert average["valueQuantity"]["unit"] == "MG/DL"
    assert average["valueQuantity"]["code"] == "mg/dL"
    assert average["effectiveDateTime"] == "2026-09-14T08:40:00-04:00"


def test_athena_appointment_has_an_end(read: Read) -> None:
    said = read("08")
    appointment = said.one("Appointment")
    assert said.mapped.patients[0].local_id == "701188"
    assert appointment["status"] == "booked"
    assert appointment["end"] == "2026-09-21T14:30:00-04:00"


def test_ecw_words_become_codes(read: Read) -> None:
    patient = read("09").one("Patient")
    assert patient["gender"] == "female"
    assert "W" in [code for _, code in codes(patient["maritalStatus"])]
    assert not [each for each in patient["extension"] if "ethnicity" in each["url"]]


def test_ecw_provider_in_one_string(read: Read) -> None:
    (name,) = read("11").one("Practitioner")["name"]
    assert (name["family"], name["given"]) == ("Vasquez-Lindt", ["Perpetua", "R"])


def test_ecw_merge_by_bare_number(read: Read) -> None:
    (merge,) = read("10").mapped.merges
    assert (merge.survivor.local_id, merge.subsumed.local_id) == ("20533", "21876")


def test_ecw_numbers_sent_as_text(read: Read) -> None:
    said = read("11")
    assert said.coded("Observation", "LDLC")["valueQuantity"]["value"] == "161.0"
    pending = said.coded("Observation", "TRIG")
    assert (pending["valueString"], pending["status"]) == ("PENDING", "preliminary")
    assert said.coded("Observation", "CHOL")["effectiveDateTime"] == "2026-09-12"


def test_ecw_pending_result_never_replaces_a_final_one(read: Read) -> None:
    given = [each for each in read("11").mapped.contributions if each.type == "Observation"]
    ranks = {each.body["status"]: each.rank for each in given}
    assert ranks == {"final": 1, "preliminary": 0}


def test_ecw_suffix_leaves_the_family_name(read: Read) -> None:
    (name,) = read("11").one("Patient")["name"]
    assert (name["family"], name["suffix"]) == ("Brzezicki", ["Jr"])


def test_ecw_document_with_a_bare_number(read: Read) -> None:
    document = read("12").one("DocumentReference")
    assert document["masterIdentifier"]["value"] == "QLDOC55120"
    assert document["status"] == "current"
    assert document["content"][0]["attachment"]["contentType"] == "application/pdf"
    assert "V" in [code for _, code in codes(document["securityLabel"][0])]


def test_ecw_account_and_chart_number_are_two_systems(read: Read) -> None:
    account, chart, ssn = read("09").one("Patient")["identifier"]
    assert (account["value"], chart["value"]) == ("20417", "QL-20417")
    assert len({account["system"], chart["system"], ssn["system"]}) == 3


def test_athena_provider_is_an_npi(read: Read) -> None:
    provider, clerk = (each["identifier"][0] for each in read("08").all("Practitioner"))
    assert (provider["system"], provider["value"]) == (
        "http://hl7.org/fhir/sid/us-npi",
        "9800000133",
    )
    assert clerk["value"] == "kpruitt4"


def test_place_and_doctor_alone_are_no_visit(read: Read) -> None:
    assert read("05").all("Encounter") == []
    assert read("09").all("Encounter") == []


def test_epic_provider_sent_twice_is_one_participant(read: Read) -> None:
    said = read("01")
    roles = [each["type"][0]["coding"][0]["code"] for each in said.one("Encounter")["participant"]]
    assert roles == ["ATND", "ADM"]
    (number,) = said.one("Practitioner")["identifier"]
    assert number["value"] == "9800000117"


def test_unit_that_nobody_knows_has_no_code(read: Read) -> None:
    quantity = read("03").coded("Observation", "1534555")["valueQuantity"]
    assert quantity == {"value": "12", "unit": "idx"}
