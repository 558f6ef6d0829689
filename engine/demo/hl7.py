"""Puts HL7 v2 messages together from fields given by number."""

from datetime import datetime

CR = "\r"
_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}


def text(value: str) -> str:
    """Escape a value for a field (HL7 v2.9.1, 2.6.1)."""
    return "".join(_ESCAPES.get(letter, letter) for letter in value)


def segment(name: str, fields: dict[int, str]) -> str:
    """Write a segment; MSH counts its separator as field 1."""
    first = 2 if name == "MSH" else 1
    last = max(fields, default=first - 1)
    return "|".join([name, *(fields.get(number, "") for number in range(first, last + 1))])


def message(*segments: str) -> bytes:
    """Join segments as they go over the wire, without a frame."""
    return (CR.join(filter(None, segments)) + CR).encode()


def stamp(when: datetime) -> str:
    """Write a time to the second."""
    return f"{when:%Y%m%d%H%M%S}"


def minute(when: datetime) -> str:
    """Write a time to the minute."""
    return f"{when:%Y%m%d%H%M}"


def spelled(phone: str) -> str:
    """Write ten digits as people do: `(608)555-0142`."""
    return f"({phone[:3]}){phone[3:6]}-{phone[6:]}"
