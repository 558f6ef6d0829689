"""Nested elements: a mapping of element names to right-hand sides becomes a JSON object.

Elements come out in the order of R4. An object without content does not exist; one that lacks an
element R4 requires is left out with a diagnostic, so what is made is valid by construction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.mapping import absent, choice
from engine.mapping.context import Context, Op, nothing
from engine.mapping.datatypes import moments
from engine.mapping.grammar import Gate
from engine.mapping.made import made_one
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.recall import Recall, remembering
from engine.mapping.required import BROKEN, MISSING, needed
from engine.mapping.scope import WIDTH, Scope
from engine.mapping.watching import settled
from engine.r4 import elements
from engine.r4.compiled import proves
from engine.r4.elements import Element
from engine.r4.invariants import RULES

NOT_ELEMENTS = frozenset({"when", "label", "required"})


@dataclass(frozen=True, slots=True)
class Step:
    """One element of an object. A choice gives (name, value) and has several possible names."""

    name: str  # of a choice its base name
    op: Op
    names: tuple[str, ...]
    chosen: bool
    rank: int
    gate: Gate | None  # fields of which one must be present for a value; None: always run
    proven: bool = False  # any value it gives is valid
    parted: bool = False  # it gives a `parts.Spoken`
    recall: Recall | None = None  # what it made before, by fields
    sound: bool = False  # any value it gives is valid unless the scope is doubtful then
    quiet: bool = False  # it reads no field: there is nothing to note beside the value


def _unknown(context: Context, key: Scalar, path: str) -> None:
    parent = path.rpartition(".")[2]
    near = elements.suggest(f"{path}.{key.text}")
    advice = f"did you mean '{near.rpartition('.')[2]}'?" if near else ""
    message = f"no element '{key.text}' on {parent}"
    context.problems.report("E203", key.mark, message, advice)


def primitive_extension(context: Context, key: Scalar, node: Node, path: str) -> Op:
    """Compile `_birthDate: {ext: ...}`; of an element that repeats it stands on the first value."""
    extension = elements.type_children("Element")["extension"]
    element = elements.children(path).get(key.text[1:])
    if element is None:
        _unknown(context, key, path)
        return nothing
    every = context.forms.every(context.below(), node, extension)
    if element.repeats:
        return lambda scope: [{"extension": values}] if (values := every(scope)) else None
    return lambda scope: {"extension": values} if (values := every(scope)) else None


def step(context: Context, key: Scalar, node: Node, path: str) -> Step | None:
    """Compile one element; None after a problem was reported."""
    slots = context.grammar.slots
    with slots.apart() as needs, slots.watched() as touched:
        found = _step(context, key, node, path)
    slots.needs.add(needs)
    if found is None:
        return None
    op, recall, sound = found.op, found.recall, found.op in context.sound
    if context.traced:
        op = settled(op, f"{path}.{found.name}") if context.depth == 0 else op
    elif context.depth == 0:
        judge = None if sound else _judge(path, found)
        op, recall = remembering(op, touched, context.memory, judge)
    else:
        op = context.part(op, touched, node)
    return replace(found, op=op, recall=recall, gate=needs.gate(), sound=sound)


def _judge(path: str, found: Step) -> Callable[[Any], bool]:
    if found.chosen:
        return lambda value: proves(path, *value)
    return lambda value: proves(path, found.name, value)


def _step(context: Context, key: Scalar, node: Node, path: str) -> Step | None:
    known = elements.children(path)
    rank = elements.order(path)
    name = key.text
    element = known.get(name)
    if name.startswith("_"):
        op = primitive_extension(context, key, node, path)
        return Step(name, op, (name,), False, rank.get(name, 0), None)
    if element is not None and isinstance(node, Fields) and _tells_absence(node, element):
        bare = context.forms.single(context, node.drop("absent"), element)
        told = absent.beside(context, node, element, bare)
        return Step(name, told, (name, f"_{name}"), True, rank[name], None)
    if element is not None:
        op = _element(context, node, element)
        quiet = _is_link(node) and _reads_nothing(node)
        return Step(name, op, (name,), False, rank[name], None, _is_link(node), quiet=quiet)
    forms = choice.forms(path, name)
    if not forms:
        _unknown(context, key, path)
        return None
    op, names = choice.compiled(context, node, forms)
    place = min(rank[form.name] for form in forms.values())
    return Step(name, op, names, True, place, None)


def _tells_absence(node: Fields, element: Element) -> bool:
    return node.get("absent") is not None and absent.is_named(element)


def _reads_nothing(node: Node) -> bool:
    """Whether a link has no condition."""
    items = node.items if isinstance(node, Items) else (node,)
    return not any(isinstance(item, Fields) and item.get("when") is not None for item in items)


def _is_link(node: Node) -> bool:
    """Whether a rule gives references to what was made, and nothing else: they are always valid."""
    if isinstance(node, Items):
        return bool(node.items) and all(_is_link(item) for item in node.items)
    known = isinstance(node, Fields) and {"ref", "label", "when"}.issuperset(node.keys())
    return known and isinstance(node, Fields) and isinstance(node.get("ref"), Scalar)


def _to_one(node: Node) -> str:
    """Return the type of a rule that is a reference to one thing that was made, else nothing."""
    ref = node.get("ref") if isinstance(node, Fields) else None
    bare = isinstance(node, Fields) and {"ref", "label"}.issuperset(node.keys())
    return ref.text if bare and isinstance(ref, Scalar) and not ref.text.endswith("*") else ""


def _element(context: Context, node: Node, element: Element) -> Op:
    if not element.repeats:
        single, kind = context.forms.single(context, node, element), _to_one(node)
        return context.vouch(made_one(kind)) if kind and not context.traced else single
    every = context.forms.every(context, node, element)
    limit = element.max

    def op(scope: Scope) -> Any:
        values = every(scope)
        return (values[:limit] if limit else values) if values else None

    return context.vouch(op, every)


def present(rows: list[list[str]], gate: Gate) -> bool:
    """Whether any of the fields is there."""
    for slot, number in gate:
        row = rows[slot]
        if number < len(row) and row[number]:
            return True
    return False


def running(steps: Sequence[Step]) -> Callable[[Scope, dict[str, Any]], None]:
    """Return what puts the values of all steps into an object."""
    plan = [(*_only(item.gate), item.gate, item.op, item.chosen, item.name) for item in steps]

    def run(scope: Scope, found: dict[str, Any]) -> None:
        rows = scope.rows
        for slot, number, gate, op, chosen, name in plan:
            if number:
                if not rows[slot][number]:
                    continue
            elif gate is not None and not present(rows, gate):
                continue
            value = op(scope)
            if value is None:
                continue
            if chosen:
                found[value[0]] = value[1]
            else:
                found[name] = value

    return run


def _only(gate: Gate | None) -> tuple[int, int]:
    """Return the slot and number of a gate of one field that every row has, else zeros."""
    if gate is None or len(gate) != 1 or gate[0][1] >= WIDTH:
        return 0, 0
    return gate[0]


def built(context: Context, fields: Fields, path: str) -> Op:
    """Compile nested elements to an object."""
    steps = members(context.below(), fields, path)
    possible = {name for item in steps for name in item.names}
    required = needed(path)
    for name, names in required.items():
        if possible.isdisjoint(names) and steps:
            message = f"{path} requires '{name}', and nothing sets it"
            context.problems.report("E222", fields.mark, message)
    op = _lawful(_object(steps, tuple(required.values()), path), path)
    op = _period(op, path) if _types(path) == ("Period",) else _judged(op, steps, path)
    return context.vouch(op) if are_sound(steps, path) else op


def _types(path: str) -> tuple[str, ...]:
    element = elements.resolve(path)
    return element.types if element is not None else ()


def is_free(path: str) -> bool:
    """Whether R4 has no rule about several elements of an object at once."""
    element = elements.resolve(path)
    names = {path, element.profile, *element.types} if element is not None else {path}
    return names.isdisjoint(RULES)


def _judged(op: Op, steps: tuple[Step, ...], path: str) -> Op:
    """Doubt what breaks a rule of its datatype, as qty-3 of a quantity."""
    element = elements.resolve(path)
    names = (element.profile, *element.types) if element is not None else ()
    rules = [rule for name in names if name for rule in RULES.get(name, {}).values()]
    if not rules or not are_sound(steps, path):
        return op

    def judged(scope: Scope) -> Any:
        found = op(scope)
        if found is not None and not scope.doubtful:  # the rules are about well-formed values
            for rule in rules:
                if not rule(found):
                    scope.doubtful = True
        return found

    return judged


def are_sound(steps: tuple[Step, ...], path: str) -> bool:
    """Whether an object made of these elements is valid as far as they do not lack."""
    known = elements.children(path)
    if not all(item.sound and known.keys() >= set(item.names) for item in steps):
        return False
    groups = [item.name if item.chosen else known[item.name].group for item in steps]
    chosen = [group.removesuffix("[x]") for group in groups if group]
    return len(set(chosen)) == len(chosen)


def _lawful(op: Op, path: str) -> Op:
    """Leave out a backbone element that breaks a rule of its own, as app-1 of a participant."""
    rules = tuple(RULES.get(path, {}).values())
    if not rules:
        return op

    def checked(scope: Scope) -> Any:
        found = op(scope)
        if found is None or all(rule(found) for rule in rules):
            return found
        scope.env.note("broken-rule", path, BROKEN)
        return None

    return checked


def _period(op: Op, path: str) -> Op:
    """Leave out an end before the start (R4, per-1)."""

    def checked(scope: Scope) -> Any:
        found = op(scope)
        if found is None or len(found) < 2 or not moments.backwards(found["start"], found["end"]):
            return found
        scope.env.note(moments.BACKWARDS.code, path, moments.BACKWARDS.message)
        return {"start": found["start"]}

    return checked


def partial(context: Context, fields: Fields, path: str) -> Op:
    """Compile some elements of an object, whatever R4 requires of the whole."""
    if not fields.entries:
        return nothing
    steps = members(context.below(), fields, path)
    op = _object(steps, (), path)
    return context.vouch(op) if are_sound(steps, path) else op


def members(context: Context, fields: Fields, path: str) -> tuple[Step, ...]:
    """Compile the elements of an object, in the order of R4."""
    found = (
        step(context, key, node, path)
        for key, node in fields.entries
        if key.text not in NOT_ELEMENTS
    )
    return tuple(sorted((item for item in found if item is not None), key=lambda s: s.rank))


def _object(steps: tuple[Step, ...], required: tuple[frozenset[str], ...], path: str) -> Op:
    run = running(steps)

    def op(scope: Scope) -> Any:
        found: dict[str, Any] = {}
        run(scope, found)
        if not found:
            return None
        for names in required:
            if names.isdisjoint(found):
                scope.env.note("missing-required", path, MISSING)
                return None
        return found

    return op
