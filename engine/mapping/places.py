"""PL -> Location: the place itself and, as far as the sender names them, what it is part of.

HL7 v2.9.1, 2A.3.52 (PL); the official map PL[Location]. A bed is part of a room, a room of a point
of care (a ward, a clinic), that of a floor, a building, a facility. Ids are made of the names from
the outside in, so that a message that names a ward only speaks of the same ward.
"""

from typing import Any

from engine.mapping.context import Identify
from engine.mapping.datatypes import identifiers
from engine.mapping.datatypes.tools import Tools
from engine.mapping.side import Read, Side
from engine.mapping.text import lead, lowered, parts, plain

_PHYSICAL = "http://terminology.hl7.org/CodeSystem/location-physical-type"
_DISPLAY = {"si": "Site", "bu": "Building", "lvl": "Level", "wa": "Ward", "ro": "Room", "bd": "Bed"}
_LEVELS = (("si", 4), ("bu", 7), ("lvl", 8), ("wa", 1), ("ro", 2), ("bd", 3))  # code, component


def reader(tools: Tools, identify: Identify) -> Read:
    """Return the reader of places."""
    own = identifiers.Assigners(tools).own("location")

    def read(raw: str) -> Side | None:
        items = parts(raw, 9)
        names = {code: lead(lowered(items[number - 1])) for code, number in _LEVELS}
        place: Side | None = None
        for code, number in _LEVELS:
            if names[code]:
                place = _within(place, _level(code, number, items, names, own), identify)
        described = plain(items[8])
        if place is not None and described:
            place.elements["description"] = described
        return place

    return read


def _level(code: str, number: int, items: list[str], names: dict[str, str], own: str) -> Side:
    """Make one level; what lies deeper is no part of its key."""
    order = [each for each, _ in _LEVELS]
    outer = {each: names[each] for each in order[: order.index(code) + 1]}
    said = [name for name in outer.values() if name]
    _, universal, scheme = (plain(item) for item in parts(lowered(items[number - 1]), 3))
    known = identifiers.universal_id(universal, scheme)
    inner = [outer.get(each, "") for each in ("wa", "ro", "bd")]
    name = " ".join(name for name in inner if name) or names[code]
    elements: dict[str, Any] = {
        "identifier": [{"system": own, "value": "-".join(said)}, *([known] if known else [])],
        "name": name,
        **({"alias": [names[code]]} if names[code] != name else {}),
        "mode": "instance",
        "physicalType": {"coding": [_physical(code)]},
    }
    key = ("place", *inner, outer["si"])
    if not any(inner):
        key = ("place", code, *outer.values())
    return Side("Location", key, elements)


def _physical(code: str) -> dict[str, str]:
    return {"system": _PHYSICAL, "code": code, "display": _DISPLAY[code]}


def _within(outer: Side | None, inner: Side, identify: Identify) -> Side:
    if outer is None:
        return inner
    reference = f"Location/{identify('Location', outer.key)}"
    elements = {**inner.elements, "partOf": {"reference": reference}}
    return Side("Location", inner.key, elements, (outer,))
