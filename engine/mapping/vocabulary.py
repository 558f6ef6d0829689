"""Which fields and components exist, and of what type: two dictionary versions seen as one.

A field's type is that of 2.8.2, the newest dictionary; what 2.8.2 has withdrawn (PID-2, PID-19,
PD1-4), senders still send, and 2.5.1 says what it was. Sites add Z segments. Compile time only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from engine.formats.hl7v2 import dictionary

NEW = "2.8.2"
OLD = "2.5.1"
_WITHDRAWN = "WD"
ANYTHING = "*"  # OBX-5: the message says it


@dataclass(frozen=True, slots=True)
class FieldType:
    datatype: str
    repeats: bool


Declared = Mapping[str, Mapping[int, FieldType]]  # what overlays add to the standard


@cache
def _standard(segment: str) -> dict[int, FieldType]:
    found: dict[int, FieldType] = {}
    for version in (NEW, OLD):
        definition = dictionary.segment(version, segment)
        fields = definition.fields.values() if definition else ()
        for field in fields:
            known = found.get(field.number)
            if known is None or known.datatype == _WITHDRAWN:
                repeats = field.repeats or (known.repeats if known else False)
                found[field.number] = FieldType(field.datatype, repeats)
    return found


def field_types(segment: str, declared: Declared) -> dict[int, FieldType]:
    """Return a segment's fields by number; empty when nobody knows the segment."""
    extra = declared.get(segment)
    return {**_standard(segment), **extra} if extra else _standard(segment)


@cache
def component_types(datatype: str) -> tuple[str, ...]:
    """Return the types of a datatype's components; empty for a primitive one."""
    new = dictionary.datatype(NEW, datatype)
    old = dictionary.datatype(OLD, datatype)
    longest = new if len(new) >= len(old) else old
    return tuple(component.datatype for component in longest)


@cache
def is_datatype(name: str) -> bool:
    """Whether an overlay may declare a field of this type."""
    return name in _PRIMITIVE or name == ANYTHING or bool(component_types(name))


_PRIMITIVE = frozenset({"ST", "TX", "FT", "ID", "IS", "NM", "SI", "DT", "DTM", "TM", "TN", "GTS"})


def is_primitive(datatype: str) -> bool:
    """Whether values of this type have no components."""
    return datatype == ANYTHING or not component_types(datatype)
