"""The content of a document: ED (HL7 v2.9.1, 2A.3.26) or text as base64, with what it is.

Its size, its hash (R4, Attachment: SHA-1 of the bytes) and its type are taken from the bytes, piece
by piece, since a document may be long. Senders leave ED.4 out, break lines of base64 by escapes and
forget its padding. Knows no resource.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.core.lexeme import Ascii
from engine.formats import media
from engine.formats.hl7v2.apart import Apart, expanded
from engine.mapping.text import COMPONENT, NULL, plain

_PIECE = 1 << 20  # characters of base64, a multiple of four
Flaw = tuple[str, str]  # code and message
BAD: Flaw = ("bad-base64", "the data are not base64")
_OTHER: Flaw = ("content-type-differs", "the document is not what its sender calls it")


@dataclass(frozen=True, slots=True)
class Content:
    """A document, or why it cannot be read."""

    media: str = ""
    data: Any = ""  # base64: text, or lexeme.Ascii
    size_bytes: int = 0
    sha1: str = ""  # base64, as R4 wants it
    digest: str = ""  # SHA-256 in hex: what it is known by
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class _Measured:
    head: bytes
    size_bytes: int
    sha1: str
    digest: str


def of_text(text: str, claim: str = "") -> Content | None:
    """Return a text as a document."""
    if not text.strip():
        return None
    data = text.encode()
    return _content(base64.b64encode(data), _measured(iter((data,))), claim)


def of_ed(raw: str, apart: Apart) -> Content | None:
    """Return what an ED holds, None when it holds nothing; `apart` is what its words stand for."""
    parts = ["" if part == NULL else part for part in raw.split(COMPONENT, 4)]
    if len(parts) == 1:  # nothing but the data
        parts = ["", "", "", "", *parts]
    if len(parts) < 5 or not parts[4].strip():
        return None
    kind, subtype, encoding = (plain(part) for part in parts[1:4])
    claim = media.claimed(kind, subtype)
    encoding = encoding.upper()
    if encoding == "HEX":
        return _of_hex(_text(parts[4], apart), claim)
    if "64" in encoding:
        return _of_base64(_letters(parts[4], apart), claim) or Content(flaw=BAD)
    found = _of_base64(_letters(parts[4], apart), claim) if encoding != "A" else None
    if found is not None and _is_formatted(found):
        return found
    return of_text(_text(parts[4], apart), claim)


def _is_formatted(found: Content) -> bool:
    """Whether bytes are surely a document: any word can be read as base64 of something."""
    return found.media not in {media.UNKNOWN, media.TEXT} and found.flaw is None


def _text(raw: str, apart: Apart) -> str:
    return plain(expanded(raw, apart))


def _letters(raw: str, apart: Apart) -> memoryview | None:
    """Return base64 without what stands between its lines; None when it is none."""
    known = apart.get(raw.strip())
    if known is None:
        text = "".join(_text(raw, apart).split())
        if not text.isascii():
            return None
        known = memoryview(text.encode())
    lacking = -len(known) % 4
    return memoryview(bytes(known) + b"=" * lacking) if lacking in {1, 2} else known


def _of_base64(letters: memoryview | None, claim: str) -> Content | None:
    if letters is None:
        return None
    try:
        measured = _measured(_decoded(letters))
    except ValueError:
        return None
    return _content(letters, measured, claim) if measured.size_bytes else None


def _decoded(letters: memoryview) -> Iterator[bytes]:
    """Yield the bytes piece by piece. ValueError when it is no base64."""
    for start in range(0, len(letters), _PIECE):
        piece = letters[start : start + _PIECE]
        found = binascii.a2b_base64(piece, strict_mode=True)
        if len(found) * 4 != len(piece) * 3 and start + _PIECE < len(letters):
            raise ValueError  # padding in the middle
        yield found


def _of_hex(text: str, claim: str) -> Content | None:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return Content(flaw=("bad-hex", "the data are not hexadecimal"))
    return _content(base64.b64encode(data), _measured(iter((data,))), claim)


def _measured(pieces: Iterator[bytes]) -> _Measured:
    head, size_bytes = b"", 0
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    for piece in pieces:
        head = head or piece[: media.HEAD_BYTES]
        size_bytes += len(piece)
        sha1.update(piece)
        sha256.update(piece)
    return _Measured(head, size_bytes, base64.b64encode(sha1.digest()).decode(), sha256.hexdigest())


def _content(letters: bytes | memoryview, measured: _Measured, claim: str) -> Content:
    found = media.sniffed(measured.head)
    return Content(
        media.media_type(found, claim),
        Ascii(memoryview(letters)) if len(letters) > _PIECE else bytes(letters).decode(),
        measured.size_bytes,
        measured.sha1,
        measured.digest,
        None if media.agrees(found, claim) else _OTHER,
    )
