"""Resources made only to be referred to (Practitioner, Location ...) from one HL7 v2 value.

Their ids come from what identifies them: an identifier with its system, else the name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.mapping.context import Identify
from engine.mapping.datatypes import identifiers, people
from engine.mapping.datatypes.registry import family
from engine.mapping.datatypes.tools import Flawed, Tools
from engine.mapping.text import lead, lowered, parts, plain


@dataclass(frozen=True, slots=True)
class Side:
    """A resource to link to, with those it needs itself."""

    type: str
    key: tuple[str, ...]
    elements: dict[str, Any]
    needs: "tuple[Side, ...]" = ()
    flaw: Flawed | None = None


Read = Callable[[str], Side | None]


def named_key(identifier: Any, name: tuple[str, ...]) -> tuple[str, ...]:
    """Return the key of a resource: its identifier, else its name."""
    if isinstance(identifier, dict) and identifier.get("value"):
        return ("identifier", identifier.get("system", ""), identifier["value"])
    return ("name", *name)


def _unflawed(value: Any) -> tuple[Any, Flawed | None]:
    return (value.value, value) if isinstance(value, Flawed) else (value, None)


def _practitioner(tools: Tools) -> Read:
    read_id, read_name = identifiers.person(tools), people.person_name(tools)

    def read(raw: str) -> Side | None:
        identifier, flaw = _unflawed(read_id(raw))
        name = read_name(raw)
        if not identifier and not name:
            return None
        elements: dict[str, Any] = {}
        if identifier:
            elements["identifier"] = [identifier]
        if name:
            elements["name"] = [name]
        words = (
            name["family"] if name and "family" in name else "",
            *(name or {}).get("given", ()),
        )
        return Side("Practitioner", named_key(identifier, words), elements, (), flaw)

    return read


def _role(tools: Tools, identify: Identify) -> Read:
    read_person = _practitioner(tools)

    def read(raw: str) -> Side | None:
        person = read_person(raw)
        if person is None:
            return None
        ident = identify("Practitioner", person.key)
        elements = {"practitioner": {"reference": f"Practitioner/{ident}"}}
        return Side("PractitionerRole", person.key, elements, (person,))

    return read


def _organization(tools: Tools) -> Read:
    read_id = identifiers.organization(tools)

    def read(raw: str) -> Side | None:
        identifier, flaw = _unflawed(read_id(raw))
        return _titled("Organization", identifier, lead(raw), flaw)

    return read


def _titled(kind: str, identifier: Any, name: str, flaw: Flawed | None = None) -> Side | None:
    if not identifier and not name:
        return None
    elements: dict[str, Any] = {}
    if identifier:
        elements["identifier"] = [identifier]
    if name:
        elements["name"] = name
    return Side(kind, named_key(identifier, (name,)), elements, (), flaw)


def _organization_of_authority(tools: Tools) -> Read:
    read_id = identifiers.authority(tools)

    def read(raw: str) -> Side | None:
        return _titled("Organization", read_id(raw), lead(raw))

    return read


def _organization_of_code(_: Tools) -> Read:
    def read(raw: str) -> Side | None:
        items = [plain(item) for item in parts(raw, 2)]
        return _titled("Organization", None, items[1] or items[0])

    return read


def _location(tools: Tools) -> Read:
    own = identifiers.Assigners(tools).own("location")

    def read(raw: str) -> Side | None:
        items = parts(raw, 11)
        names = [lead(lowered(item)) for item in items[:4]]
        if not any(names):
            return None
        value = "-".join(name for name in (names[3], *names[:3]) if name)
        elements = {
            "identifier": [{"system": own, "value": value}],
            "name": " ".join(name for name in names[:3] if name) or names[3],
        }
        if plain(items[8]):
            elements["description"] = plain(items[8])
        return Side("Location", ("place", *names), elements)

    return read


def _location_of_text(_: Tools) -> Read:
    return lambda raw: _titled("Location", None, plain(raw))


def _related(tools: Tools) -> Read:
    read_name = people.name(tools)

    def read(raw: str) -> Side | None:
        name = read_name(raw)
        if not name:
            return None
        words = (name.get("family", ""), *name.get("given", ()))
        return Side("RelatedPerson", named_key(None, words), {"name": [name]})

    return read


_TABLE: dict[tuple[str, str], Callable[[Tools], Read]] = {
    ("XCN", "Practitioner"): _practitioner,
    ("XON", "Organization"): _organization,
    ("HD", "Organization"): _organization_of_authority,
    ("CWE", "Organization"): _organization_of_code,
    ("ST", "Organization"): _organization_of_code,
    ("ID", "Organization"): _organization_of_code,
    ("PL", "Location"): _location,
    ("ST", "Location"): _location_of_text,
    ("CWE", "Location"): _location_of_text,
    ("XPN", "RelatedPerson"): _related,
}


def reader(datatype: str, target: str, tools: Tools, identify: Identify) -> Read | None:
    """Return the reader of a pair, None when there is none."""
    source = family(datatype)
    if (source, target) == ("XCN", "PractitionerRole"):
        return _role(tools, identify)
    make = _TABLE.get((source, target))
    return make(tools) if make else None


def targets() -> list[str]:
    """FHIR types that can be made from one value."""
    return sorted({target for _, target in _TABLE} | {"PractitionerRole"})
