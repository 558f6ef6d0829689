"""Rules of an element that consists of parts, compiled: what a message says of each part.

A part is said when one of its rules gives a value, emptied when its fields hold `""`, or when they
hold repetitions and none is what the rule looks for: a repeating field is sent as a whole (HL7
V2.9.1, 2.9.5). Else it is not spoken of.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.core.distinct import distinct
from engine.core.values import Parts
from engine.mapping import objects, parts, syntax
from engine.mapping.context import Context, Every, Op, guarded
from engine.mapping.datatypes import moments
from engine.mapping.documents import listed
from engine.mapping.expression import Compiler
from engine.mapping.grammar import Gate
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.objects import Step, present
from engine.mapping.parts import Spoken
from engine.mapping.recall import remembering
from engine.mapping.scope import Scope
from engine.mapping.source import One
from engine.mapping.watching import settled
from engine.r4 import elements
from engine.r4.compiled import proves
from engine.r4.elements import Element

_NOTHING: list[Any] = []
_EMPTIED: list[Any] = []  # by identity: the field is there, and holds nothing for the rule
Rule = tuple[str, Gate | None, Every]  # name of the part, what it needs, what it gives


def step(context: Context, key: Scalar, node: Node, labels: tuple[str, ...]) -> Step:
    """Compile a top-level element that consists of parts, as `objects.step` does others."""
    slots = context.grammar.slots
    name, path = key.text, context.resource
    element = elements.children(path)[name]
    with slots.apart() as needs, slots.watched() as touched:
        if isinstance(node, Fields) and parts.of_members(element, node):
            op = _object(context, node, element, labels)
        else:
            op = _list(context, node, element, labels)
    slots.needs.add(needs)
    sound, recall = op in context.sound, None
    if context.traced:
        op = settled(op, f"{path}.{name}")
    else:
        judge = None if sound else _judge(path, name)
        op, recall = remembering(op, touched, context.memory, judge)
    rank, gate = elements.order(path)[name], needs.gate()
    return Step(name, op, (name,), False, rank, gate, parted=True, recall=recall, sound=sound)


def _judge(path: str, name: str) -> Callable[[Spoken], bool]:
    return lambda spoken: spoken.whole is None or proves(path, name, spoken.whole)


def _list(context: Context, node: Node, element: Element, labels: tuple[str, ...]) -> Op:
    rules = [_rule(context, label, item, element) for label, item in parts.rules(node)]
    name = element.name

    def op(scope: Scope) -> Spoken | None:
        rows = scope.rows
        said: dict[str, Any] = {}
        weak: set[str] = set()
        for label, gate, every in rules:
            if gate is not None and not present(rows, gate):
                continue
            scope.nulled = scope.defaulted = False
            found = every(scope)
            if found:
                if scope.defaulted and not scope.nulled and not said.get(label):
                    weak.add(f"{name}/{label}")
                else:
                    weak.discard(f"{name}/{label}")
                before = said.get(label) or _NOTHING
                said[label] = distinct((before, found)) if before or len(found) > 1 else found
            elif scope.nulled or found is _EMPTIED:
                said.setdefault(label, None)
        scope.nulled = scope.defaulted = False
        if not said:
            return None
        whole = distinct(items for items in said.values() if items is not None)
        return Spoken(whole or None, Parts(labels, said), frozenset(weak))

    return context.vouch(op, *[every for _, _, every in rules])


def _rule(context: Context, label: str, node: Node, element: Element) -> Rule:
    """Compile one rule with the fields of which it needs one."""
    slots = context.grammar.slots
    with slots.apart() as needs, slots.watched() as touched:
        every = _selecting(context, node, element)
    slots.needs.add(needs)
    return label, needs.gate(), context.part(every, touched, node)


def _selecting(context: Context, node: Node, element: Element) -> Every:
    """Compile a rule to its values; to `_EMPTIED` when it looked for some in vain.

    A rule whose `when` is false has not looked.
    """
    with context.grammar.slots.apart():
        heads = _heads(context, node)
    if not heads or not isinstance(node, Fields):
        return context.forms.every(context, node, element)

    def looking() -> Every:
        every = context.forms.every(context, node.drop("when"), element)

        def found(scope: Scope) -> list[Any]:
            values = every(scope)
            if values or not any(head(scope) for head in heads):
                return values
            return _EMPTIED

        return context.vouch(found, every)

    return guarded(context, node.get("when"), looking, _NOTHING)


def _heads(context: Context, node: Node) -> list[One]:
    """Return readers of the whole fields of which a rule takes some repetitions."""
    if not isinstance(node, Fields):
        return []
    each = node.get("each")
    scalars = [n for n in listed(each or node.get("from")) if isinstance(n, Scalar)]
    some = each is not None and node.get("if") is not None
    found = []
    for scalar in scalars:
        # That a field is there is no use of it: nothing of it is taken.
        compiler = Compiler(replace(context.grammar, traced=False), scalar)
        tree = compiler.parse(scalar.text) if _is_expression(scalar.text) else None
        options = tree.options if isinstance(tree, syntax.Either) else (tree,)
        read = [_read(compiler, option, some=some) for option in options if option is not None]
        found += [one for one in read if one is not None]
    return found


def _is_expression(text: str) -> bool:
    """Whether it is neither a literal nor a text with values in it."""
    try:
        syntax.parse(text)
    except syntax.ExpressionError:
        return False
    return True


def _read(compiler: Compiler, tree: syntax.Expr, *, some: bool) -> One | None:
    """Return the reader of a field of which not all is taken; None for what is computed."""
    if isinstance(tree, syntax.Path) and tree.select is not None:
        tree, some = replace(tree, select=None, component=0, sub=0), True
    source = compiler.source(tree) if some else None
    return source.one if source is not None else None


def _object(context: Context, fields: Fields, element: Element, labels: tuple[str, ...]) -> Op:
    def compile_() -> Op:
        steps = objects.members(context.below(), fields.drop("when"), element.path)
        op = _members(steps, element, labels)
        return context.vouch(op) if objects.are_sound(steps, element.path) else op

    return guarded(context, fields.get("when"), compile_, None)


def _members(steps: tuple[Step, ...], element: Element, labels: tuple[str, ...]) -> Op:
    path = element.path

    def op(scope: Scope) -> Spoken | None:
        rows = scope.rows
        said: dict[str, Any] = {}
        for item in steps:
            if item.gate is not None and not present(rows, item.gate):
                continue
            scope.nulled = False
            value = item.op(scope)
            if value is not None:
                said[item.name] = value
            elif scope.nulled:
                said[item.name] = None
        scope.nulled = scope.defaulted = False
        if _backwards(said):
            scope.env.note(moments.BACKWARDS.code, path, moments.BACKWARDS.message)
            del said["end"]
        if not said:
            return None
        whole = {name: value for name, value in said.items() if value is not None}
        return Spoken(whole or None, Parts(labels, said), frozenset())

    return op


def _backwards(said: dict[str, Any]) -> bool:
    start, end = said.get("start"), said.get("end")
    return isinstance(start, str) and isinstance(end, str) and moments.backwards(start, end)
