"""Resources made only to be referred to (Practitioner, Location ...) from one HL7 v2 value.

Their ids come from what identifies them: an identifier with its system, else the name.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.mapping import places
from engine.mapping.context import Identify
from engine.mapping.datatypes import coded, identifiers, people
from engine.mapping.datatypes.registry import family
from engine.mapping.datatypes.tools import Flawed, Tools
from engine.mapping.side import Read, Side
from engine.mapping.text import lead, parts, plain


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


def _of_authority(kind: str) -> Callable[[Tools], Read]:
    """HD: known by its universal id, else by its name among the site's."""

    def make(tools: Tools) -> Read:
        read_id = identifiers.authority(tools)
        own = identifiers.Assigners(tools).own("")

        def read(raw: str) -> Side | None:
            side = _titled(kind, read_id(raw), lead(raw))
            if side is None:
                return None
            name, universal, scheme = (plain(item) for item in parts(raw, 3))
            known = identifiers.universal_id(universal, scheme)
            if known is None:
                return side
            found = [known, {"system": own, "value": name}] if name else [known]
            return replace(side, elements={**side.elements, "identifier": found})

        return read

    return make


def _organization_of_code(tools: Tools) -> Read:
    systems = coded.Systems(tools)

    def read(raw: str) -> Side | None:
        code, text, system, *_, original = (plain(item) for item in parts(raw, 9))
        uri = systems.uri(system) if code and (text or original) else ""
        identifier = {"system": uri, "value": code} if uri else None
        return _titled("Organization", identifier, text or original or code)

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
    ("HD", "Organization"): _of_authority("Organization"),
    ("HD", "Location"): _of_authority("Location"),
    ("CWE", "Organization"): _organization_of_code,
    ("ST", "Organization"): _organization_of_code,
    ("ID", "Organization"): _organization_of_code,
    ("ST", "Location"): _location_of_text,
    ("CWE", "Location"): _location_of_text,
    ("XPN", "RelatedPerson"): _related,
}


def reader(datatype: str, target: str, tools: Tools, identify: Identify) -> Read | None:
    """Return the reader of a pair, None when there is none."""
    source = family(datatype)
    if (source, target) == ("XCN", "PractitionerRole"):
        return _role(tools, identify)
    if (source, target) == ("PL", "Location"):
        return places.reader(tools, identify)
    make = _TABLE.get((source, target))
    return make(tools) if make else None


def targets() -> list[str]:
    """FHIR types that can be made from one value."""
    return sorted({target for _, target in _TABLE} | {"PractitionerRole", "Location"})
