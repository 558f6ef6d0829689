"""Takes references to resources that were not made out of those that were."""

from typing import Any

from engine.core.values import Contribution, Parts
from engine.mapping.required import MISSING, needed
from engine.mapping.scope import Env

_UNPROVEN: frozenset[str] = frozenset()


def pruned(value: Any, gone: set[str]) -> Any:
    """Return the value without references to what is gone; None when nothing is left."""
    if isinstance(value, dict):
        if value.get("reference") in gone:
            return None
        items = ((name, pruned(item, gone)) for name, item in value.items())
        return {name: item for name, item in items if item is not None} or None
    if isinstance(value, list):
        return [item for item in (pruned(i, gone) for i in value) if item is not None] or None
    return value


def _spoken(told: Parts, gone: set[str]) -> Parts:
    """A part of which nothing is left was not said."""
    left = {label: pruned(value, gone) for label, value in told.said.items()}
    said = {n: value for n, value in left.items() if value is not None or told.said[n] is None}
    return Parts(told.labels, said)


def without(
    contributions: tuple[Contribution, ...], gone: set[str], env: Env
) -> tuple[Contribution, ...]:
    """Remove references to what is gone, and in turn the resources that cannot be without them."""
    kept: list[Contribution] = []
    lost: set[str] = set()
    for item in contributions:
        body = pruned(item.body, gone)
        missing = [names for names in needed(item.type).values() if names.isdisjoint(body)]
        if missing:
            env.note("missing-required", f"{item.type}.{min(missing[0])}", MISSING)
            lost.add(f"{item.type}/{item.id}")
        else:
            parts = {name: _spoken(told, gone) for name, told in item.parts.items()}
            proven = item.proven if body == item.body else _UNPROVEN
            kept.append(item._replace(body=body, proven=proven, parts=parts))
    return without(tuple(kept), lost, env) if lost else tuple(kept)
