"""Converters whose values are known to be valid R4, so that nobody has to look at them again.

A value of few and simple texts is valid because of how it is made: names, addresses, telecoms and
strings differ in every message, and validating each of them costs as much as making it. Any other
converter is asked to show each value once, for codes and times repeat: what R4 does not allow comes
out as `Flawed`, and whoever reads that no longer trusts the element it is for.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.mapping.datatypes import moments, registry
from engine.mapping.datatypes.tools import Convert, Flawed, Tools, memo
from engine.mapping.source import Source
from engine.mapping.text import COMPONENT
from engine.r4 import elements
from engine.r4.compiled import judge
from engine.r4.elements import Element

Valid = Callable[[Any], bool]
_DIGITS = 1_000  # of a decimal that validates
_LONGEST = 500_000  # characters; R4 allows a string twice as many
_TYPE_OF_CODES = {  # what the tables of a chain may say for it to be valid
    "HumanName": {"name-use": "HumanName.use"},
    "Address": {"address-use": "Address.use", "address-type": "Address.type"},
    "ContactPoint": {"telecom-equipment": "ContactPoint.system", "telecom-use": "ContactPoint.use"},
}


def is_text(element: Element) -> bool:
    """Whether any text is a value of the element."""
    return element.types == ("string",) and element.binding is None


def short(convert: Convert, most: int = _LONGEST) -> Convert:
    """Doubt a text that an expression put together when it may be longer than a string can be."""

    def measured(raw: str) -> Any:
        return convert(raw) if len(raw) < most else _shown_as(convert(raw), sound=False)

    return measured


def sound(convert: Convert, source: Source, element: Element, tools: Tools) -> Convert:
    """Return the converter so that all it gives for an element is valid, or `Flawed`."""
    target, valid = element.types[0] if element.types else "", judge(element)
    if target in _TYPE_OF_CODES and _within(_TYPE_OF_CODES[target], tools):
        return _undated(convert, valid)
    if target == "Identifier" and registry.family(source.datatype) in {"CX", "EI", "ST"}:
        return _by_tail(convert, valid)
    if target in {"date", "dateTime", "instant"} and registry.family(source.datatype) == "DTM":
        return _near(convert)
    if target == "decimal" and registry.family(source.datatype) in {"NM", "ST", "SI"}:
        return short(convert, _DIGITS)  # `number` writes it as R4 has it
    return _shown(convert, valid)


def _within(codes: dict[str, str], tools: Tools) -> bool:
    """Whether tables hold only codes that R4 allows at these places."""
    for table, path in codes.items():
        place, known = elements.resolve(path), tools.tables.get(table)
        binding = place.binding if place is not None else None
        given = {target.code for target in known.rows.values()} if known else set()
        if binding is None or not binding.issuperset(given):
            return False
    return True


def _shown_as(value: Any, *, sound: bool) -> Any:
    """Return a value with the word whether it is valid; none is needed when it is."""
    if value.__class__ is Flawed:
        return replace(value, sound=sound)
    return value if sound else Flawed("", "", value)


def _undated(convert: Convert, valid: Valid) -> Convert:
    """All is text and codes but for a period, which few have."""

    def checked(raw: str) -> Any:
        value = convert(raw)
        if value is None or "period" not in value or valid(value):
            return value
        return _shown_as(value, sound=False)

    return checked


def _near(convert: Convert) -> Convert:
    def checked(raw: str) -> Any:
        value = convert(raw)
        if value.__class__ is str and moments.is_near(value):
            return value
        bare = _bare(value)
        return None if value is None else _shown_as(value, sound=not bare or moments.is_near(bare))

    return checked


def _by_tail(convert: Convert, valid: Valid) -> Convert:
    """Of an identifier the number differs, which is text; the authority is nearly always known."""

    @memo
    def known(tail: str) -> bool:
        return valid(_bare(convert(f"1{COMPONENT}{tail}")))

    def checked(raw: str) -> Any:
        value = convert(raw)
        return None if value is None else _shown_as(value, sound=known(raw.partition(COMPONENT)[2]))

    return checked


def _shown(convert: Convert, valid: Valid) -> Convert:
    @memo
    def checked(raw: str) -> Any:
        value = convert(raw)
        bare = _bare(value)
        return _shown_as(value, sound=bare is None or valid(bare))

    return checked


def _bare(value: Any) -> Any:
    return value.value if value.__class__ is Flawed else value
