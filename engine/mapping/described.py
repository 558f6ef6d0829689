"""Conversions of HL7 v2 datatypes that a mapping describes (`kind: datatype`).

They stand in for the built-in converters of the same pair of types, wherever a rule converts one.
"""

from dataclasses import dataclass, replace
from typing import Any

from engine.mapping.context import Context, Every, Op, nothing
from engine.mapping.datatypes import registry
from engine.mapping.node import Fields
from engine.mapping.scope import Scope
from engine.mapping.source import Source
from engine.r4.elements import Element


@dataclass(frozen=True, slots=True)
class Described:
    """A compiled conversion: it makes an object of the repetition at hand."""

    op: Op


def compiled(context: Context, source: Source, element: Element) -> Described | None:
    """Compile the conversion of a source to an element; None when no layer describes it."""
    target = element.types[0] if element.types else ""
    known = context.datatypes
    exact = (source.datatype, target)
    pair = exact if exact in known else (registry.family(source.datatype), target)
    document = known.get(pair)
    body = document.get(target) if document is not None else None
    if document is None or not isinstance(body, Fields):
        return None
    if pair in context.converting:
        message = f"the conversion of {pair[0]} to {target} uses itself"
        context.problems.report("E227", document.mark, message, "take a component, such as $1")
        return Described(nothing)
    inner = replace(context.within(source), converting=context.converting | {pair})
    with context.grammar.slots.apart():  # whatever it reads, the repetition is what it needs
        return Described(context.forms.built(inner, body, element.path))


def one(source: Source, conversion: Described) -> Op:
    """Read one value and convert it."""
    read, build = source.one, conversion.op

    def op(scope: Scope) -> Any:
        raw = read(scope)
        return _made(raw, build, scope) if raw else None

    return op


def every(source: Source, conversion: Described) -> Every:
    """Read all values and convert them."""
    read, build = source.many, conversion.op

    def found(scope: Scope) -> list[Any]:
        made = [_made(raw, build, scope) for raw in read(scope) if raw]
        return [value for value in made if value is not None]

    return found


def _made(raw: str, build: Op, scope: Scope) -> Any:
    before = scope.rep
    scope.rep = raw
    value = build(scope)
    scope.rep = before
    return value
