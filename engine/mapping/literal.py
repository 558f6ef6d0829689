"""Literals of mapping files (`"=final"`) as FHIR JSON of the type their place needs."""

from typing import Any

from engine.core.lexeme import number
from engine.mapping.node import Scalar
from engine.mapping.problem import Problems
from engine.r4 import elements
from engine.r4.elements import Element

_V2 = "http://terminology.hl7.org/CodeSystem/v2-"
_THO = "http://terminology.hl7.org/CodeSystem/"
# The system of a short literal where R4 binds no single one as required.
_SYSTEMS = {
    "Identifier.type": f"{_V2}0203",
    "Observation.category": f"{_THO}observation-category",
    "Condition.category": f"{_THO}condition-category",
    "Condition.clinicalStatus": f"{_THO}condition-clinical",
    "Condition.verificationStatus": f"{_THO}condition-ver-status",
    "AllergyIntolerance.clinicalStatus": f"{_THO}allergyintolerance-clinical",
    "AllergyIntolerance.verificationStatus": f"{_THO}allergyintolerance-verification",
    "Encounter.class": f"{_THO}v3-ActCode",
    "Encounter.participant.type": f"{_THO}v3-ParticipationType",
    "Encounter.diagnosis.use": f"{_THO}diagnosis-role",
    "Encounter.location.physicalType": f"{_THO}location-physical-type",
    "Location.physicalType": f"{_THO}location-physical-type",
    "Coverage.class.type": f"{_THO}coverage-class",
    "Coverage.relationship": f"{_THO}subscriber-relationship",
    "DiagnosticReport.category": f"{_V2}0074",
    "Observation.dataAbsentReason": f"{_THO}data-absent-reason",
    "Appointment.participant.type": f"{_THO}v3-ParticipationType",
    "Patient.contact.relationship": f"{_V2}0131",
    "Patient.maritalStatus": f"{_THO}v3-MaritalStatus",
    "Organization.type": f"{_THO}organization-type",
}


def default_system(element: Element, code: str) -> str:
    """Return the system of a bare code at an element, empty when the engine knows none."""
    known = _SYSTEMS.get(element.path)
    if known:
        return known
    members = elements.members(element.value_set) if element.value_set else None
    found = {system for system, member in members or () if member == code}
    return found.pop() if len(found) == 1 else ""


def _coding(text: str, element: Element) -> dict[str, Any] | None:
    first, _, rest = text.partition("|")
    code, _, display = rest.partition("|")
    if not rest:
        first, code = default_system(element, text), text
    if not first:
        return None
    return {"system": first, "code": code, **({"display": display} if display else {})}


def value(text: str, element: Element, scalar: Scalar, problems: Problems) -> Any:
    """Convert a literal; None after a problem was reported."""
    kind = element.types[0] if element.types else ""
    if kind in {"Coding", "CodeableConcept"}:
        coding = _coding(text, element)
        if coding is None:
            message = f"the code of {element.path} needs its system"
            problems.report("E212", scalar.mark, message, f'write "=http://system|{text}"')
            return None
        return coding if kind == "Coding" else {"coding": [coding]}
    if not elements.is_primitive(kind):
        problems.report("E213", scalar.mark, f"no literal can be a {kind or 'group of elements'}")
        return None
    if element.binding is not None and text not in element.binding:
        allowed = ", ".join(sorted(element.binding)[:12])
        problems.report("E213", scalar.mark, f"{element.path} cannot be that code", allowed)
        return None
    return _primitive(text, kind, scalar, problems)


def _primitive(text: str, kind: str, scalar: Scalar, problems: Problems) -> Any:
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    numeral = number(text)
    if kind in {"integer", "positiveInt", "unsignedInt"} and numeral and "." not in numeral:
        return int(numeral)
    if kind == "decimal" and numeral:
        return numeral
    if kind in {"boolean", "integer", "positiveInt", "unsignedInt", "decimal"}:
        problems.report("E213", scalar.mark, f"not a {kind}")
        return None
    return text
