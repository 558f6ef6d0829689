"""A small mapping library, plans made of it, and messages to map."""

from collections.abc import Callable

import pytest

from engine.formats.hl7v2.parse import Message, parse
from engine.mapping.library import Library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile

KEY = b"k" * 32
MESSAGES = """map: v1
kind: message
structure: ADT_A01
triggers: [ADT^A01, ADT^A08]
make:
  - Patient: {map: PID-Patient, from: PID}
  - Encounter: {map: PV1-Encounter, from: PV1}
  - Condition: {map: DG1-Condition, from: DG1}
link: {subject: Patient, encounter: Encounter}
---
map: v1
kind: message
structure: ADT_A39
triggers: [ADT^A40]
make:
  - per: PATIENT
    make:
      - Patient: {map: PID-Patient, from: PID}
emit:
  - {per: PATIENT, merge: {survivor: patient, subsumed: prior}}
---
map: v1
kind: message
structure: ORU_R01
triggers: [ORU^R01]
make:
  - per: PATIENT_RESULT
    make:
      - Patient: {map: PID-Patient, from: PATIENT.PID, weak: true}
      - per: ORDER_OBSERVATION
        make:
          - Observation: {map: OBX-Observation, from: OBSERVATION.OBX}
          - DiagnosticReport: {map: OBR-DiagnosticReport, from: OBR}
link: {subject: Patient}
"""
RESOURCES = """map: v1
kind: resource
from: PID
to: Patient
Patient:
  identifier:
    - {label: list, from: PID-3}
  name: [{label: legal, from: PID-5}]
  telecom:
    - {label: home, from: PID-13, fill: {use: "=home"}}
  gender: {from: PID-8, map: sex, default: "=unknown"}
  birthDate: PID-7
  deceased:
    - {dateTime: PID-29}
    - {boolean: PID-30}
  contact:
    - {label: kin, each: NK1, set: {name: NK1-2}}
---
map: v1
kind: resource
from: PV1
to: Encounter
key: [PV1-19]
Encounter:
  status: {from: PV1-2, map: {I: in-progress, X: finished}, default: "=unknown"}
  class: {from: PV1-2, map: {I: IMP}, default: "=AMB"}
  participant:
    - {label: attending, each: PV1-7, set: {type: "=ATND", individual: {ref: {Practitioner: $}}}}
  period: {start: PV1-44, end: PV1-45}
  diagnosis:
    - {each: DG1, set: {condition: {ref: Condition}}}
---
map: v1
kind: resource
from: DG1
to: Condition
key: [Patient, DG1-3.1]
Condition:
  code: {from: DG1-3, required: true}
---
map: v1
kind: resource
from: OBX
to: Observation
key: [[OBR-3, OBX-3.1, OBX-4]]
Observation:
  status: {from: OBX-11, map: {F: final, P: preliminary}, default: "=unknown"}
  code: {from: OBX-3, required: true}
  value:
    switch: OBX-2
    NM: {Quantity: {value: OBX-5, unit: OBX-6.1}}
    SN: {recipe: structured-numeric}
    other: {string: OBX-5}
  note: [{each: NTE, set: {text: NTE-3}}]
---
map: v1
kind: resource
from: OBR
to: DiagnosticReport
key: [OBR-3]
DiagnosticReport:
  status: "=final"
  code: OBR-4
  result: {ref: Observation*}
"""
IDENTITY = """map: v1
kind: identity
patient:
  - {label: EPI, from: 'PID-3[$5 = "EPI"]'}
  - {label: MR, from: 'PID-3[1]'}
prior: [{label: MR, from: 'MRG-1[1]'}]
aliases: [PID-3, {label: chart, from: PID-4}]
prior_aliases: [MRG-1]
assigners: {HOSP: {system: "urn:oid:1.2.3", type: MR}}
"""
SEX = """# unmapped: drop
source_system,source_code,target_system,target_code,target_display,relationship,comment
,M,http://hl7.org/fhir/administrative-gender,male,Male,,
,F,http://hl7.org/fhir/administrative-gender,female,Female,,
"""
FILES = {
    "base/codes/sex.csv": SEX,
    "base/identity.yaml": IDENTITY,
    "base/messages.yaml": MESSAGES,
    "base/resources.yaml": RESOURCES,
}
MakePlan = Callable[..., Plan]
Read = Callable[..., Message]


@pytest.fixture
def files() -> dict[str, str]:
    """The base layer; tests change their copy."""
    return dict(FILES)


@pytest.fixture
def make_plan(files: dict[str, str]) -> MakePlan:
    def make(*layers: str, zone: str = "America/Chicago", **more: object) -> Plan:
        profile = {"name": "mercy", "timezone": zone, "chain": ("base", *layers), "id_key": KEY}
        site = SiteProfile(**{**profile, **more})  # type: ignore[arg-type]
        return compile_plan(Library(tuple(sorted(files.items()))), site)

    return make


@pytest.fixture
def plan(make_plan: MakePlan) -> Plan:
    return make_plan()


@pytest.fixture
def read() -> Read:
    """Parse segments given one by one; a header goes before them."""

    def message(*segments: str, kind: str = "ADT^A01", control: str = "C1") -> Message:
        header = f"MSH|^~\\&|APP|FAC|||20260314101500||{kind}|{control}|P|2.5.1"
        return parse("\r".join([header, *segments]).encode())

    return message
