"""Elements beside a source: those that replace what it gives, and those that fill its gaps."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from engine.mapping import objects
from engine.mapping.context import Context, Every, Op, nothing
from engine.mapping.datatypes.tools import MEMO
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Scalar
from engine.mapping.scope import Scope
from engine.r4 import elements
from engine.r4.elements import Element

KEYS = frozenset(
    {
        "from",
        "each",
        "if",
        "when",
        "set",
        "map",
        "unmapped",
        "default",
        "absent",
        "fill",
        "add",
        "required",
        "on_null",
        "label",
        "ref",
        "ext",
        "document",
    }
)
_UNRULED = frozenset({"use", "rank", "type", "period"})  # no rule of a datatype looks at them


def _extras(context: Context, fields: Fields, element: Element) -> tuple[Op, Op]:
    """Compile elements added to a converted value: those that replace, those that fill."""
    beside = tuple(entry for entry in fields.entries if entry[0].text not in KEYS)
    more = fields.get("add")
    if isinstance(more, Fields):
        beside = (*beside, *more.entries)
    fill = fields.get("fill")
    kind = element.types[0] if element.types else ""
    if (beside or fill) and elements.is_primitive(kind):
        key = beside[0][0] if beside else Scalar("fill", fields.mark)
        message = f"unknown key '{key.text}': {element.name} is a {kind}"
        context.problems.report("E111", key.mark, message, closest(key.text, sorted(KEYS)))
        return nothing, nothing
    return (
        objects.partial(context, Fields(beside, fields.mark), element.path),
        objects.partial(context, fill, element.path) if isinstance(fill, Fields) else nothing,
    )


def added(context: Context, fields: Fields, element: Element, produce: Every) -> Every:
    with context.grammar.slots.apart():  # by themselves they make nothing
        replacing, filling = _extras(context, fields, element)
    if replacing is nothing and filling is nothing:
        return produce
    arranged = _arranging(elements.order(element.path))
    if _is_fixed(fields) and not context.traced:
        replacing, filling = _once(context, replacing), _once(context, filling)

    def merged(scope: Scope, value: Any) -> dict[str, Any]:
        return arranged({**(filling(scope) or {}), **value, **(replacing(scope) or {})})

    both: Every = lambda scope: [merged(scope, value) for value in produce(scope)]  # noqa: E731
    lawful = objects.is_free(element.path) or _UNRULED.issuperset(_names_of(fields))
    return context.vouch(both, produce, replacing, filling) if lawful else both


def _is_fixed(fields: Fields) -> bool:
    """Whether all that is beside a source is literals."""
    more = [node for node in (fields.get("add"), fields.get("fill")) if isinstance(node, Fields)]
    beside = [node for key, node in fields.entries if key.text not in KEYS]
    beside += [node for inner in more for _, node in inner.entries]
    return all(isinstance(node, Scalar) and node.text.startswith("=") for node in beside)


def _once(context: Context, op: Op) -> Op:
    """Run an operation that always gives the same once."""
    made: list[Any] = []

    def given(scope: Scope) -> Any:
        if not made:
            made.append(op(scope))
        return made[0]

    return context.vouch(given, op)


def _names_of(fields: Fields) -> set[str]:
    """Return the names of elements beside a source."""
    known = set(fields.keys())
    more = [node for node in (fields.get("add"), fields.get("fill")) if isinstance(node, Fields)]
    return known.union(*[node.keys() for node in more]) - KEYS


def _arranging(rank: dict[str, int]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Put the elements of objects in order; objects of one place are made of few names."""

    @lru_cache(MEMO)
    def order(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(names, key=lambda name: rank.get(name, 0)))

    def arranged(whole: dict[str, Any]) -> dict[str, Any]:
        names = tuple(whole)
        wanted = order(names)
        return whole if wanted == names else {name: whole[name] for name in wanted}

    return arranged
