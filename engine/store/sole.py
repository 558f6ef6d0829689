"""A resource of which one message alone has spoken: its body, and the text of its stamps.

It is what `registers.merge` makes of nothing, on a shorter way. The text of the stamps names
registers, parts and how many items a part has, and nothing of what they hold. So it is worked out
once for each such outline, of which messages of one kind have few. What shows less than was said
(equal items of two parts, an end before the start) or is gathered over time (security labels) goes
the long way. Pure.
"""

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

from engine.core.distinct import distinct
from engine.core.values import Contribution, Parts
from engine.r4 import elements
from engine.store import registers, stamps
from engine.store.labels import labels
from engine.store.pieces import shown

_OUTLINES = 1_024

Sole = tuple[dict[str, Any], tuple[str, ...]]
"""The body, and the text of its stamps as `engine.store.stamps.cut` leaves it."""


def sole(told: Contribution) -> Sole:
    """Return what a resource is when nothing but this contribution is known of it."""
    said = told.body
    if labels(said.get("meta", {})):
        return _merged(told)
    if told.mode == "replace":
        return registers.arranged(told.type, told.id, said), stamps.of_whole(told.rank)
    outline: list[Hashable] = [told.type, told.rank, told.clears, told.weak, *said]
    if told.parts:
        said = dict(said)
        for name, parts in told.parts.items():
            if not _shown(said, told.type, name, parts):
                return _merged(told)
            counts = [(label, _count(value)) for label, value in parts.said.items()]
            outline += (name, parts.labels, tuple(counts))
    known = _shelf(tuple(outline))
    if not known:
        known.append(_merged(told)[1])
    return registers.arranged(told.type, told.id, said), known[0]


def _merged(told: Contribution) -> Sole:
    state = registers.merge(None, told, *stamps.SOME_TIME)
    body = registers.body_of(state, told.type, told.id)
    return body, stamps.cut(stamps.to_text(state))


def _shown(body: dict[str, Any], type_name: str, name: str, parts: Parts) -> bool:
    """Show an element of parts in a body; False if that is not simply all that was said of it."""
    held = {label: parts.said[label] for label in parts.labels if label in parts.said}
    if len(held) != len(parts.said) or f"_{name}" in body:
        return False
    held = {label: value for label, value in held.items() if value is not None and value != []}
    if not held:
        body.pop(name, None)
        return True
    if not elements.type_children(type_name)[name].repeats:
        body[name] = shown(held)
        return len(body[name]) == len(held)
    body[name] = distinct(held.values())
    return len(body[name]) == sum(map(len, held.values()))


def _count(value: Any) -> int:
    return -1 if value is None else len(value) if isinstance(value, list) else 1


@lru_cache(_OUTLINES)
def _shelf(_outline: Hashable) -> list[tuple[str, ...]]:
    """Return where the stamps of an outline lie, once they are known."""
    return []
