"""Small fhir documents, and resources to map with them."""

from typing import Any

from engine.core.values import Contribution, Mapped
from engine.mapping.library import Library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile

RECEIVED_US = 1_790_000_000_000_000
IDENTITY = """map: v1
kind: identity
patient: [{label: MR, from: PID-3}]
assigners: {MRN: "urn:oid:1.2.3"}
fhir_bases: ["https://ehr.example/r4"]
fhir_patient:
  - {label: MR, from: 'identifier.where(type.text = "MRN").value'}
  - {label: fhir, from: id}
fhir_aliases:
  - {system: '"urn:ehr"', value: id}
  - {each: identifier, if: type.text valued, system: assigner(type.text), value: value}
fhir_ids: {Observation: "urn:ehr:observation"}
"""
PATIENT = """map: v1
kind: fhir
from: Patient
copy: all
except: [text, link, photo]
fills: [identifier]
clears: [telecom, deceased]
survivor: link.where(type = "replaced-by").other
subsumed: link.where(type = "replaces").other
Patient:
  maritalStatus: {from: maritalStatus, map: {Widowed: W}}
  extension: {each: extension, if: 'not url starts with "https://ehr.example/"'}
"""
OBSERVATION = """map: v1
kind: fhir
from: Observation
key:
  - ['split(id, "lab-", 2)', code.coding.code]
  - [id]
changed: meta.lastUpdated | issued
skip: status = "registered"
copy: all
"""
REPORT = """map: v1
kind: fhir
from: DiagnosticReport
key: [id]
copy: all
---
map: v1
kind: fhir
from: Encounter
key: [[identifier.where(system = "urn:visit").value], [id]]
copy: all
---
map: v1
kind: fhir
from: Practitioner
key: [id]
copy: all
"""
FILES = {
    "base/identity.yaml": IDENTITY,
    "base/patient.yaml": PATIENT,
    "base/observation.yaml": OBSERVATION,
    "base/report.yaml": REPORT,
}
Json = dict[str, Any]


def plan_of(files: dict[str, str]) -> Plan:
    site = SiteProfile("mercy", "America/Chicago", ("base",), b"k" * 32)
    return compile_plan(Library(tuple(sorted(files.items()))), site)


def patient(**more: Any) -> Json:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "meta": {"lastUpdated": "2026-03-14T10:15:00Z"},
        "identifier": [{"type": {"text": "MRN"}, "value": " 4711 "}],
        **more,
    }


def observation(**more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": "o.lab-77",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
        "subject": {"reference": "Patient/p1"},
        "meta": {"lastUpdated": "2026-03-14T10:15:00Z"},
        **more,
    }


def bundle(*resources: Json, **more: Any) -> Json:
    entry = [{"fullUrl": f"urn:uuid:{n}", "resource": r} for n, r in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entry, **more}


def told(mapped: Mapped, kind: str) -> Contribution:
    (found,) = [one for one in mapped.contributions if one.type == kind]
    return found


def notes(mapped: Mapped) -> set[tuple[str, str]]:
    return {(note.code, note.where) for note in mapped.diagnostics}
