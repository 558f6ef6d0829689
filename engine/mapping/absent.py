"""`absent:`: what stands where a rule has no value, with the reason (R4, data-absent-reason).

A primitive gets `_name` with the extension, everything else the extension in place of its content.
"""

from typing import Any

from engine.mapping.context import Context, Every, Op
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Scalar
from engine.mapping.scope import Scope
from engine.r4 import elements
from engine.r4.elements import Element

URL = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
REASONS = (  # CodeSystem data-absent-reason of R4
    *("unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked"),
    *("not-applicable", "unsupported", "as-text", "error", "not-a-number", "negative-infinity"),
    *("positive-infinity", "not-performed", "not-permitted"),
)


def is_named(element: Element) -> bool:
    """Whether the reason stands beside the element, as `_name`."""
    return bool(element.types) and elements.is_primitive(element.types[0])


def reason(context: Context, fields: Fields) -> dict[str, Any]:
    """Return the element that says why there is no value."""
    node = fields.get("absent")
    code = node.text if isinstance(node, Scalar) else ""
    if code not in REASONS:
        mark = fields.mark if node is None else node.mark
        advice = closest(code, list(REASONS)) or "reasons: " + ", ".join(REASONS)
        context.problems.report("E212", mark, f"no reason '{code}' for an absent value", advice)
    return {"extension": [{"url": URL, "valueCode": code}]}


def beside(context: Context, fields: Fields, element: Element, op: Op) -> Op:
    """Return an operation that gives (name, value): the value, or `_name` with the reason."""
    if element.repeats:
        message = f"'absent' goes with a single value, and {element.name} repeats"
        context.problems.report("E113", fields.mark, message)
    name, why = element.name, reason(context, fields)
    context.grammar.slots.needs.free = True

    def given(scope: Scope) -> Any:
        value = op(scope)
        return (f"_{name}", why) if value is None else (name, value)

    return given


def instead(context: Context, fields: Fields, produce: Every) -> Every:
    """Return an operation that gives the reason where there is no value."""
    why = reason(context, fields)
    weak = context.depth == 0
    context.grammar.slots.needs.free = True

    def filled(scope: Scope) -> list[Any]:
        found = produce(scope)
        if not found:
            scope.defaulted = scope.defaulted or weak
        return found or [why]

    return context.vouch(filled, produce)
