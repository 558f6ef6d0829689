"""Reading the text of fields in standard delimiters, the only ones the rules know.

A message that declares others is rewritten first (`standard`), so that rules, memos and separators
are fixed when a plan is compiled.
"""

import re

from engine.formats.hl7v2.encoding import STANDARD, Delimiters, escape, unescape
from engine.formats.hl7v2.parse import Message, Segment

COMPONENT = STANDARD.component
REPETITION = STANDARD.repetition
SUB = STANDARD.subcomponent
ESCAPE = STANDARD.escape
NULL = '""'  # HL7 v2.9.1, 2.4.3.1: the sender says that there is no value
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # R4, datatypes.html#string
_SPECIAL = frozenset("|^~\\&\r\n")


def plain(raw: str) -> str:
    """Decode one value: escapes replaced, outer white space and control characters gone."""
    if not raw or raw.isalnum():  # most values are, and there is nothing to do
        return raw
    text = unescape(raw, STANDARD).strip() if ESCAPE in raw else raw.strip()
    return text if text.isprintable() else _CONTROL.sub("", text).strip()


def slug(name: str) -> str:
    """Write a name as part of a URI: blanks become `-`, what cannot be printed goes."""
    return "".join(c for c in "-".join(name.split()) if c.isprintable())


def is_uri(text: str) -> bool:
    """Whether a text can stand where FHIR wants a URI (R4, datatypes.html#uri)."""
    return bool(text) and text.isprintable() and not any(c.isspace() for c in text)


def quoted(text: str) -> str:
    """Encode a value so that `plain` gives it back."""
    if _SPECIAL.isdisjoint(text):
        return text
    return escape(text, STANDARD)


def part(raw: str, number: int) -> str:
    """Return a component of a repetition, raw."""
    if COMPONENT not in raw:
        return raw if number == 1 else ""
    parts = raw.split(COMPONENT)
    return parts[number - 1] if number <= len(parts) else ""


def subpart(raw: str, number: int) -> str:
    """Return a sub-component of a component, raw."""
    if SUB not in raw:
        return raw if number == 1 else ""
    parts = raw.split(SUB)
    return parts[number - 1] if number <= len(parts) else ""


def lead(raw: str) -> str:
    """Return the first sub-component of the first component, decoded."""
    if raw.isalnum():
        return raw
    if COMPONENT in raw:
        raw = raw[: raw.index(COMPONENT)]
    if SUB in raw:
        raw = raw[: raw.index(SUB)]
    return plain(raw)


def parts(raw: str, count: int) -> list[str]:
    """Return the first `count` components, raw, padded with empty ones; `""` reads as empty."""
    found = raw.split(COMPONENT, count)[:count]
    if NULL in raw:
        found = ["" if item == NULL else item for item in found]
    found.extend([""] * (count - len(found)))
    return found


def words(raw: str, count: int) -> list[str]:
    """Return the first `count` components, decoded, padded with empty ones, as `parts` does."""
    if ESCAPE in raw or NULL in raw or not raw.isprintable():
        return [plain(item) for item in parts(raw, count)]
    found = raw.split(COMPONENT, count)
    del found[count:]
    if " " in raw:  # the only white space that can be printed
        found = [item.strip() for item in found]
    return found + [""] * (count - len(found))


def lowered(raw: str) -> str:
    """Read a component as a value of its own: its sub-components become components."""
    return raw.replace(SUB, COMPONENT) if SUB in raw else raw


def _is_standard(delimiters: Delimiters) -> bool:
    return (
        delimiters.field == "|"
        and delimiters.component == COMPONENT
        and delimiters.repetition == REPETITION
        and delimiters.escape == ESCAPE
        and delimiters.subcomponent == SUB
    )


def standard(message: Message) -> Message:
    r"""Return the message as if its sender used `|^~\&`; the same object when it did."""
    if _is_standard(message.delimiters):
        return message
    given = message.delimiters
    segments = tuple(_rewritten(segment, given) for segment in message.segments)
    return Message(STANDARD, segments, message.charset, message.apart)


def _rewritten(segment: Segment, given: Delimiters) -> Segment:
    values = segment.text.split(given.field)
    if segment.name == "MSH":
        values = [values[0], STANDARD.characters, *(_field(value, given) for value in values[2:])]
    else:
        values = [values[0], *(_field(value, given) for value in values[1:])]
    return Segment(segment.name, segment.index, "|".join(values), "|")


def _field(raw: str, given: Delimiters) -> str:
    return REPETITION.join(
        COMPONENT.join(
            SUB.join(
                escape(unescape(leaf, given), STANDARD)
                for leaf in component.split(given.subcomponent)
            )
            for component in repetition.split(given.component)
        )
        for repetition in raw.split(given.repetition)
    )
