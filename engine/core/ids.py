"""Ids from business keys: the same facts give the same id on every run, and none can be guessed.

Record numbers are short, so a plain hash of one can be found by trying them all; the hash is keyed
with the region's id key (HMAC-SHA256, RFC 2104) and shaped as a version 8 UUID (RFC 9562, 5.8).
"""

import hmac
import json
from collections.abc import Sequence

_SEPARATOR = "\x1f"
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}  # of RFC 9562, 4.1


def keyed_id(key: bytes, site: str, kind: str, parts: Sequence[str]) -> str:
    """Return the 36-character id of a thing known to `site` by `parts`.

    `kind` is the FHIR resource type. Parts are compared as written; callers normalise first.
    """
    text = _SEPARATOR.join((site, kind, *parts))
    if text.count(_SEPARATOR) != len(parts) + 1:  # a sender can escape any character into a value
        text = _SEPARATOR + json.dumps((site, kind, *parts))
    d = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{d[:8]}-{d[8:12]}-8{d[13:16]}-{_VARIANT[d[16]]}{d[17:20]}-{d[20:32]}"
