"""Where a reader finds what a field says, one short message each."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

PID = "PID|1||7001^^^MERCY^MR||Quill^Tess^Ann||19800401|F"
PV1 = "PV1|1|I|4E^136^B^MERCY||||||||||||||||V500^^^MERCY|||||||||||||||||||||||||20261001080000"
ORC = "ORC|NW|P77^EHR||||||||||1234^Vance^Iris"
OBR = "OBR|1|P77^EHR|F88^LAB|2823-3^Potassium^LN|||20261001070000"
RESULT = (PID, "OBR|1|P77^EHR|F88^LAB|2823-3^Potassium^LN|||20261001070000")
CORE = "http://hl7.org/fhir/StructureDefinition/"
LATER = "http://hl7.org/fhir/5.0/StructureDefinition/extension-"


def at(value: Any, path: str) -> Iterator[Any]:
    """Give what stands at a dotted path, lists entered; `ext:URL` takes extensions of that URL."""
    if isinstance(value, list):
        for each in value:
            yield from at(each, path)
        return
    name, _, rest = path.partition(" ")
    if name.startswith("ext:"):
        found = [one for one in value.get("extension", ()) if one["url"] == name[4:]]
    else:
        found = [value[name]] if name in value else []
    for each in found:
        if rest:
            yield from at(each, rest)
        elif isinstance(each, list):
            yield from each
        else:
            yield each


CASES = {
    "the state that issued a licence": (
        "ADT^A01",
        (f"{PID}{'|' * 12}L99^WI^20300101", PV1),
        "Patient",
        "identifier assigner display",
        "WI",
    ),
    "mail beside a number in one repetition": (
        "ADT^A01",
        (f"{PID}{'|' * 5}(608)555-0101^PRN^PH^tess@mail.example", PV1),
        "Patient",
        "telecom value",
        "tess@mail.example",
    ),
    "who gave the number of the insured": (
        "ADT^A01",
        (PID, PV1, f"IN1|1|P1|C1|Plan Ltd{'|' * 45}M55^^^PLAN^MB"),
        "Coverage",
        f"ext:{LATER}subscriberId valueIdentifier assigner display",
        "PLAN",
    ),
    "an allergy's own type": (
        "ADT^A01",
        (PID, PV1, "AL1|1|LA^Pollen allergy^HL70127|GRASS^Grass^L|MO"),
        "AllergyIntolerance",
        f"_category ext:{CORE}alternate-codes valueCodeableConcept coding code",
        "LA",
    ),
    "a severity R4 has no criticality for": (
        "ADT^A01",
        (PID, PV1, "AL1|1|LA^Pollen allergy^HL70127|GRASS^Grass^L|MO"),
        "AllergyIntolerance",
        f"_criticality ext:{CORE}alternate-codes valueCodeableConcept coding code",
        "MO",
    ),
    "what was last done to an order": (
        "ORM^O01",
        (PID, PV1, ORC, OBR),
        "ServiceRequest",
        f"ext:{CORE}businessEvent ext:value valueCodeableConcept coding code",
        "NW",
    ),
    "why it was ordered": (
        "ORM^O01",
        (PID, PV1, ORC, f"{OBR}||||||Weakness for a week"),
        "ServiceRequest",
        f"ext:{LATER}ServiceRequest.supportingInfo ext:concept valueCodeableConcept text",
        "Weakness for a week",
    ),
    "several tests under one ORC": (
        "ORM^O01",
        (PID, PV1, ORC, OBR, "OBR|2|P77^EHR|F89^LAB|2951-2^Sodium^LN"),
        "ServiceRequest",
        "code coding display",
        "Sodium",
    ),
    "when the laboratory got a specimen nobody described": (
        "ORU^R01",
        (PID, f"{OBR}|||||||20261001073000", "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L|||||F"),
        "Specimen",
        "receivedTime",
        "2026-10-01T07:30:00-05:00",
    ),
    "when a specimen was taken, told by the order": (
        "ORU^R01",
        (
            *RESULT,
            "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L|||||F",
            "SPM|1|^S9&LAB||119297000^Blood^SCT",
        ),
        "Specimen",
        "collection collectedDateTime",
        "2026-10-01T07:00:00-05:00",
    ),
    "who ordered a vaccination, and where": (
        "VXU^V04",
        (
            PID,
            f"ORC|RE||I55^IIS{'|' * 9}1234^Vance^Iris{'|' * 9}Elm Clinic^^^^^NORTH^XX^^^81",
            "RXA|0|1|20261001||140^Influenza^CVX|0.5",
        ),
        "Organization",
        "name",
        "Elm Clinic",
    ),
    "the address where a dose was given": (
        "VXU^V04",
        (
            PID,
            "ORC|RE||I55^IIS",
            f"RXA|0|1|20261001||140^Influenza^CVX|0.5{'|' * 22}1 Elm St^^Mill Fork^WI^53099",
        ),
        "Location",
        "address city",
        "Mill Fork",
    ),
    "each of several citizenships": (
        "ADT^A01",
        (f"{PID}{'|' * 18}US^^ISO3166~CA^^ISO3166", PV1),
        "Patient",
        f"ext:{CORE}patient-citizenship ext:code valueCodeableConcept coding code",
        "CA",
    ),
    "a census tract": (
        "ADT^A01",
        (f"{PID}|||12 Elm St^^Mill Fork^WI^53099^^H^^^204.01", PV1),
        "Patient",
        f"address ext:{CORE}iso21090-ADXP-censusTract valueString",
        "204.01",
    ),
    "since when a name is used, told in its own place": (
        "ADT^A01",
        ("PID|1||7001^^^MERCY^MR||Quill^Tess^^^^^L^^^20010101&20020101^^20190501||19800401|F", PV1),
        "Patient",
        "name period start",
        "2019-05-01",
    ),
    "in what order a name is put together": (
        "ADT^A01",
        ("PID|1||7001^^^MERCY^MR||Quill^Tess^^^^^L^^^^F||19800401|F", PV1),
        "Patient",
        f"name ext:{CORE}humanname-assembly-order valueCode",
        "F",
    ),
    "a class of payment where no plan type is told": (
        "ADT^A01",
        (
            f"PV1|1|I{'|' * 17}V500|SELF{'|' * 24}20261001080000".replace("PV1", f"{PID}\rPV1"),
            "IN1|1|P1|C1|Plan Ltd",
        ),
        "Coverage",
        "type coding code",
        "SELF",
    ),
    "what an episode is about": (
        "ADT^A01",
        (PID, f"{PV1}{'|' * 9}Hip replacement|EP7"),
        "EpisodeOfCare",
        f"ext:{CORE}resource-instance-description valueMarkdown",
        "Hip replacement",
    ),
    "the address of who ordered": (
        "ORM^O01",
        (PID, PV1, f"{ORC}{'|' * 12}9 Oak Ave^^Mill Fork^WI", OBR),
        "Practitioner",
        "address line",
        "9 Oak Ave",
    ),
    "an interpreter named as before V2.3": (
        "ORU^R01",
        (
            PID,
            f"{OBR}{'|' * 25}3065^Mahoney^Paul^J",
            "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L|||||F",
        ),
        "Practitioner",
        "name family",
        "Mahoney",
    ),
    "what the collector noted beside a described specimen": (
        "ORU^R01",
        (PID, f"{OBR}{'|' * 32}Hard to draw", "SPM|1|^S9&LAB||119297000^Blood^SCT"),
        "Specimen",
        "note text",
        "Hard to draw",
    ),
    "whether a result is asked at order entry": (
        "ORU^R01",
        (*RESULT, f"OBX|1|ST|2823-3^Potassium^LN||low||||||F{'|' * 19}AOE"),
        "Observation",
        f"ext:{CORE}observation-structure-type valueCodeableConcept coding code",
        "AOE",
    ),
    "a provider booked as a general resource": (
        "SIU^S12",
        (
            "SCH|A1|A2|||||||30|MIN|^^30^20261005140000^20261005143000",
            PID,
            "RGS|1",
            "AIG|1||4567^Iris Vance MD|P",
        ),
        "Practitioner",
        "name text",
        "Iris Vance MD",
    ),
    "the order an appointment is for": (
        "SIU^S12",
        (
            f"SCH|A1|A2|||||||30|MIN|^^30^20261005140000^20261005143000{'|' * 15}P77^EHR|F88^LAB",
            PID,
            "RGS|1",
        ),
        "Appointment",
        "basedOn identifier value",
        "F88",
    ),
    "another number of an insurance plan": (
        "ADT^A01",
        (PID, PV1, "IN1|1|P1^Basic^NORTH^Q9^Basic^SOUTH|C1|Plan Ltd"),
        "Coverage",
        "identifier value",
        "Q9",
    ),
    "what the prescriber said of a substitute": (
        "RDE^O11",
        (
            PID,
            "ORC|NW|RX8^EHR",
            "RXO|197361^Amlodipine^RXNORM||||||||N",
            "RXE||197361^Amlodipine^RXNORM|1||TAB^Tablet",
        ),
        "MedicationRequest",
        "substitution allowedCodeableConcept coding code",
        "N",
    ),
    "how often, as orders before V2.5 say it": (
        "ORM^O01",
        (PID, PV1, f"{ORC}".replace("||||||||||1234", "|||||^Q6H^D10||||1234"), OBR),
        "ServiceRequest",
        "occurrenceTiming code text",
        "Q6H",
    ),
    "for how long, as orders before V2.5 say it": (
        "ORM^O01",
        (PID, PV1, f"{ORC}".replace("||||||||||1234", "|||||^Q6H^D10||||1234"), OBR),
        "ServiceRequest",
        "occurrenceTiming repeat boundsDuration code",
        "d",
    ),
    "a local coding system in one of several answers": (
        "ORU^R01",
        (*RESULT, "OBX|1|CWE|11368-8^Symptoms^LN||A1^Cough^MYTAB~B2^Fever||||||F"),
        "Observation",
        "component valueCodeableConcept coding system",
        "urn:id:generic:MYTAB",
    ),
    "times of the day with colons": (
        "OML^O21",
        (PID, PV1, ORC, "TQ1|1||Q8H|11:30:05", OBR),
        "ServiceRequest",
        "occurrenceTiming repeat timeOfDay",
        "11:30:05",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_value_stands_where_a_reader_looks(
    plan_of: Callable[[str], Any],
    told: Callable[..., Any],
    case: tuple[str, tuple[str, ...], str, str, Any],
) -> None:
    kind, segments, resource, path, expected = case
    made = told(plan_of("us"), kind, "20261001090000", segments)
    bodies = [given.body for given in made if given.type == resource]
    assert expected in list(at(bodies, path))
