"""From a body to its index rows. Pure: the same body always gives the same rows.

Follows R4, search.html sections 3.1.1.4.8 to 3.1.1.4.12 for what of each datatype is searched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.store.codes import code_of
from engine.store.search.dates import EARLIEST, LATEST, MISSING, Range, range_of
from engine.store.search.fold import string_value, token_value
from engine.store.search.params import CLINICAL, Parameter, parameters
from engine.store.search.paths import Found

_NAME_PARTS = ("family", "given", "prefix", "suffix", "text")
_ADDRESS_PARTS = ("line", "city", "district", "state", "postalCode", "country", "text")


@dataclass(frozen=True, slots=True)
class Rows:
    """What the index holds of one resource, without its row id."""

    terms: frozenset[tuple[int, str]] = frozenset()  # param, value
    dates: frozenset[tuple[int, int, int]] = frozenset()  # param, low, high
    clinical: frozenset[tuple[str, int, str, int]] = frozenset()  # record, type, code, low


NONE = Rows()


def extract(type_name: str, record: str, body: Mapping[str, Any]) -> Rows:
    """Return the index rows of a resource about `record` (empty: about no patient)."""
    terms: set[tuple[int, str]] = set()
    dates: set[tuple[int, int, int]] = set()
    code, date = CLINICAL.get(type_name, ("", ""))
    codes, moment = {""}, MISSING
    for name, parameter in parameters(type_name).items():
        found = parameter.walk(body)
        if parameter.kind == "date":
            span = _hull(found)
            dates.add((parameter.code, *span))
            moment = span if name == date else moment
            continue
        values = set(_values(parameter, found))
        terms.update((parameter.code, value) for value in values)
        codes |= values if name == code else set()
    if type_name == "Patient" or not record:
        return Rows(frozenset(terms), frozenset(dates))
    kind = code_of(type_name)
    clinical = frozenset((record, kind, value, moment[0]) for value in codes)
    return Rows(frozenset(terms), frozenset(dates), clinical)


def _values(parameter: Parameter, found: list[Found]) -> Iterator[str]:
    match parameter.kind:
        case "token":
            for kind, value in found:
                yield from _tokens(kind, value, bare=parameter.bare)
        case "string":
            for kind, value in found:
                yield from (string_value(text) for text in _strings(kind, value) if text)
        case "reference":
            yield from _references(found)
        case _:
            yield from (str(value) for _, value in found)


def _tokens(kind: str, value: Any, *, bare: bool) -> Iterator[str]:
    if kind == "boolean":
        yield "true" if value else "false"
    elif kind == "ContactPoint":
        if value.get("value"):
            yield value["value"]
    elif kind == "CodeableConcept":
        for coding in value.get("coding", ()):
            yield from _tokens("Coding", coding, bare=bare)
    elif kind in {"Coding", "Identifier"}:
        code = value.get("code" if kind == "Coding" else "value")
        if code:
            yield token_value(code, value.get("system", ""))
    else:
        yield str(value) if bare else token_value(str(value), "")


def _strings(kind: str, value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield str(value)
        return
    for part in _NAME_PARTS if kind == "HumanName" else _ADDRESS_PARTS:
        inner = value.get(part)
        if isinstance(inner, list):
            yield from (text for text in inner if text)
        elif inner:
            yield inner


def _references(found: list[Found]) -> Iterator[str]:
    """Literal references but those to patients, which the record of the resource answers."""
    for _, value in found:
        target = value.get("reference", "")
        if "/" in target and not target.startswith(("Patient/", "http:", "https:", "urn:")):
            yield target


def _hull(found: list[Found]) -> Range:
    """The time from the first to the last moment named, MISSING when none is."""
    spans = [span for kind, value in found for span in _spans(kind, value)]
    if not spans:
        return MISSING
    return min(span[0] for span in spans), max(span[1] for span in spans)


def _spans(kind: str, value: Any) -> Iterator[Range]:
    if kind == "Period":
        low = range_of(value["start"]) if value.get("start") else (EARLIEST, EARLIEST)
        high = range_of(value["end"]) if value.get("end") else (LATEST, LATEST)
        if low and high and (value.get("start") or value.get("end")) and low[0] < high[1]:
            yield low[0], high[1]
    elif kind == "Timing":
        for event in value.get("event", ()):
            yield from _spans("dateTime", event)
    elif isinstance(value, str):
        span = range_of(value)
        if span:
            yield span
