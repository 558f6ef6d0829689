"""`ref:`: references to what the message makes, and resources made only to be referred to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.core.lexeme import encode
from engine.core.values import WHOLE, Contribution
from engine.mapping import keys, objects, sides, values
from engine.mapping.context import Context, Every, Op, no_values, traced
from engine.mapping.datatypes.tools import memo
from engine.mapping.documents import listed
from engine.mapping.grammar import closest
from engine.mapping.made import made
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.required import MISSING, needed
from engine.mapping.scope import Scope
from engine.mapping.side import Read, Side
from engine.mapping.source import Source
from engine.mapping.watching import chosen
from engine.r4 import elements
from engine.r4.elements import Element
from engine.r4.validate import validate

LOGICAL = frozenset({"type", "identifier", "display"})  # of a thing that is named, not known


def compiled(context: Context, fields: Fields, element: Element) -> Every:
    """Compile `ref:`."""
    node = fields.get("ref")
    if "Reference" not in element.types:
        context.problems.report("E220", fields.mark, f"{element.name} is no reference")
        return no_values
    if isinstance(node, Scalar) and fields.get("key") is not None:
        return _to_known(context, node, fields.get("key"), element)
    if isinstance(node, Scalar):
        return _to_made(context, node, element)
    if isinstance(node, Fields) and len(node.entries) == 1:
        return _to_side(context, node.entries[0], fields.get("key"), element)
    context.problems.report("E113", fields.mark, "'ref' takes a type, or one {Type: ...}")
    return no_values


def allowed(element: Element, type_name: str) -> bool:
    """Whether a reference element may point to a type."""
    return not element.targets or type_name in element.targets or "Resource" in element.targets


def _target_fits(context: Context, key: Scalar, type_name: str, element: Element) -> bool:
    if type_name not in elements.resource_types():
        advice = closest(type_name, sorted(elements.resource_types()))
        context.problems.report("E223", key.mark, f"no resource type '{type_name}'", advice)
        return False
    if not allowed(element, type_name):
        message = f"{element.path} cannot refer to {type_name}"
        advice = "allowed: " + ", ".join(element.targets)
        context.problems.report("E223", key.mark, message, advice)
        return False
    return True


def _to_made(context: Context, node: Scalar, element: Element) -> Every:
    type_name = node.text.removesuffix("*")
    if not _target_fits(context, node, type_name, element):
        return no_values
    if type_name not in context.made:
        message = f"no message of the chain makes a '{type_name}'"
        context.problems.report(
            "E224", node.mark, message, closest(type_name, sorted(context.made))
        )
    context.grammar.slots.needs.free = True
    context.grammar.slots.touched.more = True
    return context.vouch(made(type_name, every=node.text.endswith("*")))


def _to_known(context: Context, node: Scalar, key: Node | None, element: Element) -> Every:
    """Refer to what the message makes with a key, wherever it stands."""
    if not _target_fits(context, node, node.text, element):
        return no_values
    context.grammar.slots.touched.more = True
    alternatives = keys.compiled(context, key)
    kind, identify = node.text, context.identify

    def every(scope: Scope) -> list[Any]:
        for alternative in alternatives:
            found = alternative.read(scope)
            if found is not None:
                reference = f"{kind}/{identify(kind, found)}"
                scope.env.asked.add(reference)
                return [{"reference": reference}]
        return []

    return context.vouch(every)


def _to_side(
    context: Context, entry: tuple[Scalar, Node], key: Node | None, element: Element
) -> Every:
    name, node = entry
    if not _target_fits(context, name, name.text, element):
        return no_values
    if name.text == "RelatedPerson":  # whose: the patient's
        context.grammar.slots.touched.more = True
    if isinstance(node, Fields):
        return _nested(context, name.text, node, key)
    every = _of_value(context, name, node)
    if not isinstance(node, Scalar):
        return every
    path = f"{context.resource}.{context.top}" if context.depth else element.path
    return traced(context, every, path, node, node.text, [])


def _of_value(context: Context, name: Scalar, node: Node) -> Every:
    if not isinstance(node, Scalar):
        context.problems.report("E113", node.mark, "expected a path or nested elements")
        return no_values
    pairs: list[tuple[Source, Prepare]] = []
    for source in values.sources(context, node):
        read = sides.reader(source.datatype, name.text, context.tools, context.identify)
        if read is None:
            message = f"no {name.text} can be made of {source.label} ({source.datatype})"
            context.problems.report("E220", node.mark, message, "nest the elements instead")
        else:
            pairs.append((source, _preparing(context, read)))

    def every(scope: Scope) -> list[Any]:
        for source, prepare in pairs:
            found = [
                {"reference": _link(context, scope, made, source.label)}
                for raw in source.many(scope)
                if (made := prepare(raw)) is not None and _has_subject(made.side, scope)
            ]
            if found:
                return found
        return []

    known = all(source.element is None for source, _ in pairs)
    if context.traced and known:
        return chosen(every, list(pairs), ("", ""))
    return context.vouch(every)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A resource to link to, made once for all messages; None where it depends on the patient."""

    side: Side
    contribution: Contribution | None
    needs: "tuple[Prepared, ...]"


