"""A resource written as YAML, where every scalar is a text, as JSON: R4 says what is a number."""

from typing import Any

from engine.core.lexeme import encode, number
from engine.mapping.documents import text_at
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.problem import Problems
from engine.r4 import elements
from engine.r4.elements import Element

_WHOLE = frozenset({"integer", "positiveInt", "unsignedInt"})
_TRUTH = {"true": True, "false": False}


def from_fields(fields: Fields, problems: Problems) -> bytes:
    """Return the JSON text; empty after a problem was reported."""
    kind = text_at(fields, "resourceType")
    if kind not in elements.resource_types():
        advice = closest(kind, sorted(elements.resource_types()))
        problems.report("E271", fields.mark, f"no resource type '{kind}'", advice)
        return b""
    return encode(_object(fields, elements.children(kind)))


def _object(fields: Fields, known: dict[str, Element]) -> dict[str, Any]:
    """Return an object; what R4 does not have stays text, as a sender might send it."""
    return {key.text: _value(node, known.get(key.text)) for key, node in fields.entries}


def _value(node: Node, element: Element | None) -> Any:
    if isinstance(node, Items):
        return [_value(item, element) for item in node.items]
    if isinstance(node, Fields):
        inner = text_at(node, "resourceType")
        if inner in elements.resource_types():
            return _object(node, elements.children(inner))
        return _object(node, _below(element))
    return _primitive(node, element.types[0] if element and element.types else "")


def _below(element: Element | None) -> dict[str, Element]:
    if element is None:
        return {}
    return elements.children(element.path) or elements.children((element.types or ("",))[0])


def _primitive(node: Scalar, kind: str) -> Any:
    if kind == "boolean":
        return _TRUTH.get(node.text, node.text)
    if kind in _WHOLE and node.text.lstrip("-").isdigit():
        return int(node.text)
    found = number(node.text) if kind == "decimal" else None
    return node.text if found is None else found
