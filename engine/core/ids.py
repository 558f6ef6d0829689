"""Ids from business keys: the same facts give the same id on every run, and none can be guessed.

Record numbers are short, so a plain hash of one can be found by trying them all; the hash is keyed
with the region's id key (HMAC-SHA256, RFC 2104) and shaped as a version 8 UUID (RFC 9562, 5.8).
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

_BLOCK = 64  # bytes, of SHA-256
_SEPARATOR = "\x1f"
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}  # of RFC 9562, 4.1


@lru_cache(64)
def _pads(key: bytes) -> tuple[bytes, bytes]:
    """Return what HMAC puts before the inner and the outer text (RFC 2104, 2)."""
    whole = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return bytes([octet ^ 0x36 for octet in whole]), bytes([octet ^ 0x5C for octet in whole])


def keyed_id(key: bytes, site: str, kind: str, parts: Sequence[str]) -> str:
    """Return the 36-character id of a thing known to `site` by `parts`.

    `kind` is the FHIR resource type. Parts are compared as written; callers normalise first.
    """
    text = _SEPARATOR.join((site, kind, *parts))
    if text.count(_SEPARATOR) != len(parts) + 1:  # a sender can escape any character into a value
        text = _SEPARATOR + json.dumps((site, kind, *parts))
    inner, outer = _pads(key)  # OpenSSL's HMAC sets itself up anew each time, at three times this
    d = sha256(outer + sha256(inner + text.encode()).digest()).hexdigest()
    return f"{d[:8]}-{d[8:12]}-8{d[13:16]}-{_VARIANT[d[16]]}{d[17:20]}-{d[20:32]}"
