"""The values of a delivery: each populated field, cell or element, with the path it is counted by.

A path is a field of a segment (`PID-3`), a column of a feed (`patients.Zip`) or an element of a
type (`Observation.code`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.formats.delimited.delivery import RowDelivery
from engine.formats.hl7v2.parse import Message
from engine.mapping.fhir_bundle import sent
from engine.mapping.plan import Plan
from engine.mapping.text import standard
from engine.r4 import elements
from engine.survey.given import Given

_STRUCTURE = frozenset({"resourceType", "id", "meta"})  # what a resource is, which and when
_FIELD_SEPARATOR = 1
_UNKNOWN = "(unknown)"
_EMPTY = "^~& "  # separators without anything between them


@dataclass(frozen=True, slots=True)
class Value:
    """A populated value: `place` and `name` are those of `engine.mapping.watch`."""

    place: int
    name: str
    path: str
    raw: Any


def values(plan: Plan, given: Given) -> Iterator[Value]:
    """Yield what is populated. FaultError when a resource is none."""
    if isinstance(given.value, Message):
        yield from _fields(given.value)
    elif isinstance(given.value, RowDelivery):
        yield from _cells(plan, given.value)
    elif given.value is not None:
        yield from _elements(given.value)


def _fields(message: Message) -> Iterator[Value]:
    for place, segment in enumerate(standard(message).segments):
        first = _FIELD_SEPARATOR + 2 if segment.name == "MSH" else 1
        for number, raw in enumerate(segment.fields[first:], first):
            if raw.strip(_EMPTY):
                name = f"{segment.name}-{number}"
                yield Value(place, name, name, raw)


def _cells(plan: Plan, row: RowDelivery) -> Iterator[Value]:
    contract = next((one for one in plan.contracts if one.feed == row.feed), None)
    nothing = {"", *(contract.dialect.null_values if contract else ())}
    for header, cell in row.columns.items():
        if cell.strip() not in nothing:
            yield Value(0, header, f"{row.feed}.{header}", cell)


def _elements(value: dict[str, Any]) -> Iterator[Value]:
    for place, item in enumerate(sent(value)[1]):
        for name, found in item.resource.items():
            if name not in _STRUCTURE and found not in (None, "", [], {}):
                yield Value(place, f"{item.type}.{name}", _path(item.type, name), found)


def _path(kind: str, name: str) -> str:
    """Return the path of an element; what R4 does not have is a word of the sender, not shown."""
    if kind not in elements.resource_types():
        return _UNKNOWN
    known = name.removeprefix("_")
    return f"{kind}.{known if known in elements.children(kind) else _UNKNOWN}"
