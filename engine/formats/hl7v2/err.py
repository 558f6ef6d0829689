"""The ERR segment: what a fault means in HL7's own codes, and where it is.

Follows HL7 v2.9.1, 2.14.5 (ERR), table 0357 and the ERL data type. ERR-1, withdrawn since, is
written for versions before 2.5, which know no other. A fault carries no patient data, so neither
does the segment.
"""

import re

from engine.core.fault import Category, Fault
from engine.formats.hl7v2.encoding import Delimiters, escape

# HL7 table 0357. The code of a fault decides where it says more than its category does.
_TEXTS = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "207": "Application internal error",
}
_BY_CODE = {
    "no-header": "100",
    "bad-segment": "100",
    "several-messages": "100",
    "missing-control-id": "101",
    "required-field-missing": "101",
}
_BY_PLACE = {"MSH-9.2": "201", "MSH-11": "202", "MSH-12": "203"}
_BY_CATEGORY = {
    Category.INVALID: "102",
    Category.UNSUPPORTED: "200",
    Category.NOT_FOUND: "204",
    Category.CONFLICT: "205",
}


def _condition(fault: Fault) -> str:
    known = _BY_CODE.get(fault.code)
    if known is None and fault.category is Category.UNSUPPORTED:
        known = _BY_PLACE.get(fault.where)
    return known or _BY_CATEGORY.get(fault.category, "207")


_PLACE = re.compile(
    r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\[(\d+)\])?(?:\.(\d+))?(?:\.(\d+))?)?"
)


def _location(where: str) -> list[str]:
    """Read `PID-3[2].1` or `OBX[12]-5` as the parts of an ERL; nothing when it is no such path."""
    found = _PLACE.fullmatch(where)
    if found is None:
        return []
    segment, nth, field, repetition, part, sub = found.groups("")
    parts = [segment, nth or "1", field, (repetition or "1") if field else "", part, sub]
    while not parts[-1]:
        parts.pop()
    return parts


def error_fields(fault: Fault, d: Delimiters, *, old: bool) -> list[str]:
    """Return the segment's fields, id first. `old`: the reader is of a version before 2.5."""
    condition = _condition(fault)
    place = _location(fault.where)
    coded = (condition, _TEXTS[condition], "HL70357")
    return [
        "ERR",
        _err_1(d, place, coded) if old else "",
        d.component.join(place),
        d.component.join(coded),
        "E",
        d.component.join((escape(fault.code, d), "", "L")),
        "",
        "",
        escape(fault.message, d),
    ]


def _err_1(d: Delimiters, place: list[str], coded: tuple[str, ...]) -> str:
    """ERR-1 as before v2.5: segment, sequence, field, and the code in sub-components."""
    return d.component.join([*(place + [""] * 3)[:3], d.subcomponent.join(coded)])
