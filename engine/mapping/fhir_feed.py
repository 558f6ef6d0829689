"""fhir documents compiled: from one type of a sender's resources to closures over a resource."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.mapping import fhir_path, syntax
from engine.mapping.context import Context, Op, probed
from engine.mapping.documents import listed, text_at
from engine.mapping.expression import Compiler
from engine.mapping.feed import LINKS, PATIENT
from engine.mapping.fhir_copy import Copier, Move
from engine.mapping.fhir_links import Readable
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.objects import Step
from engine.mapping.parts import MERGED
from engine.mapping.probe import line_of
from engine.mapping.reference import allowed
from engine.mapping.resource import CompiledMap, compile_map
from engine.mapping.scope import Lineage, Scope
from engine.mapping.source import Source
from engine.mapping.watching import settled
from engine.r4 import elements
from engine.r4.compiled import fits, proves
from engine.r4.elements import Element

ANCHOR = "RESOURCE"  # stands where messages have the segment a map begins with
_NEVER = frozenset({"id", "meta", "implicitRules"})
_BAD = "not valid R4; the element is left out"
Fresh = Callable[[str, Element], Context]
"""Make a context: FHIR type to be made, the resource that is read."""


@dataclass(frozen=True, slots=True)
class FhirFeed:
    """A fhir document ready to run."""

    type: str  # of the resources it takes
    map: CompiledMap
    about: Source | None  # the reference to the patient; None for a Patient and for what has none
    keys: tuple[Readable, ...]  # alternatives of the key that a reference alone may hold
    changed: Source | None  # when the resource was changed
    fills: frozenset[str]  # elements that fill gaps and never replace what was said
    clears: tuple[str, ...]  # elements whose absence takes back what was said
    survivor: Source | None  # the Patient this one was merged into
    subsumed: Source | None  # Patients merged into this one
    lifts: bool  # what it contains becomes resources of their own


class _Compiler:
    def __init__(self, document: Fields, fresh: Fresh) -> None:
        self._document = document
        self.type = text_at(document, "from")
        self._to = text_at(document, "to") or self.type
        self._root = fhir_path.root(self.type)
        self._fresh = fresh
        self._context = fresh(self._to, self._root)
        self._problems = self._context.problems
        self._known = elements.children(self._to)

    def feed(self) -> FhirFeed:
        whole = self._body()
        copied = tuple(self._copied(whole.keys()))
        document = self._document.put(Scalar(self._to, self._document.mark), whole)
        links = LINKS if self._to != PATIENT else ()
        compiled = compile_map(self._context, self._name(), document, links, copied)
        return FhirFeed(
            self.type,
            compiled,
            self._about(),
            tuple(self._readable(compiled)),
            self._source(self._document.get("changed")),
            frozenset(self._names("fills")),
            tuple(self._names("clears")),
            self._source(self._document.get("survivor")),
            self._source(self._document.get("subsumed")),
            compiled.mode == "merge" and self._to in MERGED,
        )

    def _name(self) -> str:
        return text_at(self._document, "name") or f"FHIR-{self.type}"

    def _body(self) -> Fields:
        body = self._document.get(self._to)
        return body if isinstance(body, Fields) else Fields((), self._document.mark)

    def _names(self, key: str) -> Iterator[str]:
        for node in listed(self._document.get(key)):
            name = node.text if isinstance(node, Scalar) else ""
            if name not in self._known and f"{name}[x]" not in self._groups():
                advice = closest(name, list(self._known))
                self._problems.report("E203", node.mark, f"no element '{name}'", advice)
            yield name

    def _groups(self) -> set[str]:
        return {element.group for element in self._known.values()}

    def _source(self, node: Node | None) -> Source | None:
        if not isinstance(node, Scalar):
            return None
        compiler = Compiler(self._context.grammar, node)
        tree = compiler.parse(node.text)
        if tree is None:
            return None
        return compiler.source(tree) or compiler.computed(tree)

    def _about(self) -> Source | None:
        node = self._document.get("patient")
        if node is None and self._to != PATIENT:
            name = next((name for name, _ in LINKS if self._of_patients(name)), "")
            node = Scalar(name, self._document.mark, single=False) if name else None
        found = self._source(node)
        if node is not None and (found is None or not _is_reference(found)):
            self._problems.report("E252", node.mark, "patient is a path to a reference")
        return found

    def _of_patients(self, name: str) -> bool:
        element = elements.children(self.type).get(name)
        return element is not None and allowed(element, PATIENT) and bool(element.targets)

    def _readable(self, compiled: CompiledMap) -> Iterator[Readable]:
        """Yield the alternatives of the key that a reference can hold, up to the first it cannot.

        Beyond that one a reference and its target might hold different alternatives.
        """
        node = self._document.get("key")
        rows = node.items if isinstance(node, Items) else ()
        if rows and isinstance(rows[0], Scalar):
            rows = (Items(rows, rows[0].mark),)
        for alternative, row in zip(compiled.key, rows, strict=False):
            read = {name for part in listed(row) for name in self._read_by(part)}
            if not read <= {"id", "identifier"}:
                return
            yield Readable(alternative, read == {"id"})

    def _read_by(self, part: Node) -> Iterator[str]:
        if not isinstance(part, Scalar) or part.text in elements.resource_types():
            return
        tree = Compiler(self._context.grammar, part).parse(part.text)
        for leaf in syntax.leaves(tree) if tree is not None else ():
            if isinstance(leaf, syntax.Reach):
                yield leaf.steps[0].name.split(".")[0]

    def _copied(self, named: list[str]) -> Iterator[Step]:
        """Yield a step for each element that is copied."""
        node = self._document.get("copy")
        if node is None:
            return
        taken = {*named, *_NEVER, *self._names("except")}
        taken |= {base for name in named for base in _names_of(self._known.get(name))}
        if self._to != PATIENT:
            taken |= {name for name, _ in LINKS if self._of_patients(name)}
        if self._to in MERGED:
            taken.add("contained")
        everything = isinstance(node, Scalar) and node.text == "all"
        wanted = set(self._known) if everything else set(self._names("copy"))
        if not everything and self.type != self._to:
            self._problems.report("E113", node.mark, "copy: all goes with one type")
        copier, ranks = Copier(self._context.tools), elements.order(self._to)
        for element in self._known.values():
            chosen = _names_of(element)
            if chosen & wanted and not chosen & taken:
                yield from self._steps(copier, element, ranks, node)

    def _steps(
        self, copier: Copier, element: Element, ranks: dict[str, int], node: Node
    ) -> Iterator[Step]:
        self._context.grammar.note_read(element.name, node.mark)
        moves = {element.name: copier.move(element)}
        if element.types and elements.is_primitive(element.types[0]):
            moves[f"_{element.name}"] = copier.beside(element)
        for name, move in moves.items():
            op = self._traced(name, _copying(self._to, name, move), node)
            yield Step(name, op, (name,), False, ranks[name], None)

    def _traced(self, name: str, op: Op, node: Node) -> Op:
        if not self._context.traced:
            return op
        rule, path, given = line_of(node.mark), f"{self._to}.{name}", self.type
        probe = self._context.probe
        asked = probed(probe, op, rule, None)
        if probe is not None:
            probe.know(rule, path, name)

        def noting(scope: Scope) -> Any:
            if scope.env.watch is not None:
                scope.env.watch.element(scope.whole, given, (name,))
            value = asked(scope)
            if value is not None:
                scope.env.lineage.append(Lineage(scope.where, path, name, rule))
            return value

        return settled(noting, path)


def _names_of(element: Element | None) -> set[str]:
    """Return what an element is called: its name, and that of the choice it is a form of."""
    if element is None:
        return set()
    return {element.name, element.group.removesuffix("[x]") or element.name}


def _is_reference(source: Source) -> bool:
    return source.element is not None and "Reference" in source.element.types


def _copying(type_name: str, name: str, move: Move) -> Op:
    """Carry an element over; the value is judged here, so that only it is lost when it is bad."""

    def copied(scope: Scope) -> Any:
        value = scope.whole.get(name)
        moved = move(value, scope) if value is not None else None
        if moved is None:
            return None
        if proves(type_name, name, moved):
            scope.proven = True
            return moved
        if fits(type_name, name, moved):
            return moved
        scope.env.note("bad-value", f"{type_name}.{name}", _BAD)
        return None

    return copied


def compile_fhir_feed(document: Fields, fresh: Fresh) -> FhirFeed:
    """Compile a document; problems are reported, the result is then not to be used."""
    return _Compiler(document, fresh).feed()
