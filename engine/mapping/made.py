"""References to what the message itself makes, by type, from the nearest scope that has any."""

from collections.abc import Callable
from typing import Any

from engine.mapping.scope import Scope


def made(type_name: str, *, every: bool) -> Callable[[Scope], list[Any]]:
    """Refer to what was made of a type in the nearest scope."""

    def found(scope: Scope) -> list[Any]:
        known = scope.frame.visible(type_name)
        if not known:
            return []
        if every:
            return [instance.link for instance in known]
        if len(known) > 1:
            own = scope.frame.made_of(type_name, scope.standing)
            known = [own] if own else known
        return [known[0].link]

    return found


def made_one(type_name: str) -> Callable[[Scope], Any]:
    """Refer to the one thing of a type that is meant in the nearest scope, as `made` does."""

    def found(scope: Scope) -> Any:
        known = scope.frame.visible(type_name)
        if not known:
            return None
        own = scope.frame.made_of(type_name, scope.standing) if len(known) > 1 else None
        return (own or known[0]).link

    return found