Prepare = Callable[[str], Prepared | None]


def _preparing(context: Context, read: Read) -> Prepare:
    @memo
    def prepare(raw: str) -> Prepared | None:
        side = read(raw)
        return None if side is None else _prepared(context, side)

    return prepare


def _prepared(context: Context, side: Side) -> Prepared:
    fixed = None if side.type == "RelatedPerson" else _made(context, side)
    return Prepared(side, fixed, tuple(_prepared(context, need) for need in side.needs))


def _made(context: Context, side: Side) -> Contribution:
    ident = context.identify(side.type, side.key)
    head = {"resourceType": side.type, "id": ident, "meta": {"source": context.source}}
    body = _ordered(side.type, {**head, **side.elements})
    written = encode(body).decode()
    known: Contribution | None = context.memory.kept(written)  # several fields name the same person
    if known is not None:
        return known
    proven = frozenset() if validate(body) else frozenset({*body, WHOLE})
    made = Contribution(side.type, ident, body, "", "merge", proven=proven)
    return context.memory.first(written, made)


def _has_subject(side: Side, scope: Scope) -> bool:
    return side.type != "RelatedPerson" or bool(scope.record)


def _link(context: Context, scope: Scope, made: Prepared, where: str) -> str:
    """Add a prepared resource to the message in a way that can be done again."""
    return str(scope.env.do(lambda at: _linked(context, at, made, where), scope))


def _linked(context: Context, scope: Scope, made: Prepared, where: str) -> str:
    """Add a prepared resource and those it needs to the message; return the reference to it."""
    for need in made.needs:
        _linked(context, scope, need, where)
    side, fixed = made.side, made.contribution
    if side.flaw is not None:
        scope.env.note(side.flaw.code, where, side.flaw.message)
    if fixed is None:
        return put(context, scope, side.type, side.key, side.elements)
    known = scope.env.sides.setdefault(fixed.id, fixed)
    if known is not fixed:
        return put(context, scope, side.type, side.key, side.elements)
    return f"{side.type}/{fixed.id}"


def put(
    context: Context, scope: Scope, type_name: str, key: tuple[str, ...], found: dict[str, Any]
) -> str:
    """Add a made resource to the message and return its reference; the same one is merged."""
    patient = ""
    if type_name == "RelatedPerson":
        patient = scope.record
        key = (patient, *key)
    ident = context.identify(type_name, key)
    env = scope.env
    known = env.sides.get(ident)
    if known is None:
        head = {"resourceType": type_name, "id": ident, "meta": {"source": context.source}}
        body = _ordered(type_name, {**head, **_bound_to(patient), **found})
    else:
        fresh = {name: value for name, value in found.items() if name not in known.body}
        if not fresh:
            return f"{type_name}/{ident}"
        body = _ordered(type_name, {**known.body, **fresh})
    env.sides[ident] = Contribution(type_name, ident, body, patient, "merge")
    return f"{type_name}/{ident}"


def _bound_to(patient: str) -> dict[str, Any]:
    return {"patient": {"reference": f"Patient/{patient}"}} if patient else {}


def _ordered(type_name: str, body: dict[str, Any]) -> dict[str, Any]:
    rank = elements.order(type_name)
    return dict(sorted(body.items(), key=lambda item: rank[item[0]]))


def _nested(context: Context, type_name: str, node: Fields, key: Node | None) -> Every:
    steps = [
        compiled
        for name, value in node.entries
        if name.text not in {"key", "patient"}
        and (compiled := objects.step(context.below(), name, value, type_name)) is not None
    ]
    steps.sort(key=lambda item: item.rank)
    run = objects.running(steps)
    required = tuple(needed(type_name).values())
    parts = _key_parts(context, node.get("key") or key)

    def every(scope: Scope) -> list[Any]:
        found: dict[str, Any] = {}
        run(scope, found)
        if not found or (type_name == "RelatedPerson" and not scope.record):
            return []
        if any(names.isdisjoint(found) and "patient" not in names for names in required):
            scope.env.note("missing-required", type_name, MISSING)
            return []
        own = tuple(part for op in parts for part in [op(scope)])
        ident = ("key", *own) if any(own) else _natural_key(found)
        made = _prepared(context, Side(type_name, ident, found))
        return [{"reference": _link(context, scope, made, "")}]

    return context.vouch(every)


def _key_parts(context: Context, node: Node | None) -> list[Op]:
    found: list[Op] = []
    for item in listed(node):
        if isinstance(item, Scalar):
            compiler = context.compiler(item)
            tree = compiler.parse(item.text)
            if tree is not None:
                found.append(compiler.text(tree))
    return found


def _natural_key(found: dict[str, Any]) -> tuple[str, ...]:
    identifier = found.get("identifier")
    name = found.get("name", "")
    if isinstance(name, list):
        first = name[0]
        words = (first.get("family", ""), *first.get("given", ()))
    else:
        words = (str(name),)
    first_id = identifier[0] if isinstance(identifier, list) else identifier
    return sides.named_key(first_id, words)
