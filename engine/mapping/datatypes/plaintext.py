"""ID, IS, ST, TX, FT and first components of anything -> string, uri, boolean, Attachment."""

import base64
import re
from typing import Any

from engine.mapping.datatypes.tools import Convert, Flawed, Tools
from engine.mapping.text import is_uri, lead, parts, plain

_TRUE = frozenset({"Y", "YES", "1", "TRUE", "T"})
_FALSE = frozenset({"N", "NO", "0", "FALSE", "F"})
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_MIME = {
    "PDF": "application/pdf",
    "JPEG": "image/jpeg",
    "JPG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "TIF": "image/tiff",
    "HTML": "text/html",
    "XML": "application/xml",
    "RTF": "application/rtf",
    "DICOM": "application/dicom",
    "TEXT": "text/plain",
    "TX": "text/plain",
    "FT": "text/plain",
}
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def whole(_: Tools) -> Convert:
    """The text of a field, unescaped separators included."""
    return lambda raw: plain(raw) or None


def first(_: Tools) -> Convert:
    """The first component's first sub-component."""
    return lambda raw: lead(raw) or None


def named(_: Tools) -> Convert:
    """The text of a coded value, else its code."""

    def convert(raw: str) -> Any:
        items = [plain(item) for item in parts(raw, 9)]
        return items[8] or items[1] or items[0] or None

    return convert


def uri(_: Tools) -> Convert:
    def convert(raw: str) -> Any:
        text = plain(raw)
        if not text:
            return None
        return text if is_uri(text) else Flawed("bad-uri", "a URI has no spaces")

    return convert


def boolean(_: Tools) -> Convert:
    def convert(raw: str) -> Any:
        text = lead(raw).upper()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        return Flawed("bad-boolean", "neither yes nor no") if text else None

    return convert


def ident(_: Tools) -> Convert:
    def convert(raw: str) -> Any:
        text = lead(raw)
        if not text:
            return None
        return text if _ID.fullmatch(text) else Flawed("bad-id", "not a FHIR id")

    return convert


def place(_: Tools) -> Convert:
    """PL -> string: point of care, room, bed, facility."""

    def convert(raw: str) -> Any:
        return " ".join(text for item in parts(raw, 4) if (text := lead(item))) or None

    return convert


def encapsulated(_: Tools) -> Convert:
    """ED -> Attachment (HL7 v2.9.1, 2A.3.26): type, subtype, encoding, data."""

    def convert(raw: str) -> Any:
        _, kind, subtype, encoding, data = (plain(item) for item in parts(raw, 5))
        if not data:
            return None
        if encoding.upper() == "BASE64":
            data = "".join(data.split())
            if not _is_base64(data):
                return Flawed("bad-base64", "the data are not base64")
        else:
            data = base64.b64encode(data.encode()).decode()
        return {"contentType": _content_type(kind, subtype), "data": data}

    return convert


def binary(_: Tools) -> Convert:
    """Text that is base64 already."""

    def convert(raw: str) -> Any:
        data = "".join(plain(raw).split())
        if not data:
            return None
        return data if _is_base64(data) else Flawed("bad-base64", "the data are not base64")

    return convert


def _is_base64(data: str) -> bool:
    return len(data) % 4 == 0 and _BASE64.fullmatch(data) is not None


def pointer(_: Tools) -> Convert:
    """RP -> Attachment by URL."""

    def convert(raw: str) -> Any:
        url, _, kind, subtype = (plain(item) for item in parts(raw, 4))
        if not is_uri(url):
            return None
        return {"contentType": _content_type(kind, subtype), "url": url}

    return convert


def _content_type(kind: str, subtype: str) -> str:
    known = _MIME.get(subtype.upper()) or _MIME.get(kind.upper())
    if known:
        return known
    if "/" in kind:
        return kind
    return "application/octet-stream"
