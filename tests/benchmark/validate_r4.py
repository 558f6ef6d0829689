"""How long the R4 validator takes per resource, beside the R4B models of fhir.resources.

    python tests/benchmark/validate_r4.py

Run by hand. Prints microseconds of processor time, best of many rounds, and as a yardstick for the
machine the time orjson takes to parse the same text.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from fhir.resources.R4B import get_fhir_model_class

from engine.r4.validate import compile_validator

ROUNDS = 30
CALLS = 500
RECORD = "0f8d1c2e-8a6b-8c1d-9e3f-1a2b3c4d5e6f"
V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"
V3 = "http://terminology.hl7.org/CodeSystem/v3"


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": RECORD,
    "meta": {"source": "urn:concord:north"},
    "identifier": [
        {"use": "usual", "type": _concept(V2, "MR"), "system": "urn:oid:2.999.1", "value": "A100"},
        {"type": _concept(V2, "SS"), "system": "urn:oid:2.999.2", "value": "666-12-3456"},
    ],
    "active": True,
    "name": [{"use": "official", "family": "Tessaly", "given": ["Orin", "Q"]}],
    "telecom": [{"system": "phone", "value": "555-0101", "use": "home"}],
    "gender": "male",
    "birthDate": "1961-02-28",
    "address": [{"line": ["1 Elm St"], "city": "Springfield", "state": "IL", "country": "US"}],
    "maritalStatus": _concept(f"{V3}-MaritalStatus", "M"),
}
ENCOUNTER: dict[str, Any] = {
    "resourceType": "Encounter",
    "id": RECORD,
    "identifier": [{"system": "urn:oid:2.999.3", "value": "V100"}],
    "status": "finished",
    "class": {"system": f"{V3}-ActCode", "code": "IMP"},
    "subject": {"reference": f"Patient/{RECORD}"},
    "participant": [
        {
            "type": [_concept(f"{V3}-ParticipationType", "ATND")],
            "individual": {"reference": f"Practitioner/{RECORD}"},
        }
    ],
    "period": {"start": "2026-01-02T03:04:05-06:00", "end": "2026-01-04T10:00:00-06:00"},
    "location": [{"location": {"reference": f"Location/{RECORD}"}, "status": "completed"}],
    "serviceProvider": {"reference": f"Organization/{RECORD}"},
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": RECORD,
    "status": "final",
    "category": [_concept("http://terminology.hl7.org/CodeSystem/observation-category", "exam")],
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}], "text": "HGB"},
    "subject": {"reference": f"Patient/{RECORD}"},
    "encounter": {"reference": f"Encounter/{RECORD}"},
    "effectiveDateTime": "2026-01-02T03:04:05-06:00",
    "valueQuantity": {"value": 13.1, "unit": "g/dL", "system": "urn:x", "code": "g/dL"},
    "interpretation": [_concept(f"{V3}-ObservationInterpretation", "N")],
    "referenceRange": [{"low": {"value": 12}, "high": {"value": 16}, "text": "12-16"}],
}


def _microseconds(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(CALLS):
            call()
        best = min(best, time.process_time() - started)
    return best / CALLS * 1e6


def main() -> None:
    """Print one line per resource."""
    write = sys.stdout.write
    write(f"{'':12} {'bytes':>6} {'concord':>8} {'fhir.resources':>15} {'orjson.loads':>13}\n")
    for resource in (PATIENT, ENCOUNTER, OBSERVATION):
        name = resource["resourceType"]
        check, model = compile_validator(name), get_fhir_model_class(name)
        text = orjson.dumps(resource)
        if check(resource):
            raise SystemExit(f"{name} is not valid")
        ours = _microseconds(partial(check, resource))
        theirs = _microseconds(partial(model.model_validate, resource))
        parse = _microseconds(partial(orjson.loads, text))
        write(f"{name:12} {len(text):6} {ours:8.1f} {theirs:15.1f} {parse:13.2f}\n")


if __name__ == "__main__":
    main()
