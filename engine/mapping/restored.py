"""Puts long base64 back where a map carried the word for it (`engine.formats.hl7v2.apart`).

`document:` looks words up itself and keeps the bytes where they lie; any other rule takes the word
for a text, and what it made of it is completed here. Such texts are validated: they are long.
"""

from typing import Any

from engine.core.values import Contribution, Parts
from engine.formats.hl7v2.apart import Apart, expanded


def restored(contributions: tuple[Contribution, ...], apart: Apart) -> tuple[Contribution, ...]:
    """Return the contributions of a message without words."""
    return tuple([_whole(told, apart) for told in contributions])


def _whole(told: Contribution, apart: Apart) -> Contribution:
    body = _put_back(told.body, apart)
    if body == told.body:
        return told
    parts = {
        name: Parts(some.labels, _put_back(some.said, apart)) for name, some in told.parts.items()
    }
    return told._replace(body=body, proven=frozenset(), parts=parts)


def _put_back(value: Any, apart: Apart) -> Any:
    if isinstance(value, dict):
        return {name: _put_back(item, apart) for name, item in value.items()}
    if isinstance(value, list):
        return [_put_back(item, apart) for item in value]
    return expanded(value, apart) if value.__class__ is str else value
