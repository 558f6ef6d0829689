r"""Puts version, time and enterprise ids into a stored body without parsing it.

A body begins `{"resourceType":"T","id":"I","meta":{`, so what the store assigns goes right behind
that. Source Patient ids and enterprise ids have the same length, so a reference is overwritten in
place at an offset noted when the body was stored.

Only references written `"reference":"Patient/<36 characters>"` count. A quote inside a JSON string
is written `\"`, so the pattern cannot occur in text. References of a Patient (`link`) say how
records hang together and stay as they are.
"""

import re
import struct
from collections.abc import Mapping
from typing import Any

from engine.core.clock import instant
from engine.core.fault import Category, refuse
from engine.core.lexeme import encode

ID_LENGTH = 36
_REFERENCE = re.compile(rb'"reference":"Patient/([0-9A-Za-z.-]{36})"')


def encoded(body: Mapping[str, Any]) -> bytes:
    """Serialise a body. FaultError `body-misordered` if the splice could not work on it."""
    text = encode(body)
    if not text.startswith(_head(body["resourceType"], body["id"])):
        raise refuse(Category.BUG, "body-misordered", "a body begins with type, id and meta")
    return text


def offsets(type_name: str, text: bytes) -> bytes:
    """Return where in a body Patient ids stand, as little-endian 32-bit integers."""
    if type_name == "Patient":
        return b""
    found = [match.start(1) for match in _REFERENCE.finditer(text)]
    return struct.pack(f"<{len(found)}I", *found)


def records(text: bytes, refs: bytes) -> list[str]:
    """Return the source Patient ids a body refers to, in their order in the text."""
    return [text[at : at + ID_LENGTH].decode() for at in _places(refs)]


def spliced(text: bytes, head: int, version: int, updated_us: int) -> bytes:
    """Insert `versionId` and `lastUpdated` at `head`, the length of the fixed beginning."""
    comma = "" if text[head : head + 1] == b"}" else ","
    own = f'"versionId":"{version}","lastUpdated":"{instant(updated_us)}"{comma}'
    return b"".join((text[:head], own.encode(), text[head:]))


def with_persons(text: bytes, refs: bytes, persons: Mapping[str, str]) -> bytes:
    """Overwrite the ids of source Patients by those of their persons, where known."""
    if not refs:
        return text
    written = bytearray(text)
    for at in _places(refs):
        person = persons.get(text[at : at + ID_LENGTH].decode())
        if person:
            written[at : at + ID_LENGTH] = person.encode()
    if len(written) != len(text):
        raise refuse(Category.BUG, "person-id-length", "an enterprise id has another length")
    return bytes(written)


def head_length(type_name: str, resource_id: str) -> int:
    """Return the length of what every body of this resource begins with."""
    return len(_head(type_name, resource_id))


def _head(type_name: str, resource_id: str) -> bytes:
    return f'{{"resourceType":"{type_name}","id":"{resource_id}","meta":{{'.encode()


def _places(refs: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(refs) // 4}I", refs)
