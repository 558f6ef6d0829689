"""Choice elements (`value[x]`): branches by type, the first with a value; or a switch on a code.

A compiled choice gives (JSON name, value), e.g. ("valueQuantity", {...}), or None.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from engine.mapping import unreachable
from engine.mapping.context import Context, Op, guarded, nothing
from engine.mapping.datatypes import numbers
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.scope import Scope
from engine.mapping.values import first_made
from engine.r4 import elements
from engine.r4.elements import Element

_BESIDE = frozenset({"when", "label"})
_RECIPES = ("structured-numeric",)
Forms = dict[str, Element]


def forms(path: str, base: str) -> Forms:
    """Return the forms of a choice by type name; empty when `base` is no choice."""
    group = f"{base}[x]"
    return {e.types[0]: e for e in elements.children(path).values() if e.group == group}


def compiled(context: Context, node: Node, known: Forms) -> tuple[Op, tuple[str, ...]]:
    """Compile a choice to its operation and the names it may give."""
    names: set[str] = set()
    if isinstance(node, Fields) and node.get("switch") is not None:
        op = _switch(context, node, known, names)
    else:
        op = _branches(context, node, known, names)
    return op, tuple(sorted(names))


def _branches(context: Context, node: Node, known: Forms, names: set[str]) -> Op:
    items = node.items if isinstance(node, Items) else (node,)
    unreachable.alternatives(items, context.problems)
    return first_made(context, [partial(_branch, context, item, known, names) for item in items])


def _branch(context: Context, node: Node, known: Forms, names: set[str]) -> Op:
    if not isinstance(node, Fields):
        types = ", ".join(known)
        context.problems.report("E221", node.mark, "a branch is {Type: ...}", f"types: {types}")
        return nothing
    if node.get("recipe") is not None:
        return guarded(
            context, node.get("when"), lambda: _recipe(context, node, known, names), None
        )
    key = next((k for k, _ in node.entries if k.text in known), None)
    if key is None:
        return _wrong_type(context, node, known)
    element = known[key.text]
    names.add(element.name)
    leaf = _leaf(node, key)
    return guarded(context, node.get("when"), lambda: _formed(context, leaf, element), None)


def _formed(context: Context, leaf: Node, element: Element) -> Op:
    op = context.forms.single(context.below(), leaf, element)
    name = element.name
    return context.vouch(lambda scope: (name, v) if (v := op(scope)) is not None else None, op)


def _wrong_type(context: Context, node: Fields, known: Forms) -> Op:
    other = next((k for k, _ in node.entries if k.text not in _BESIDE), None)
    mark = other.mark if other else node.mark
    name = other.text if other else ""
    message = f"'{name}' is no type of this choice"
    advice = closest(name, list(known)) or "types: " + ", ".join(known)
    context.problems.report("E221", mark, message, advice)
    return nothing


def _leaf(node: Fields, key: Scalar) -> Node:
    """Put what stands beside the type into the right-hand side."""
    value = node.get(key.text)
    beside = tuple(e for e in node.entries if e[0].text not in {key.text, *_BESIDE})
    if not beside or value is None:
        return value or node
    if isinstance(value, Fields):
        return Fields((*value.entries, *beside), value.mark)
    return Fields(((Scalar("from", value.mark), value), *beside), value.mark)


def _switch(context: Context, node: Fields, known: Forms, names: set[str]) -> Op:
    subject = node.get("switch")
    read: Callable[[Scope], str] = lambda _: ""  # noqa: E731
    if isinstance(subject, Scalar):
        compiler = context.compiler(subject)
        tree = compiler.parse(subject.text)
        if tree is not None:
            with context.grammar.slots.apart():
                read = compiler.text(tree)
    cases: dict[str, Op] = {}
    own = [key for key, _ in node.entries if key.text not in {"switch", *_BESIDE}]
    unreachable.cases(own, context.problems)
    for key, value in node.entries:
        if key.text in {"switch", *_BESIDE}:
            continue
        op = _branches(context, value, known, names)
        cases.update((name.strip(), op) for name in key.text.split(","))
    other = cases.get("other", nothing)

    def chosen(scope: Scope) -> Any:
        return cases.get(read(scope), other)(scope)

    context.vouch(chosen, *cases.values())
    return guarded(context, node.get("when"), lambda: chosen, None)


def _recipe(context: Context, node: Fields, known: Forms, names: set[str]) -> Op:
    name = node.get("recipe")
    if not isinstance(name, Scalar) or name.text not in _RECIPES:
        text = name.text if isinstance(name, Scalar) else ""
        advice = closest(text, list(_RECIPES)) or "recipes: " + ", ".join(_RECIPES)
        context.problems.report("E226", node.mark, f"unknown recipe '{text}'", advice)
        return nothing
    types = [t for t in ("Quantity", "Range", "Ratio", "string") if t in known]
    given: dict[str, str] = {t: known[t].name for t in types}
    names.update(given.values())
    return context.doubted(_structured(context, node, given))


def _structured(context: Context, node: Fields, given: dict[str, str]) -> Op:
    value = _reader(context, node, "OBX-5")
    unit = _reader(context, node, "OBX-6")
    convert = numbers.structured(context.tools)

    def op(scope: Scope) -> Any:
        raw = value(scope)
        found = convert(raw, unit(scope)) if raw else None
        if found is None:
            return None
        form = given.get(found[0] if found[0] != "String" else "string")
        return (form, found[1]) if form else None

    return op


def _reader(context: Context, node: Fields, path: str) -> Callable[[Scope], str]:
    compiler = context.compiler(Scalar(path, node.mark, single=False))
    tree = compiler.parse(path)
    source = compiler.source(tree) if tree is not None else None
    return source.one if source else lambda _: ""
