"""Our code tables against the concept maps of the official guide, wherever the base maps the table.

Each pair the guide has is in ours, with the same target; what differs on purpose is listed with its
reason. Maps of the guide that serve no element of ours (country names, event types, ...) are not.
"""

import csv
from pathlib import Path

import pytest

from engine.mapping.library import read_library
from engine.mapping.problem import Problems
from engine.mapping.tables import Table, read_csv

MAPPINGS = Path(__file__).parents[3] / "mappings"
OURS = {
    "AdditivePreservative": "specimen-additive",
    "AddressType[Type]": "address-type",
    "AddressType[Use]": "address-use",
    "AdministrationMethod": "administration-method",
    "AdministrativeSex": "administrative-sex",
    "AdmissionType": "admission-type",
    "AllergenType[AllergyIntoleranceCategory]": "allergy-category",
    "AllergySeverity[AllergyIntolerance.criticality]": "allergy-criticality",
    "AllergySeverity[AllergyIntolerance.reaction.severity]": "reaction-severity",
    "AllergyType": "allergy-type",
    "AllowSubstitution": "allow-substitution",
    "AmbulatoryStatus": "ambulatory-status",
    "AppointmentReasonCodes": "appointment-reason",
    "BedStatus": "bed-status",
    "BodySite": "body-site",
    "CompletionStatus": "completion-status",
    "ConfidentialityCode": "confidentiality",
    "ContactRole": "contact-role",
    "DiagnosisType": "diagnosis-type",
    "DiagnosticServiceSectionID": "diagnostic-service-section",
    "DocumentConfidentialityStatus": "document-confidentiality",
    "EncounterPriority": "encounter-priority",
    "Event[EncounterStatus]": "event-encounter-status",
    "ExtendedPriorityCodes": "priority",
    "FillerStatusCodes[Appointment]": "appointment-status",
    "HospitalService": "hospital-service",
    "IdentifierType": "identifier-type",
    "InterpretationCodes": "interpretation",
    "MaritalStatus": "marital-status",
    "ModeOfArrivalCode": "mode-of-arrival",
    "NameType": "name-use",
    "NatureOfAbnormalTesting": "nature-of-abnormal-testing",
    "ObservationResultStatusCodesInterpretation": "observation-result-status",
    "OrderControlCode[ServiceRequest.status]": "order-control",
    "OrderStatus": "order-status",
    "PatientClass[EncounterClass]": "patient-class-to-actcode",
    "PatientClass[EncounterStatus]": "patient-class-encounter-status",
    "ProviderRole": "provider-role",
    "ReadmissionIndicator": "readmission",
    "Relationship": "relationship",
    "Religion": "religion",
    "ResultStatus[Non-Queries]": "result-status",
    "RouteOfAdministration": "route",
    "SpecimenCollectionMethod": "specimen-collection-method",
    "SpecimenCondition": "specimen-condition",
    "SpecimenType": "specimen-type",
    "TelecommunicationEquipmentType": "telecom-equipment",
    "TelecommunicationUseCode": "telecom-use",
    "YesNoIndicator": "yes-no",
    "YesNoIndicator[AvailabilityStatus]": "specimen-availability",
}
ELSEWHERE = {  # (map, code): why ours differs
    ("AllowSubstitution", "T"): "the code system has TE for therapeutic, and no T",
    ("AppointmentReasonCodes", "ROUTINE"): "the guide's concept says that no follow-up is planned",
    ("ConfidentialityCode", "U"): "U of the code system is unrestricted, table 0177's is usual",
    ("DocumentConfidentialityStatus", "U"): "as above",
    ("Event[EncounterStatus]", "A04"): "the patient has arrived (V2.9.1, 3.3.4)",
    ("Event[EncounterStatus]", "A08"): "an update says nothing about the visit's status",
    ("FillerStatusCodes[Appointment]", "Started"): "R4's checked-in is before the start",
    ("OrderControlCode[ServiceRequest.status]", "CA"): "a cancelled order is revoked",
    ("OrderControlCode[ServiceRequest.status]", "HD"): "an order on hold is on hold",
    ("PatientClass[EncounterStatus]", "C"): "a commercial account is no visit in progress",
    ("PatientClass[EncounterStatus]", "N"): "not applicable is no visit in progress",
    ("TelecommunicationEquipmentType", "CP"): "mobile is a use; the system is phone",
    ("TelecommunicationEquipmentType", "SAT"): "a satellite phone is a phone",
}


def pairs(folder: Path, name: str) -> list[tuple[str, str]]:
    """Return (v2 code, FHIR code) of a sheet; the target is the second column titled `Code`."""
    with (folder / f"HL7 Concept Map_ {name} - Sheet1.csv").open(encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    target = [n for n, title in enumerate(rows[1]) if title.strip() == "Code"][1]
    cells = [(row[0].strip(), row[target].strip()) for row in rows[2:] if len(row) > target]
    return [(code, found) for code, found in cells if code and found]


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    found: dict[str, Table] = {}
    for path in (MAPPINGS / "base/codes").glob("*.csv"):
        found[path.stem] = Table(path.stem)
        read_csv(found[path.stem], path.name, path.read_text("utf-8"), Problems())
    return found


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_guides_pairs_are_ours(testdata: Path, tables: dict[str, Table], name: str) -> None:
    table, wrong = tables[OURS[name]], {}
    expected = pairs(testdata / "v2-to-fhir" / "codesystems", name)
    for code, target in expected:
        row = table.rows.get(("", code))
        if row is None or row.code != target:
            wrong[name, code] = row and row.code
    assert expected
    assert wrong.keys() == {key for key in ELSEWHERE if key[0] == name}, wrong


def test_every_table_named_here_is_used() -> None:
    text = "\n".join(text for name, text in read_library(MAPPINGS).files if name.endswith(".yaml"))
    unused = [name for name in set(OURS.values()) if name not in text]
    # Converters of names, addresses, phones and flags read their own; PV1-40 is left to sites.
    own = {"name-use", "address-use", "address-type", "telecom-use", "telecom-equipment"}
    assert set(unused) <= own | {"identifier-type", "yes-no", "bed-status"}
