"""`security:`: what closes a resource, as labels of its `meta` (R4, security-labels.html)."""

from typing import Any

from engine.core.distinct import distinct
from engine.mapping.context import Context, Every
from engine.mapping.node import Node
from engine.mapping.objects import present
from engine.mapping.scope import Scope
from engine.r4 import elements

_NONE: list[Any] = []


def compiled(context: Context, node: Node | None) -> Every | None:
    """Compile the labels of a resource document, None when it has none."""
    if node is None:
        return None
    slots = context.grammar.slots
    with slots.apart() as needs, slots.watched():
        every = context.forms.every(
            context.at("meta"), node, elements.type_children("Meta")["security"]
        )
    gate = needs.gate()

    def labels(scope: Scope) -> list[Any]:
        if gate is not None and not present(scope.rows, gate):  # nearly always: nothing is closed
            return _NONE
        found = distinct([every(scope)])
        scope.nulled = scope.defaulted = scope.proven = scope.doubtful = False
        return found

    return labels
