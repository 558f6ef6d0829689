"""Places (PL) as Locations within Locations."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from engine.mapping import places
from engine.mapping.datatypes.tools import Tools
from engine.mapping.side import Side

TOOLS = Tools("mercy", ZoneInfo("America/Chicago"))


def name_of(kind: str, key: Sequence[str]) -> str:
    return f"{kind}-{'.'.join(key)}"


def read(raw: str) -> Side:
    found = places.reader(TOOLS, name_of)(raw)
    assert found is not None
    return found


def chain(side: Side) -> list[tuple[str, Any]]:
    """Return name and physical type of a place and of all it is part of."""
    elements = side.elements
    outer = [link for need in side.needs for link in chain(need)]
    return [(elements["name"], elements["physicalType"]["coding"][0]["code"]), *outer]


def test_bed_is_part_of_room_ward_floor_building_and_site() -> None:
    assert chain(read("4E^136^B^NORTH^^^TOWER^3")) == [
        ("4E 136 B", "bd"),
        ("4E 136", "ro"),
        ("4E", "wa"),
        ("3", "lvl"),
        ("TOWER", "bu"),
        ("NORTH", "si"),
    ]


def test_part_refers_to_the_next_outer_place() -> None:
    side = read("4E^136^B^NORTH")
    (room,) = side.needs
    assert side.elements["partOf"]["reference"] == f"Location/{name_of('Location', room.key)}"
    assert side.elements["alias"] == ["B"]


def test_ward_alone_is_the_ward_of_its_beds() -> None:
    (room,) = read("4E^136^B^NORTH").needs
    (ward,) = room.needs
    assert read("4E^^^NORTH").key == ward.key


def test_universal_id_and_description_of_a_place() -> None:
    elements = read("4E&1.2.9&ISO^^^^^^^^Fourth floor east").elements
    assert elements["identifier"][1]["value"] == "urn:oid:1.2.9"
    assert elements["description"] == "Fourth floor east"


def test_nothing_named_is_no_place() -> None:
    assert places.reader(TOOLS, name_of)("^^^^^N") is None
