"""Which search parameters the index supports, with the integers the index calls them by.

The meaning of each (kind, path, targets) is R4's own (`engine.r4.search_parameters`); here is only
the choice. Rule: the lists are only appended to, because a place in a list is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from engine.core.fault import Category, refuse
from engine.r4 import elements, search_parameters
from engine.r4.search_parameters import SearchParameter
from engine.store.codes import code_of
from engine.store.search.paths import Route, Step, compile_path

SUPPORTED: Mapping[str, str] = {
    "Patient": "identifier name family given birthdate gender telecom phone email address"
    " address-city address-state address-postalcode active death-date general-practitioner",
    "Encounter": "identifier date status class type service-provider practitioner location",
    "Observation": "identifier code date status category encounter",
    "Condition": "identifier code category clinical-status verification-status onset-date"
    " recorded-date encounter",
    "AllergyIntolerance": "identifier code date clinical-status verification-status criticality"
    " category type",
    "Coverage": "identifier status type payor",
    "DiagnosticReport": "identifier code category date issued status encounter",
    "Appointment": "identifier date status appointment-type service-type practitioner location",
    "DocumentReference": "identifier type category date status encounter",
    "Practitioner": "identifier name family given active",
    "PractitionerRole": "identifier practitioner organization role specialty",
    "Organization": "identifier name type",
    "Location": "identifier name status type",
    "Immunization": "identifier vaccine-code date status",
    "Procedure": "identifier code date status category encounter",
    "MedicationRequest": "identifier code authoredon status intent encounter",
    "ServiceRequest": "identifier code authored status intent category encounter",
    "RelatedPerson": "identifier name telecom",
    "Specimen": "identifier type collected",
    "Account": "identifier status type",
}
CLINICAL: Mapping[str, tuple[str, str]] = {
    "Encounter": ("type", "date"),
    "Observation": ("code", "date"),
    "Condition": ("code", "onset-date"),
    "AllergyIntolerance": ("code", "date"),
    "Coverage": ("type", ""),
    "DiagnosticReport": ("code", "date"),
    "Appointment": ("appointment-type", "date"),
    "DocumentReference": ("type", "date"),
    "Immunization": ("vaccine-code", "date"),
    "Procedure": ("code", "date"),
    "MedicationRequest": ("code", "authoredon"),
    "ServiceRequest": ("code", "authored"),
}
"""The parameters that the table of a patient's codes by date holds."""

PARTS: Mapping[str, Mapping[str, str]] = {
    "name": {"family": "family", "given": "given"},
    "address": {
        "address-city": "city",
        "address-state": "state",
        "address-postalcode": "postalCode",
    },
    "telecom": {"phone": "phone", "email": "email"},
}
"""Parameters that find what others find, too, with the part or system each of those stands for.

What the others hold is stored once, under them: a search for the whole asks for all of them.
"""

OF_PATIENT = ("patient", "subject", "beneficiary")
"""Parameters answered by the record a resource is about."""

SOURCE = "_source"
_SOURCE: Route = (Step((("meta", "Meta"),)), Step((("source", "uri"),)))
_MOST = 64
_INDEXED = {"token", "string", "date", "reference"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of one resource type, ready to index and to search."""

    name: str
    kind: str  # token, string, date, reference, uri, or patient
    code: int
    routes: tuple[Route, ...] = ()  # where its values are; those in `elsewhere` are not its own
    targets: tuple[str, ...] = ()
    bare: bool = False  # a token whose system is implied by its element: stored without one
    systems: frozenset[tuple[str, str]] = frozenset()  # of a bare token, where known
    elsewhere: Mapping[str, int] = field(default_factory=dict)  # part -> parameter that holds it

    @property
    def codes(self) -> tuple[int, ...]:
        """The integers under which the index holds what this parameter finds."""
        return (self.code, *self.elsewhere.values())


@cache
def parameters(type_name: str) -> Mapping[str, Parameter]:
    """Return the parameters searched by index rows, by name; empty for a type without any."""
    names = SUPPORTED.get(type_name)
    if names is None:
        return {}
    known = search_parameters.of(type_name)
    base = code_of(type_name) * _MOST
    found = {SOURCE: Parameter(SOURCE, "uri", base, (_SOURCE,))}
    for place, name in enumerate(names.split(), 1):
        found[name] = _parameter(type_name, known.get(name), base + place)
    return {name: _with_parts(parameter, found) for name, parameter in found.items()}


def _with_parts(parameter: Parameter, known: Mapping[str, Parameter]) -> Parameter:
    parts = PARTS.get(parameter.name, {})
    held = {part: known[name].code for name, part in parts.items() if name in known}
    return replace(parameter, elsewhere=held) if held else parameter


@cache
def patient_parameters(type_name: str) -> Mapping[str, Parameter]:
    """Return the parameters of a type that name the patient it is about."""
    if type_name == "Patient" or type_name not in SUPPORTED:
        return {}
    known = search_parameters.of(type_name)
    return {
        name: Parameter(name, "patient", -1, targets=known[name].targets)
        for name in OF_PATIENT
        if name in known
    }


def check() -> None:
    """Compile every parameter. FaultError when R4 does not declare one as the index needs it."""
    for type_name in SUPPORTED:
        known = parameters(type_name)
        code, date = CLINICAL.get(type_name, ("", ""))
        if len(known) > _MOST or any(name and name not in known for name in (code, date)):
            raise refuse(Category.BUG, "search-parameters", "the choice is inconsistent", type_name)


def _parameter(type_name: str, declared: SearchParameter | None, code: int) -> Parameter:
    if declared is None or declared.type not in _INDEXED:
        raise refuse(Category.BUG, "search-parameters", "R4 declares no such parameter", type_name)
    routes = compile_path(type_name, declared.expression)
    element = elements.resolve(declared.expression)
    bare = declared.type == "token" and _is_bare(declared.expression)
    systems = elements.members(element.value_set) if bare and element else None
    return Parameter(
        declared.name, declared.type, code, routes, declared.targets, bare, systems or frozenset()
    )


def _is_bare(expression: str) -> bool:
    """Whether the values are codes, booleans or contact points, which carry no system."""
    if ".where(system=" in expression:
        return True
    element = elements.resolve(expression)
    return element is not None and element.types[0] in {"code", "boolean", "ContactPoint"}
