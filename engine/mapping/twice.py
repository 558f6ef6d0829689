"""Two statements of one message about one resource become one: the later holds.

It holds element by element, and part by part where both speak of parts. What came from a default
never takes the place of what was said, and what was emptied not that of a value.
"""

from typing import Any

from engine.core.distinct import distinct
from engine.core.values import Contribution, Parts


def merged(old: Contribution, new: Contribution) -> Contribution:
    """Return what the two say together."""
    holders = {n: _holder(n, old, new) for n in {**old.body, **new.body, **old.parts, **new.parts}}
    body = {name: held.body[name] for name, held in holders.items() if name in held.body}
    parts = {name: held.parts[name] for name, held in holders.items() if name in held.parts}
    weak = {name for name, held in holders.items() if name in held.weak}
    weak |= {name for held in (old, new) for name in held.weak if holders.get(_base(name)) is held}
    proven = {name for name, held in holders.items() if name in held.proven}
    for name in [name for name in old.parts if name in new.parts]:
        parts[name], doubted = _joined(name, old, new)
        weak = {known for known in weak if _base(known) != name} | doubted
        proven.discard(name)
        body.pop(name, None)
        body |= _shown(name, parts[name], old.body.get(name) or new.body.get(name))
    return Contribution(
        new.type,
        new.id,
        body,
        new.patient,
        new.mode,
        tuple(n for n in dict.fromkeys((*old.clears, *new.clears)) if n not in body),
        frozenset(weak),
        max(old.rank, new.rank),
        frozenset(proven),
        parts,
    )


def _base(name: str) -> str:
    """Return the element of `identifier/national`."""
    return name.partition("/")[0]


def _holder(name: str, old: Contribution, new: Contribution) -> Contribution:
    """Return the statement that holds of an element."""
    if name not in new.body and name not in new.parts:
        return old
    spoken = name in old.body or name in old.parts
    return old if spoken and name in new.weak and name not in old.weak else new


def _joined(name: str, old: Contribution, new: Contribution) -> tuple[Parts, set[str]]:
    """Join what two say of the parts of an element; also return which parts stay weak."""
    said: dict[str, Any] = {}
    weak = set()
    for label in {**old.parts[name].said, **new.parts[name].said}:
        held = _of_part(name, label, old, new)
        said[label] = held.parts[name].said[label]
        if _is_weak(name, label, held):
            weak.add(f"{name}/{label}")
    return Parts(new.parts[name].labels, said), weak


def _of_part(name: str, label: str, old: Contribution, new: Contribution) -> Contribution:
    """Return the statement that holds of a part."""
    if label not in new.parts[name].said:
        return old
    if label not in old.parts[name].said:
        return new
    doubtful = _is_weak(name, label, new) and not _is_weak(name, label, old)
    return old if doubtful or new.parts[name].said[label] is None else new


def _is_weak(name: str, label: str, told: Contribution) -> bool:
    return not told.weak.isdisjoint((name, f"{name}/{label}"))


def _shown(name: str, told: Parts, sample: Any) -> dict[str, Any]:
    """Return the member for an element of parts, an array where `sample` is one."""
    held = {label: value for label, value in told.said.items() if value is not None}
    if isinstance(sample, list):
        items = distinct(held[label] for label in told.labels if label in held)
        return {name: items} if items else {}
    return {name: held} if held else {}
