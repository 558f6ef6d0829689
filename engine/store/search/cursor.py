"""Where a search left off, as an opaque text in the `next` link.

It holds the keys of the last match, not a count of rows, so a page is found at once however far in,
and writes in between neither repeat nor drop what did not change. Whatever comes back is checked;
it can name no more than a place in the caller's own search.
"""

import base64
import binascii
from typing import Any

import orjson

from engine.core.fault import Category, refuse

_KINDS: dict[str, tuple[type, ...]] = {
    "row": (int,),
    "id": (str,),
    "updated": (int, int),
    "date": (int, int),
}
_LONGEST = 400


def write(by: str, keys: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([by, *keys])).rstrip(b"=").decode()


def read(text: str, by: str) -> tuple[Any, ...]:
    """Return the keys of a cursor made for this order. FaultError `search-cursor-invalid`."""
    try:
        padded = text + "=" * (-len(text) % 4)
        found = orjson.loads(base64.b64decode(padded.encode(), b"-_", validate=True))
    except (binascii.Error, orjson.JSONDecodeError, UnicodeEncodeError):
        found = None
    if len(text) <= _LONGEST and isinstance(found, list) and found[:1] == [by]:
        keys = tuple(found[1:])
        typed = tuple(type(key) for key in keys) == _KINDS[by]
        if typed and _in_range(keys) and write(by, keys) == text:
            return keys
    raise refuse(
        Category.INVALID, "search-cursor-invalid", "the cursor is not one of ours", "_cursor"
    )


def _in_range(keys: tuple[Any, ...]) -> bool:
    return all(not isinstance(key, int) or -(1 << 63) <= key < 1 << 63 for key in keys)
