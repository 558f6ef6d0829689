"""Ids from business keys: the same facts give the same id on every run, and none can be guessed.

Record numbers are short, so a plain hash of one can be found by trying them all; the hash is keyed
with the region's id key (HMAC-SHA256, RFC 2104) and shaped as a version 8 UUID (RFC 9562, 5.8).
"""

import hashlib
import hmac
import json
from collections.abc import Sequence

_SEPARATOR = "\x1f"


def keyed_id(key: bytes, site: str, kind: str, parts: Sequence[str]) -> str:
    """Return the 36-character id of a thing known to `site` by `parts`.

    `kind` is the FHIR resource type. Parts are compared as written; callers normalise first.
    """
    text = _SEPARATOR.join((site, kind, *parts))
    if text.count(_SEPARATOR) != len(parts) + 1:  # a sender can escape any character into a value
        text = _SEPARATOR + json.dumps((site, kind, *parts))
    digest = bytearray(hmac.digest(key, text.encode(), hashlib.sha256)[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    digits = digest.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
