"""Right-hand sides of the mapping language: dispatch by form, and the full form with its keys."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

from engine.mapping import (
    absent,
    document,
    extension,
    objects,
    reference,
    syntax,
    unreachable,
    values,
)
from engine.mapping.additions import added
from engine.mapping.context import Context, Every, Op, condition, guarded, no_values, nothing
from engine.mapping.grammar import Gate, closest
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.scope import Scope
from engine.mapping.sight import nearest_at
from engine.mapping.values import PLAIN, Reading, first_made, optional
from engine.mapping.watching import attempted
from engine.r4 import elements
from engine.r4.elements import Element

_PLAIN_KEYS = frozenset({"from", "set", "when", "map", "unmapped", "default", "required", "label"})
FULL = frozenset({"from", "each", "set", "ref", "ext", "default", "document"})
NO_VALUES: list[Any] = []
Part = tuple[Gate | None, Every]  # what it needs, what it gives
_SEGMENT = re.compile(r"(?:[A-Z][A-Z0-9_]*\.)*[A-Z][A-Z0-9]{2}")


class Leaves:
    """The compilers of all forms (`context.Forms`)."""

    def single(self, context: Context, node: Node, element: Element) -> Op:
        op = self._single(context, node, element)
        return attempted(op) if context.traced else op

    def every(self, context: Context, node: Node, element: Element) -> Every:
        op = self._every(context, node, element)
        return attempted(op) if context.traced else op

    def _single(self, context: Context, node: Node, element: Element) -> Op:
        if isinstance(node, Scalar):
            return values.single(context, node, element)
        if isinstance(node, Items):
            unreachable.alternatives(node.items, context.problems)
            compiles = [partial(self.single, context, item, element) for item in node.items]
            return first_made(context, compiles)
        if FULL.isdisjoint(node.keys()):
            return guarded(context, node.get("when"), lambda: _nested(context, node, element), None)
        if _plain(node):
            return _single(context, node, element)
        return _first(context, _full(context, node, optional(element)))

    def _every(self, context: Context, node: Node, element: Element) -> Every:
        if isinstance(node, Scalar):
            return values.every(context, node, element)
        if isinstance(node, Items):
            return _joined(context, [self._gated(context, item, element) for item in node.items])
        if FULL.isdisjoint(node.keys()):
            nested = lambda: _nested(context, node, element)  # noqa: E731
            return _listed(context, guarded(context, node.get("when"), nested, None))
        return _full(context, node, element)

    def _gated(self, context: Context, node: Node, element: Element) -> Part:
        """Compile one of several rules with the fields of which it needs one."""
        slots = context.grammar.slots
        with slots.apart() as needs, slots.watched() as touched:
            part = self.every(context, node, element)
        slots.needs.add(needs)
        return needs.gate(), context.part(part, touched, node)

    def built(self, context: Context, fields: Fields, path: str) -> Op:
        return objects.built(context, fields, path)


def _plain(fields: Fields) -> bool:
    """Whether a full form is one source or nested elements, a condition and a default."""
    known = _PLAIN_KEYS.issuperset(fields.keys())
    return known and not isinstance(fields.get("from"), Items | Fields)


def _single(context: Context, fields: Fields, element: Element) -> Op:
    """Compile a plain full form to one value, without lists on the way."""
    _note_required(context, fields)
    op = guarded(context, fields.get("when"), lambda: _one_value(context, fields, element), None)
    node = fields.get("default")
    if node is None:
        return op
    otherwise = context.forms.single(context, node, element)
    weak = context.depth == 0

    def filled(scope: Scope) -> Any:
        value = op(scope)
        if value is not None:
            return value
        value = otherwise(scope)
        scope.defaulted = scope.defaulted or (weak and value is not None)
        return value

    return context.vouch(filled, op, otherwise)


def _one_value(context: Context, fields: Fields, element: Element) -> Op:
    inner, source = fields.get("set"), fields.get("from")
    how = values.reading(context, fields, element)
    if isinstance(source, Scalar):
        return values.single(context, source, element, how)
    return _nested(context, inner, element) if isinstance(inner, Fields) else nothing


def _listed(context: Context, op: Op) -> Every:
    return context.vouch(lambda scope: [v] if (v := op(scope)) is not None else [], op)


def _first(context: Context, every: Every) -> Op:
    return context.vouch(lambda scope: found[0] if (found := every(scope)) else None, every)


def _joined(context: Context, parts: list[Part]) -> Every:
    def joined(scope: Scope) -> list[Any]:
        rows = scope.rows
        found: list[Any] = []
        for gate, part in parts:
            if gate is None or objects.present(rows, gate):
                found += part(scope)
        return found

    return context.vouch(joined, *[part for _, part in parts])


def _note_required(context: Context, fields: Fields) -> None:
    node = fields.get("required")
    word = node.text if isinstance(node, Scalar) else "true"
    if word not in {"true", "false"}:
        context.problems.report("E113", fields.mark, "required is true or false")
    if node is not None and word == "true":
        context.musts.add(context.top)


def _nested(context: Context, fields: Fields, element: Element) -> Op:
    kind = element.types[0] if element.types else ""
    logical = kind == "Reference" and {*fields.keys()} - {"when"} <= reference.LOGICAL
    if elements.is_primitive(kind) or (kind in {"Reference", "Resource"} and not logical):
        message = f"{element.name} is a {kind}, not a group of elements"
        advice = "write {from: ...}" if kind != "Reference" else "write {ref: ...}"
        context.problems.report("E113", fields.mark, message, advice)
        return nothing
    _note_required(context, fields)
    return context.forms.built(context, fields, element.path)


def _full(context: Context, fields: Fields, element: Element) -> Every:
    """Compile the full form."""
    _note_required(context, fields)
    produce = guarded(
        context, fields.get("when"), lambda: _produced(context, fields, element), NO_VALUES
    )
    return _defaulted(context, fields, element, produce)


def _produced(context: Context, fields: Fields, element: Element) -> Every:
    if fields.get("if") is not None and fields.get("each") is None:
        advice = "a condition of the whole is `when`"
        context.problems.report("E113", fields.mark, "'if' goes with 'each'", advice)
    if fields.get("ext") is not None:
        return extension.compiled(context, fields, element)
    if fields.get("each") is not None:
        return _each(context, fields, element)
    return _body(context, fields, element)


def _defaulted(context: Context, fields: Fields, element: Element, produce: Every) -> Every:
    node = fields.get("default")
    if fields.get("on_null") is not None:
        produce = _on_null(context, fields, produce)
    if fields.get("absent") is not None:
        return _told_absent(context, fields, element, produce)
    if node is None:
        return produce
    otherwise = context.forms.single(context, node, element)
    weak = context.depth == 0

    def filled(scope: Scope) -> list[Any]:
        found = produce(scope)
        if found:
            return found
        value = otherwise(scope)
        if value is None:
            return []
        scope.defaulted = scope.defaulted or weak
        return [value]

    return context.vouch(filled, produce, otherwise)


def _told_absent(context: Context, fields: Fields, element: Element, produce: Every) -> Every:
    if fields.get("default") is not None:
        context.problems.report("E113", fields.mark, "'absent' and 'default' exclude each other")
    if absent.is_named(element):
        message = "'absent' stands with the element itself, not in a list"
        context.problems.report("E113", fields.mark, message)
    return absent.instead(context, fields, produce)


def _on_null(context: Context, fields: Fields, produce: Every) -> Every:
    node = fields.get("on_null")
    policy = node.text if isinstance(node, Scalar) else ""
    if policy not in {"clear", "keep"}:
        context.problems.report("E113", fields.mark, "on_null is clear or keep")
    if policy != "keep":
        return produce

    def keeping(scope: Scope) -> list[Any]:
        before = scope.nulled
        found = produce(scope)
        scope.nulled = before
        return found

    return context.vouch(keeping, produce)


def _body(context: Context, fields: Fields, element: Element) -> Every:
    """Compile what gives the value: a reference, nested elements or a source; then additions."""
    if fields.get("ref") is not None:
        _only(context, fields, {"ref", "key"})
        return reference.compiled(context, fields, element)
    if fields.get("document") is not None:
        return added(context, fields, element, document.compiled(context, fields, element))
    inner = fields.get("set")
    if isinstance(inner, Fields):
        _only(context, fields, {"set"})
        return _listed(context, _nested(context, inner, element))
    if inner is not None:
        context.problems.report("E113", inner.mark, "'set' holds elements")
        return no_values
    how = values.reading(context, fields, element)
    source = fields.get("from")
    if source is None:
        return no_values
    return added(context, fields, element, _from(context, source, element, how))


def _only(context: Context, fields: Fields, own: set[str]) -> None:
    """Refuse keys that the form does not have."""
    allowed = {"each", "if", "when", "default", "absent", "required", "on_null", "label", *own}
    for key, _ in fields.entries:
        if key.text not in allowed:
            message = f"unknown key '{key.text}' beside '{next(iter(own))}'"
            context.problems.report("E111", key.mark, message, closest(key.text, sorted(allowed)))


def _from(context: Context, node: Node, element: Element, how: Reading) -> Every:
    if isinstance(node, Scalar):
        if element.repeats:
            return values.every(context, node, element, how)
        return _listed(context, values.single(context, node, element, how))
    if isinstance(node, Items):
        parts: list[Part] = [(None, _from(context, item, element, how)) for item in node.items]
        return _joined(context, parts)
    if how is not PLAIN and how.table is not None:
        context.problems.report("E113", node.mark, "'map' goes with a path in 'from'")
    return context.forms.every(context, node, element)


def _each(context: Context, fields: Fields, element: Element) -> Every:
    node = fields.get("each")
    if not isinstance(node, Scalar):
        context.problems.report("E113", fields.mark, "'each' takes a path or a segment")
        return no_values
    if _SEGMENT.fullmatch(node.text):
        return _each_segment(context, fields, element, tuple(node.text.split(".")))
    compiler = context.compiler(node)
    tree = compiler.parse(node.text)
    options = tree.options if isinstance(tree, syntax.Either) else (tree,)
    return _first_list(
        context, [_each_option(context, fields, element, option) for option in options]
    )


def _first_list(context: Context, options: list[Every]) -> Every:
    if len(options) == 1:
        return options[0]
    first: Every = lambda s: next((v for option in options if (v := option(s))), [])  # noqa: E731
    return context.vouch(first, *options)


def _each_option(
    context: Context, fields: Fields, element: Element, tree: syntax.Expr | None
) -> Every:
    node = fields.get("each")
    if tree is None or not isinstance(node, Scalar):
        return no_values
    compiler = context.compiler(node)
    source = compiler.source(tree) or compiler.computed(tree)
    inner = context.within(source)
    with context.grammar.slots.apart():  # without a repetition nothing is made
        body = _each_body(inner, fields, element)
    test = condition(inner, fields.get("if"))
    many = source.many

    def every(scope: Scope) -> list[Any]:
        before = scope.rep
        found: list[Any] = []
        for item in many(scope):
            scope.rep = item
            if test is None or test(scope):
                found.extend(body(scope))
        scope.rep = before
        return found

    return context.vouch(every, body)


def _each_body(context: Context, fields: Fields, element: Element) -> Every:
    """Compile what is made of one repetition; by itself the repetition is converted by its type."""
    if any(fields.get(name) is not None for name in ("set", "from", "ref", "document")):
        return _body(context, fields, element)
    itself = Scalar("$", fields.mark, single=False)
    entries = ((Scalar("from", fields.mark), itself), *fields.drop("each").entries)
    return _body(context, Fields(entries, fields.mark), replace(element, max=1))


def _touch_all(context: Context, place: tuple[str, ...], slot: int) -> None:
    """Note that a rule sees all segments at a place, and that it needs one of them."""
    slots = context.grammar.slots
    if len(place) > 1:
        slots.touched.more = True
        slots.needs.free = True
    else:
        slots.touched.lists.add((place[0], slot))
        slots.needs.reads.add((slot, 0))  # the name: there when the group has any


def _each_segment(
    context: Context, fields: Fields, element: Element, place: tuple[str, ...]
) -> Every:
    slot = context.grammar.slots.index((place[-1],))
    _touch_all(context, place, slot)
    with context.grammar.slots.apart():
        body = _body(context, fields, element)
    test = condition(context, fields.get("if"))

    def every(scope: Scope) -> list[Any]:
        if len(place) > 1:
            segments = nearest_at(scope.bound, place)
        else:
            segments = scope.bound.segments.get(place[0], [])
        before, standing = scope.rows[slot], scope.standing
        found: list[Any] = []
        for segment in segments:
            scope.rows[slot], scope.standing = scope.env.row(segment), segment.index
            if test is None or test(scope):
                found.extend(body(scope))
        scope.rows[slot], scope.standing = before, standing
        return found

    return context.vouch(every, body)
