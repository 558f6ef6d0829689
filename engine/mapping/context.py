"""What compilers of right-hand sides share: the site's tools, the resource, the problems found."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from engine.mapping import unreachable
from engine.mapping.columns import named
from engine.mapping.datatypes.tools import Flawed, Tools
from engine.mapping.expression import Compiler
from engine.mapping.grammar import Grammar, Needs, Touched
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.probe import Probe, line_of
from engine.mapping.problem import Problems
from engine.mapping.recall import remembering_part
from engine.mapping.scope import Lineage, Scope
from engine.mapping.shelf import Memory
from engine.mapping.source import Source
from engine.mapping.text import NULL, REPETITION
from engine.r4.elements import Element

T = TypeVar("T")
Run = TypeVar("Run", bound=Callable[[Scope], Any])
Op = Callable[[Scope], Any]  # one value, or None
Every = Callable[[Scope], list[Any]]  # all values
Identify = Callable[[str, Sequence[str]], str]  # FHIR type and key parts -> id


class Forms(Protocol):
    """Compiles right-hand sides; handed around so that forms can hold one another."""

    def single(self, context: "Context", node: Node, element: Element) -> Op:
        """Compile to one value."""
        ...

    def every(self, context: "Context", node: Node, element: Element) -> Every:
        """Compile to all values."""
        ...

    def built(self, context: "Context", fields: Fields, path: str) -> Op:
        """Compile nested elements of the type or backbone at `path` to an object."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """One resource map on its way to closures."""

    forms: Forms
    grammar: Grammar
    tools: Tools
    identify: Identify
    made: Collection[str]  # types that some message of the chain makes
    resource: str  # FHIR type being made
    memory: Memory
    top: str = ""  # top-level element being compiled
    depth: int = 0  # 1 inside a top-level element
    traced: bool = False
    lenient: bool = False  # a code that its table refuses is only noted
    probe: Probe | None = None  # of plans for tests, which are traced
    musts: set[str] = field(default_factory=set)  # top-level elements that rules call required
    # Of all maps of a site, type -> element -> names of its parts.
    labels: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    # Conversions written as mappings: v2 type and FHIR type -> the document.
    datatypes: Mapping[tuple[str, str], Fields] = field(default_factory=dict)
    converting: frozenset[tuple[str, str]] = frozenset()  # those being compiled
    # Operations whose values are valid R4, unless they called the scope doubtful.
    sound: set[Callable[[Scope], Any]] = field(default_factory=lambda: {nothing, no_values})

    @property
    def source(self) -> str:
        """`meta.source` of everything a site says."""
        return f"urn:concord:site:{self.tools.site}"

    @property
    def problems(self) -> Problems:
        return self.grammar.problems

    def compiler(self, scalar: Scalar, offset: int = 0) -> Compiler:
        return Compiler(self.grammar, scalar, offset)

    def within(self, source: Source) -> "Context":
        """Return the context inside an `each` over what a source reads."""
        element = source.element or self.grammar.element
        grammar = replace(self.grammar, repetition=source.datatype, element=element)
        return replace(self, grammar=grammar)

    def below(self) -> "Context":
        return self if self.depth else replace(self, depth=1)

    def vouch(self, op: Run, *parts: Callable[[Scope], Any]) -> Run:
        """Return an operation, called sound when all it is made of is."""
        if self.sound.issuperset(parts):
            self.sound.add(op)
        return op

    def part(self, op: Run, touched: Touched, node: Node) -> Run:
        """Return a part of a rule with a memory of its own, where asking may cost less than it.

        Not in a traced plan, nor below an `each` over repetitions: there `$` is read as well.
        """
        literal = isinstance(node, Scalar) and node.text.startswith("=")
        if self.traced or self.grammar.repetition or literal:
            return op
        return self.vouch(remembering_part(op, touched, self.memory), op)

    def doubted(self, op: Op) -> Op:
        """Return an operation that calls the scope doubtful itself when it gives a value."""

        def doubting(scope: Scope) -> Any:
            value = op(scope)
            scope.doubtful = scope.doubtful or value is not None
            return value

        return op if op in self.sound else self.vouch(doubting)

    def at(self, top: str) -> "Context":
        return replace(self, top=top, depth=0)


def nothing(_: Scope) -> None:
    """Stand in for a rule that does not compile."""


def no_values(_: Scope) -> list[Any]:
    """Stand in for a rule that does not compile."""
    return []


def condition(
    context: Context, node: Node | None, *, without: bool = True
) -> Callable[[Scope], bool] | None:
    """Compile a condition; None when there is none. `without` is what it comes to unwritten."""
    found = _guard(context, node, without=without)
    return found[0] if found else None


def _guard(
    context: Context, node: Node | None, *, without: bool = True
) -> tuple[Callable[[Scope], bool], Needs] | None:
    if node is None:
        return None
    if not isinstance(node, Scalar):
        context.problems.report("E113", node.mark, "a condition is an expression")
        return None
    compiler = context.compiler(node)
    tree = compiler.parse(node.text)
    if tree is not None:
        unreachable.conditions(tree, compiler.wrong)
    found = compiler.guard(tree) if tree is not None else None
    if found is None or context.probe is None:
        return found
    test = context.probe.condition(node.mark, node.text, found[0], without=without)
    return test, Needs(free=True)


def guarded(
    context: Context, node: Node | None, compile_: Callable[[], Callable[[Scope], T]], empty: T
) -> Callable[[Scope], T]:
    """Compile a rule under its `when:`; what the condition needs, the rule needs."""
    found = _guard(context, node)
    if found is None:
        return compile_()
    test, needs = found
    slots = context.grammar.slots
    with slots.apart() as own:
        produce = compile_()
    slots.needs.add(own if needs.free or not own.free else needs)
    return context.vouch(lambda scope: produce(scope) if test(scope) else empty, produce)


def unwrap(scope: Scope, value: Any, where: str) -> Any:
    """Note what is wrong with a converted value and return what is left of it."""
    if value.__class__ is Flawed:
        scope.doubtful = scope.doubtful or not value.sound
        if value.code:
            scope.env.note(value.code, where, value.message)
        return value.value
    return value


def converted(source: Source, convert: Callable[[str], Any]) -> Op:
    """Read one value and convert it."""
    one, where = source.one, source.label

    def op(scope: Scope) -> Any:
        raw = one(scope)
        if not raw:
            return None
        value = convert(raw)
        return unwrap(scope, value, where) if value.__class__ is Flawed else value

    if source.place is None:
        return op
    slot, number = source.place

    def of_field(scope: Scope) -> Any:
        raw = scope.rows[slot][number]
        if not raw:
            return None
        if REPETITION in raw or raw == NULL:
            return op(scope)
        value = convert(raw)
        return unwrap(scope, value, where) if value.__class__ is Flawed else value

    return of_field


def converted_all(source: Source, convert: Callable[[str], Any]) -> Every:
    """Read all values and convert them."""
    many, where = source.many, source.label

    def every(scope: Scope) -> list[Any]:
        found = []
        for raw in many(scope):
            value = convert(raw)
            if value.__class__ is Flawed:
                value = unwrap(scope, value, where)
            if value is not None:
                found.append(value)
        return found

    return every


def traced(
    context: Context, op: Op, path: str, scalar: Scalar, label: str, empty: Any = None
) -> Op:
    """Make an operation note where its value came from; `empty` is what no value is."""
    if not context.traced:
        return op
    rule = line_of(scalar.mark)
    asked = probed(context.probe, op, rule, empty)
    if context.probe is not None:
        names = tuple(context.grammar.columns or ())
        context.probe.know(rule, path, named(label, names) if names else label)

    def noting(scope: Scope) -> Any:
        value = asked(scope)
        if value is not None and value != []:
            scope.env.lineage.append(Lineage(scope.where, path, label, rule))
        return value

    return noting


def probed(probe: Probe | None, op: Op, rule: str, empty: Any) -> Op:
    """Let a probe leave a rule out."""
    if probe is None:
        return op
    return lambda scope: empty if probe.left_out == rule else op(scope)
