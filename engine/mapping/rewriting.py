"""Expressions changed part by part: how names of a feed become what the engine reads."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_args

from engine.mapping.syntax import Expr, Step

_PARTS = (*get_args(Expr), Step)


def rewritten(tree: Any, change: Callable[[Any], Any]) -> Any:
    """Return the tree with `change` made to each part of it, from the outside in.

    A part that `change` returns as another object is taken as it is.
    """
    changed = change(tree)
    if changed is not tree:
        return changed
    found: dict[str, Any] = {}
    for item in fields(tree):
        value = getattr(tree, item.name)
        if isinstance(value, tuple):
            found[item.name] = tuple(rewritten(part, change) for part in value)
        elif isinstance(value, _PARTS):
            found[item.name] = rewritten(value, change)
    return replace(tree, **found)
