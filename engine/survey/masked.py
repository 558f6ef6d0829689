"""Values of resources as they may be shown: codes of public systems as codes, all else as shapes.

A code says what a mapping did, and is about nobody: those of elements with a fixed value set, and
those of the code systems of HL7 and of the usual terminologies. A local code may be a name.
"""

from typing import Any

from engine.r4 import elements
from engine.survey.mask import shape

_LONGEST = 160
_PUBLIC = (
    "http://terminology.hl7.org/",
    "http://hl7.org/fhir",
    "http://loinc.org",
    "http://snomed.info/sct",
    "http://unitsofmeasure.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://www.ama-assn.org/go/cpt",
    "http://nucc.org/provider-taxonomy",
    "urn:oid:2.16.840.1.113883.6.",
    "urn:iso:std:iso:",
    "urn:ietf:bcp:47",
)
_SHOWN = frozenset({"code", "boolean"})
_ABSENT = "-"


def is_public(system: object) -> bool:
    """Whether a code system is one whose codes everybody may see."""
    return isinstance(system, str) and system.startswith(_PUBLIC)


def shown(path: str, value: Any) -> str:
    """Write a value of the element at a path, as `Patient.gender`; nothing as a dash."""
    text = _ABSENT if value is None else _shown(path, value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _shown(path: str, value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_shown(path, item) for item in value) + "]"
    if isinstance(value, dict):
        return _object(path, value)
    element = elements.resolve(path)
    kind = element.types[0] if element is not None and element.types else ""
    return str(value).lower() if kind in _SHOWN else shape(str(value))


def _object(path: str, value: dict[str, Any]) -> str:
    system, code = value.get("system"), value.get("code")
    if code is not None and is_public(system):
        rest = {name: item for name, item in value.items() if name in {"value", "comparator"}}
        head = f"{system}|{code}"
        return head if not rest else f"{{{_members(path, rest)}, {head}}}"
    hidden = {"code"} if isinstance(code, str) else set()  # of a system of the sender's own
    if set(value) == {"reference"}:
        return str(value["reference"]).partition("/")[0] + "/..."
    return "{" + _members(path, value, hidden) + "}"


def _members(path: str, value: dict[str, Any], hidden: set[str] = frozenset()) -> str:  # type: ignore[assignment]
    found = []
    for name, item in value.items():
        if name in {"system", "url"} and isinstance(item, str) and ":" in item:
            text = item if is_public(item) else "..."
        elif name in hidden:
            text = shape(str(item))
        else:
            text = _shown(f"{path}.{name}", item)
        found.append(f"{name}: {text}")
    return ", ".join(found)
