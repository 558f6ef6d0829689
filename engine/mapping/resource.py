"""One resource map compiled: from a scope to a contribution."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core.values import Contribution, Parts
from engine.mapping import keys, labelled, objects, parted, parts, reference
from engine.mapping.context import Context, Every, condition
from engine.mapping.documents import listed, text_at
from engine.mapping.fitted import Fitted, fitted
from engine.mapping.keys import Alternative
from engine.mapping.made import made, made_one
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.objects import Step, present
from engine.mapping.proof import Proof
from engine.mapping.recall import redo, repeated
from engine.mapping.required import MISSING, missed, needed
from engine.mapping.scope import Instance, Scope
from engine.mapping.watch import Watch
from engine.r4 import compiled, elements

_UNFINISHED = frozenset({"registered", "partial", "preliminary"})
_NO_NAMES: frozenset[str] = frozenset()
_RANKED = frozenset({"Observation", "DiagnosticReport"})
_ENGINES = frozenset({"resourceType", "id", "meta"})
_SHAPES = 1_024  # combinations of fields that a map is prepared for
Links = tuple[tuple[str, str], ...]  # element, type (with `*` for all)


@dataclass(frozen=True, slots=True)
class CompiledMap:
    """A resource map with the links of one message."""

    name: str
    type: str
    slots: tuple[tuple[str, ...], ...]
    skip: Callable[[Scope], bool] | None
    key: tuple[Alternative, ...]
    steps: tuple[Step, ...]
    required: tuple[frozenset[str], ...]
    meta: dict[str, Any]
    mode: str
    proof: Proof
    labels: Every | None = None  # of security
    shapes: dict[tuple[bytes, ...], Fitted] = field(default_factory=dict)

    def fitting(self, scope: Scope) -> Fitted:
        """Return the steps that can have a value, by which fields are present at all.

        Messages of one sender are much alike: the choice is made once for each combination.
        """
        known = self.shapes.get(scope.shape)
        if known is None:
            rows = scope.rows
            steps = [s for s in self.steps if s.gate is None or present(rows, s.gate)]
            known = fitted(steps, scope.shape)
            if len(self.shapes) >= _SHAPES:
                self.shapes.clear()
            self.shapes[scope.shape] = known
        return known

    def key_of(self, scope: Scope) -> tuple[str, ...] | None:
        """Return the key of the first alternative that holds."""
        for alternative in self.key:
            found = alternative.read(scope)
            if found is not None:
                if scope.env.watch is not None:
                    self._spare(alternative, scope, scope.env.watch)
                return found
        return None

    def _spare(self, taken: Alternative, scope: Scope, watch: Watch) -> None:
        """Note what the other alternatives of the key would have read."""
        mark = len(watch.log)
        for other in self.key[self.key.index(taken) + 1 :]:
            other.read(scope)
        watch.spare(watch.take(mark))

    def contribution(self, instance: Instance) -> Contribution | None:
        """Make the resource; None, with a diagnostic, when a required element has no value."""
        scope = instance.scope
        scope.where = instance.reference
        found = _Found()
        meta = self._labelled(scope, found)
        body: dict[str, Any] = {"resourceType": self.type, "id": instance.id, "meta": meta}
        fitting = self.fitting(scope)
        rows = fitting.rows(scope)
        scope.nulled = scope.defaulted = scope.proven = scope.doubtful = False
        for step, name, shelf, at, pick, asked in fitting.steps:
            if shelf.rest:
                self._run(step, instance, body, found)
                continue
            key = pick(rows[at])
            made = shelf.young.get(key)
            if made is None or not made.plain:
                self._anew(step, asked(scope, key, made), instance, body, found)
                continue
            shelf.hits += 1
            if made.effects:
                redo(made, scope)
            value = made.value
            if value is None:
                continue
            if name:
                body[name] = value
                if not made.proven:
                    found.doubtful.add(name)
            else:
                found.enter(step, value, body, instance, sure=made.proven)
        return self._told(instance, body, found)

    def _labelled(self, scope: Scope, found: "_Found") -> dict[str, Any]:
        """Return `meta` with the labels of security."""
        scope.labels = self.labels(scope) if self.labels is not None else []
        if not scope.labels:
            return self.meta
        found.doubtful.add("meta")
        return {**self.meta, "security": scope.labels}

    def _run(self, step: Step, instance: Instance, body: dict[str, Any], found: "_Found") -> None:
        """Run a rule without a memory, or one that rests."""
        value = step.op(instance.scope)
        if not step.quiet:
            self._anew(step, value, instance, body, found)
        elif value is not None:
            body[step.name] = value

    def _anew(
        self, step: Step, value: Any, instance: Instance, body: dict[str, Any], found: "_Found"
    ) -> None:
        """Put the value of a rule that was just run into the body, with what it did beside."""
        scope = instance.scope
        nulled, weak = scope.nulled, scope.defaulted and not scope.nulled
        sound = step.sound and scope.env.usual and not scope.doubtful
        sure = sound or scope.proven or step.proven
        scope.nulled = scope.defaulted = scope.proven = scope.doubtful = False
        name = "" if value is None else found.enter(step, value, body, instance, sure=sure)
        if not name:
            if nulled and self.mode == "merge" and not instance.weak:
                found.clears.extend(step.names)
        elif weak:
            found.weak.add(name)

    def _told(
        self, instance: Instance, body: dict[str, Any], found: "_Found"
    ) -> Contribution | None:
        for names in self.required:
            if names.isdisjoint(body):
                where = f"{self.type}.{missed(names)}"
                instance.scope.env.note("missing-required", where, MISSING)
                return None
        weak = found.weak.union(body) - _ENGINES if instance.weak else found.weak
        return Contribution(
            self.type,
            instance.id,
            body,
            instance.scope.record,
            self.mode,
            tuple(found.clears),
            frozenset(weak) if self.mode == "merge" else _NO_NAMES,
            _rank(self.type, body),
            self.proof.of(body, found.doubtful),
            found.told,
        )


class _Found:
    """What a run of a map finds beside values."""

    __slots__ = ("clears", "doubtful", "told", "weak")

    def __init__(self) -> None:
        self.clears: list[str] = []
        self.weak: set[str] = set()
        self.doubtful: set[str] = set()  # elements that a validator has to look at
        self.told: dict[str, Parts] = {}

    def enter(
        self, step: Step, value: Any, body: dict[str, Any], instance: Instance, *, sure: bool
    ) -> str:
        """Put a value into the body; return the name it has there, empty without a value."""
        name = step.name
        if step.parted:
            self.told[name] = value.heard(weak=instance.weak)
            self.weak.update(value.weak)
            value = value.whole
            if value is None:
                return ""
        elif step.chosen:
            name, value = value
        body[name] = value
        if not sure:
            self.doubtful.add(name)
        return name


def _rank(type_name: str, body: dict[str, Any]) -> int:
    """A preliminary result never replaces a final one."""
    return 0 if type_name in _RANKED and body.get("status") in _UNFINISHED else 1


def compile_map(
    context: Context, name: str, document: Fields, links: Links, copied: tuple[Step, ...] = ()
) -> CompiledMap:
    """Compile a resource document; problems are reported, the result is then not to be used.

    `copied` are steps for elements that no rule of the document names.
    """
    return linked(context, compile_rules(context, name, document), document, links, copied)


def linked(
    context: Context,
    rules: CompiledMap,
    document: Fields,
    links: Links,
    copied: tuple[Step, ...] = (),
) -> CompiledMap:
    """Return rules with the links of a message. Maps of the same rules share what these remember.

    What R4 requires and neither sets is a problem.
    """
    key = document.key(context.resource) or Scalar("", document.mark)
    steps = [*rules.steps, *_linked(context, _rules_of(context, document), links), *copied]
    steps.sort(key=lambda step: step.rank)
    return replace(
        rules,
        slots=tuple(context.grammar.slots.keys),
        steps=tuple(steps),
        required=_required(context, steps, key),
        shapes={},
    )


def _rules_of(context: Context, document: Fields) -> Fields:
    body = document.get(context.resource)
    return body if isinstance(body, Fields) else Fields((), document.mark)


def compile_rules(context: Context, name: str, document: Fields) -> CompiledMap:
    """Compile what a document itself says: `linked` makes a map of it."""
    mode = _mode(context, document)
    labels = context.labels.get(context.resource, {}) if mode == "merge" else {}
    steps = _steps(context, _rules_of(context, document), labels, mode)
    alternatives = keys.compiled(context, document.get("key"))
    if not alternatives and context.resource != "Patient":
        context.problems.report("E112", document.mark, "a resource document needs 'key'")
    skip = _skip(context, document.get("skip"))
    meta = _meta(context, document)
    return CompiledMap(
        name,
        context.resource,
        tuple(context.grammar.slots.keys),
        skip,
        alternatives,
        tuple(sorted(steps, key=lambda step: step.rank)),
        (),
        meta,
        mode,
        Proof(context.resource, sound=compiled.proves(context.resource, "meta", meta)),
        labelled.compiled(context, document.get("security")),
    )


def _skip(context: Context, node: Node | None) -> Callable[[Scope], bool] | None:
    with context.grammar.slots.watched() as touched:
        test = condition(context, node, without=False)
    return test if test is None or context.probe is not None else repeated(test, touched)


def _mode(context: Context, document: Fields) -> str:
    given = text_at(document, "mode")
    if given and given not in {"merge", "replace"}:
        context.problems.report("E113", document.mark, "mode is merge or replace")
    return "merge" if parts.merges(document, context.resource) else "replace"


def _meta(context: Context, document: Fields) -> dict[str, Any]:
    profiles = [p.text for p in listed(document.get("profile")) if isinstance(p, Scalar)]
    meta: dict[str, Any] = {"source": context.source}
    if profiles:
        meta["profile"] = profiles
    return meta


def _steps(context: Context, fields: Fields, labels: parts.Labels, mode: str) -> list[Step]:
    known = elements.children(context.resource)
    found = []
    for key, node in fields.entries:
        if key.text in _ENGINES:
            message = f"'{key.text}' is set by the engine"
            context.problems.report("E203", key.mark, message, "use profile: or key:")
            continue
        inner = context.at(key.text)
        step: Step | None
        if key.text in labels and parts.in_parts(node, known[key.text]):
            step = parted.step(inner, key, node, labels[key.text])
        else:
            step = objects.step(inner, key, node, context.resource)
        if step is not None:
            _refuse_absence(context, key, step, mode)
            found.append(step)
    return found


def _refuse_absence(context: Context, key: Scalar, step: Step, mode: str) -> None:
    """In `merge` the reason would stay beside the value that another message brings."""
    if mode == "merge" and f"_{step.name}" in step.names and step.chosen:
        message = f"'absent' of {key.text} needs mode: replace"
        context.problems.report("E113", key.mark, message, "in mode merge write default:")


def _linked(context: Context, fields: Fields, links: Links) -> list[Step]:
    """Fill references by the message's links where the map does not set them."""
    known = elements.children(context.resource)
    rank = elements.order(context.resource)
    found = []
    for name, target in links:
        element = known.get(name)
        type_name = target.removesuffix("*")
        if element is None or fields.get(name) is not None or "Reference" not in element.types:
            continue
        if not reference.allowed(element, type_name) or type_name == context.resource:
            continue
        link = _link(target, element.repeats)
        found.append(Step(name, link, (name,), False, rank[name], None, True, quiet=True))
    return found


def _link(target: str, repeats: bool) -> Callable[[Scope], Any]:
    one = made_one(target.removesuffix("*"))
    if not repeats:
        return one
    every = made(target.removesuffix("*"), every=target.endswith("*"))
    return lambda scope: every(scope) or None


def _required(context: Context, steps: list[Step], key: Scalar) -> tuple[frozenset[str], ...]:
    possible = {name for step in steps for name in step.names}
    required = dict(needed(context.resource))
    for name, names in required.items():
        if possible.isdisjoint(names):
            message = f"{context.resource} requires '{name}', and nothing sets it"
            context.problems.report("E222", key.mark, message)
    for step in steps:
        if step.name in context.musts:
            required[step.name] = frozenset(step.names)
    return tuple(required.values())
