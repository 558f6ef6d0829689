"""Readers for the parts of one field: repetition, component, sub-component.

Pure and total: an absent part is the empty string. Parts are raw; `encoding.unescape` turns one
into text. Numbers count from 1, as HL7 does (v2.9.1, 2.5.3).
"""

from engine.formats.hl7v2.encoding import Delimiters


def repetitions(text: str, delimiters: Delimiters) -> list[str]:
    """Split a field; an empty field has no repetition."""
    if not text:
        return []
    return text.split(delimiters.repetition)


def component(text: str, number: int, delimiters: Delimiters) -> str:
    """Return component `number` of one repetition."""
    if delimiters.component not in text:
        return text if number == 1 else ""
    return _part(text, number, delimiters.component)


def subcomponent(text: str, number: int, sub: int, delimiters: Delimiters) -> str:
    """Return sub-component `sub` of component `number` of one repetition."""
    whole = component(text, number, delimiters)
    if delimiters.subcomponent not in whole:
        return whole if sub == 1 else ""
    return _part(whole, sub, delimiters.subcomponent)


def is_null(text: str) -> bool:
    """Tell whether the sender wrote `""`: remove what is there (v2.9.1, 2.4.3.1)."""
    return text == '""'


def _part(text: str, number: int, separator: str) -> str:
    if number < 1:
        return ""
    parts = text.split(separator, number)
    return parts[number - 1] if len(parts) >= number else ""
