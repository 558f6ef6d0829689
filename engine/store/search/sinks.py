"""What is stored of one value that a search parameter finds.

Follows R4, search.html sections 3.1.1.4.8 to 3.1.1.4.12 for what of each datatype is searched.
"""

from collections.abc import Callable
from typing import Any

from engine.store.search.dates import EARLIEST, LATEST, Range, range_of
from engine.store.search.fold import string_value, token_value
from engine.store.search.params import Parameter

Terms = set[tuple[int, str]]
"""param, value"""

Spans = dict[int, Range]
"""Parameter -> the time from the first to the last moment named."""

Sink = Callable[[Any, Terms, Spans], None]
"""Takes in a value that is not None."""

_PARTS = {
    "HumanName": ("family", "given", "prefix", "suffix", "text"),
    "Address": ("line", "city", "district", "state", "postalCode", "country", "text"),
}


def inside(parameter: Parameter, kind: str) -> tuple[tuple[str, str], ...] | None:
    """Return the members (JSON name, FHIR type) a parameter wants of a complex type, or None."""
    if parameter.kind == "string" and kind in _PARTS:
        own = (part for part in _PARTS[kind] if part not in parameter.elsewhere)
        return tuple((part, "string") for part in own)
    if parameter.kind == "token" and kind == "CodeableConcept":
        return (("coding", "Coding"),)
    if parameter.kind == "date" and kind == "Timing":
        return (("event", "dateTime"),)
    return None


def sink(parameter: Parameter, kind: str) -> Sink:
    """Return what takes in the values of this type for a parameter."""
    match parameter.kind:
        case "token":
            return _token(parameter, kind)
        case "string":
            return _string(parameter.code)
        case "reference":
            return _reference(parameter.code)
        case "date":
            return _date(parameter.code, _period if kind == "Period" else _moment)
        case _:
            return _plain(parameter.code, str)


def _token(parameter: Parameter, kind: str) -> Sink:
    code = parameter.code
    if kind == "boolean":
        return _plain(code, lambda value: "true" if value else "false")
    if kind == "ContactPoint":
        return _contact(code, frozenset(parameter.elsewhere))
    if kind in {"Coding", "Identifier"}:
        return _coded(code, "code" if kind == "Coding" else "value")
    return _plain(code, str if parameter.bare else lambda value: token_value(str(value), ""))


def _plain(code: int, written: Callable[[Any], str]) -> Sink:
    def plain(value: Any, terms: Terms, _: Spans) -> None:
        terms.add((code, written(value)))

    return plain


def _contact(code: int, elsewhere: frozenset[str]) -> Sink:
    def contact(value: Any, terms: Terms, _: Spans) -> None:
        number = value.get("value")
        if number and value.get("system") not in elsewhere:
            terms.add((code, number))

    return contact


def _coded(code: int, member: str) -> Sink:
    def coded(value: Any, terms: Terms, _: Spans) -> None:
        symbol = value.get(member)
        if symbol:
            terms.add((code, token_value(symbol, value.get("system", ""))))

    return coded


def _string(code: int) -> Sink:
    def string(value: Any, terms: Terms, _: Spans) -> None:
        text = str(value)
        if text:
            terms.add((code, string_value(text)))

    return string


def _reference(code: int) -> Sink:
    """Literal references but those to patients, which the record of the resource answers."""

    def reference(value: Any, terms: Terms, _: Spans) -> None:
        target = value.get("reference", "")
        if "/" in target and not target.startswith(("Patient/", "http:", "https:", "urn:")):
            terms.add((code, target))

    return reference


def _date(code: int, span_of: Callable[[Any], Range | None]) -> Sink:
    def date(value: Any, _: Terms, spans: Spans) -> None:
        span = span_of(value)
        if span is None:
            return
        known = spans.get(code)
        spans[code] = (min(known[0], span[0]), max(known[1], span[1])) if known else span

    return date


def _moment(value: Any) -> Range | None:
    return range_of(value) if isinstance(value, str) else None


def _period(value: Any) -> Range | None:
    start, end = value.get("start"), value.get("end")
    low = range_of(start) if start else (EARLIEST, EARLIEST)
    high = range_of(end) if end else (LATEST, LATEST)
    if low and high and (start or end) and low[0] < high[1]:
        return low[0], high[1]
    return None
