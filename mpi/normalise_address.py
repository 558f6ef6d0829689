"""A postal address as matching sees it: house number, street, unit, ZIP and town.

Street types and directions are dropped, since clerks leave them out or spell them in many ways
(`1809 West Ferry Street`, `1809 W FERRY`). Abbreviations: USPS Publication 28,
appendices C1 and C2.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mpi.normalise import postal_code, tokens, vocabulary


class Address(NamedTuple):
    """All upper case; `""` for what is not there. `street` has neither type nor direction."""

    number: str
    street: str
    unit: str
    zip: str
    city: str


_TYPES = vocabulary(
    "ALLEY ALY AVENUE AVE AV BOULEVARD BLVD CIRCLE CIR COURT CT COVE CV DRIVE DR EXPRESSWAY EXPY "
    "FREEWAY FWY HIGHWAY HWY LANE LN LOOP PARKWAY PKWY PLACE PL PLAZA PLZ POINT PT ROAD RD ROUTE "
    "RTE ROW RUN SQUARE SQ STREET ST STR TERRACE TER TERR TRAIL TRL TURNPIKE TPKE WALK WAY XING"
)
_DIRECTIONS = vocabulary(
    "N S E W NE NW SE SW NORTH SOUTH EAST WEST NORTHEAST NORTHWEST SOUTHEAST SOUTHWEST"
)
_UNITS = vocabulary(
    "APT APARTMENT UNIT STE SUITE RM ROOM FL FLOOR LOT TRLR TRAILER SPC SPACE BLDG NO"
)
_NOWHERE = frozenset(
    {"GENERALDELIVERY", "HOMELESS", "UNKNOWN", "NOADDRESS", "NOFIXEDADDRESS", "NONE", "TRANSIENT"}
)


def _split_unit(words: list[str]) -> tuple[list[str], str]:
    for index, word in enumerate(words):
        if word in _UNITS and index + 1 < len(words) and index > 0:
            return words[:index], "".join(words[index + 1 :])
    return words, ""


def _street(words: list[str]) -> str:
    kept = [w for w in words if w not in _TYPES and w not in _DIRECTIONS]
    return "".join(kept or words)


def _unit_line(line: str) -> str:
    """The unit a second line names, or `""` for a line that says something else."""
    words = tokens(line)
    if not words:
        return ""
    if words[0] in _UNITS:
        return "".join(words[1:])
    return "".join(words) if line.lstrip().startswith("#") else ""


def _house(line: str) -> tuple[str, str, str]:
    """Number, street and unit of a first line."""
    before, hash_sign, after = line.partition("#")
    words, unit = _split_unit(list(tokens(before)))
    if hash_sign and not unit:
        unit = "".join(tokens(after))
    if words[:2] == ["PO", "BOX"] or words[:1] == ["POBOX"]:
        return words[-1], "POBOX", unit
    if words and words[0][0].isdigit() and len(words) > 1:
        return words[0], _street(words[1:]), unit
    street = _street(words)
    return "", "" if street in _NOWHERE else street, unit


def address_of(address: Mapping[str, Any]) -> Address | None:
    """Normalise a FHIR Address; None when nothing of it can be compared."""
    lines: Sequence[str] = address.get("line") or ()
    number = street = unit = ""
    if lines:
        number, street, unit = _house(lines[0])
        if not unit and len(lines) > 1:
            unit = _unit_line(lines[1])
    zip_code = postal_code(address.get("postalCode") or "")
    city = "".join(tokens(address.get("city") or ""))
    if not (street or zip_code or city):
        return None
    return Address(number, street, unit, zip_code, city)
