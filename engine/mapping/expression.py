"""Expressions compiled to closures over a `Scope`: text, lists of text, typed sources.

Checks what the parser cannot know: segments, fields, components, functions, patterns. What is wrong
goes to `problems` with its place inside the YAML scalar; the closure made instead gives nothing.
"""

from dataclasses import replace
from functools import partial

from engine.mapping import columns, conditions, fhir_path, functions, syntax, unreachable
from engine.mapping.grammar import Grammar, Needs, closest
from engine.mapping.node import Scalar
from engine.mapping.rewriting import rewritten
from engine.mapping.scope import Scope
from engine.mapping.source import (
    ELEMENT,
    Many,
    One,
    Source,
    Test,
    current_source,
    logged,
    path_source,
    quick,
    text_of,
)
from engine.mapping.syntax import Expr, ExpressionError, Span
from engine.mapping.text import quoted
from engine.mapping.vocabulary import ANYTHING, component_types, field_types
from engine.mapping.watching import judged, read_by, rivals
from engine.r4.elements import Element


def _nothing(_: Scope) -> str:
    return ""


def _none(_: Scope) -> list[str]:
    return []


EMPTY = Source("ST", False, _nothing, _none, "")


class Compiler:
    """Compiles the expressions of one scalar."""

    def __init__(self, grammar: Grammar, scalar: Scalar, offset: int = 0) -> None:
        self.grammar = grammar
        self._scalar = scalar
        self._offset = offset  # where the expression begins in the scalar

    def wrong(self, code: str, span: Span, message: str, advice: str = "") -> None:
        """Report what is wrong with a part of the expression."""
        mark = self._scalar.at(self._offset + span.start, span.length)
        self.grammar.problems.report(code, mark, message, advice)

    def note_read(self, name: str) -> None:
        """Keep that a field, column or element is read."""
        self.grammar.note_read(name, self._scalar.mark)

    def parse(self, text: str) -> Expr | None:
        """Parse; None after a problem was reported."""
        try:
            tree = syntax.parse(text)
        except ExpressionError as error:
            span = Span(error.start, error.length)
            self.wrong("E201", span, error.message, "see section 5 of LANGUAGE.md")
            return None
        if "|" in text:
            unreachable.options(tree, self.wrong)
        if self.grammar.element is not None:
            found: Expr = rewritten(tree, fhir_path.resolved)
            return found
        known = self.grammar.columns
        return tree if known is None else columns.resolved(tree, known, self.wrong)

    def inside(self, element: Element) -> "Compiler":
        """Return the compiler of an expression about a value of an element."""
        return Compiler(replace(self.grammar, element=element), self._scalar, self._offset)

    def source(self, tree: Expr) -> Source | None:
        """Compile a plain path or `$` to a typed source; None when it is something computed."""
        if not isinstance(tree, syntax.Path | syntax.Current | syntax.Reach):
            return None
        if self.grammar.element is not None or isinstance(tree, syntax.Reach):
            self.free()
            self.grammar.slots.touched.more = True
            return fhir_path.source(self, tree)
        return self._path(tree) if isinstance(tree, syntax.Path) else self._current(tree)

    def computed(self, tree: Expr) -> Source:
        """Compile anything to a source of text."""
        if isinstance(tree, syntax.CONDITIONS):
            return self._judged(tree)
        read = self.text(tree)
        if self.grammar.element is not None:
            return _of_text(read, syntax.label(tree))
        repeats = isinstance(tree, syntax.Path)
        datatype = "DTM" if isinstance(tree, syntax.Word) and tree.name == "received" else "ST"

        def one(scope: Scope) -> str:
            return quoted(read(scope))

        return Source(
            datatype,
            repeats,
            one,
            lambda s: [v] if (v := one(s)) else [],
            syntax.label(tree),
            computed=True,
        )

    def _judged(self, tree: Expr) -> Source:
        """A condition as a value: true or false, nothing when none of its fields is valued."""
        with self.grammar.slots.apart():
            test = self.test(tree)
        reads = [self.text(leaf) for leaf in syntax.leaves(tree)]

        def one(scope: Scope) -> str:
            if not any(read(scope) for read in reads):
                return ""
            return "true" if test(scope) else "false"

        if self.grammar.element is not None:
            return _of_text(one, syntax.label(tree))
        return Source("ST", False, one, lambda s: [v] if (v := one(s)) else [], syntax.label(tree))

    def _current(self, tree: syntax.Current) -> Source:
        datatype = self.grammar.repetition
        if not datatype:
            self.wrong("E208", tree.span, "'$' has no repetition to stand for here", "use each:")
            return EMPTY
        self.free()  # the repetition is there whatever the fields are
        reached = self._part(datatype, tree.component, tree.sub, tree.span)
        label = "$" + ".".join(str(n) for n in (tree.component, tree.sub) if n)
        return current_source(tree.component, tree.sub, reached, label)

    def _path(self, tree: syntax.Path) -> Source:
        fields = field_types(tree.segment, self.grammar.declared)
        if not fields:
            self.wrong("E202", tree.span, f"unknown segment '{tree.segment}'", _undeclared(tree))
            return EMPTY
        known = fields.get(tree.number)
        if known is None:
            most = max(fields)
            advice = f"did you mean {tree.segment}-{most}?" if tree.number == most + 1 else ""
            message = f"unknown field {tree.segment}-{tree.number} ({tree.segment} has {most})"
            self.wrong("E202", tree.span, message, advice)
            return EMPTY
        test = None
        if tree.select is not None and not isinstance(tree.select, int):
            inner = replace(self.grammar, repetition=known.datatype)
            with self.grammar.slots.apart():
                test = Compiler(inner, self._scalar, self._offset).test(tree.select)
        reached = self._part(known.datatype, tree.component, tree.sub, tree.span)
        slot = self.grammar.slots.index((*tree.groups, tree.segment))
        self.grammar.slots.needs.reads.add((slot, tree.number))
        self.grammar.slots.touched.reads.add((slot, tree.number))
        self.note_read(_name(tree, self.grammar))
        source = path_source(tree, slot, reached, known.repeats, test)
        if not self.grammar.traced:
            return source
        self.grammar.slots.touched.more = True  # what is remembered is not read
        return logged(source, slot, tree.number, f"{tree.segment}-{tree.number}")

    def _part(self, datatype: str, component: int, sub: int, span: Span) -> str:
        """Return the type at the end of a path; reports a component beyond its type."""
        for number_ in (component, sub):
            if not number_ or datatype == ANYTHING:
                continue
            types = component_types(datatype)
            if not types and number_ == 1:
                continue
            if number_ > len(types):
                count = len(types) or "no"
                self.wrong("E204", span, f"{datatype} has {count} components, not {number_}")
                return "ST"
            datatype = types[number_ - 1]
        return datatype

    def texts(self, tree: Expr) -> Many:
        """Compile to all values as text."""
        source = self.source(tree)
        if source is None:
            read = self.text(tree)
            return lambda scope: [value] if (value := read(scope)) else []
        decode, many = text_of(source.datatype), source.many
        return lambda scope: [decode(item) for item in many(scope)]

    def text(self, tree: Expr) -> One:
        """Compile to the first value as text; empty when there is none."""
        if isinstance(tree, syntax.Literal):
            fixed = tree.text
            self.free()
            return lambda _: fixed
        if isinstance(tree, syntax.Path | syntax.Current | syntax.Reach):
            return self._read(tree)
        if isinstance(tree, syntax.Either):
            return _first_valued(self, tree)
        if isinstance(tree, syntax.Call | syntax.Word):
            return self._call(tree) if isinstance(tree, syntax.Call) else self._word(tree)
        test = self.test(tree)
        return lambda scope: "true" if test(scope) else "false"

    def _read(self, tree: Expr) -> One:
        source = self.source(tree) or EMPTY
        decode, one = text_of(source.datatype), source.one
        read: One = lambda scope: decode(raw) if (raw := one(scope)) else ""  # noqa: E731
        return quick(source.place, read) if source.place else read

    def free(self) -> None:
        """Note that what is being compiled can have a value where all fields are empty."""
        self.grammar.slots.needs.free = True

    def _word(self, tree: syntax.Word) -> One:
        self.free()
        if tree.name == "received":
            self.grammar.slots.touched.more = True
            return lambda scope: scope.env.received
        value = self.grammar.site.get(tree.name)
        if value is None:
            known = ["received", *self.grammar.site, *self.grammar.functions.names()]
            self.wrong("E206", tree.span, f"unknown word '{tree.name}'", closest(tree.name, known))
            return _nothing
        return lambda _: value

    def _call(self, tree: syntax.Call) -> One:
        known = self.grammar.functions
        arity = known.arity(tree.name)
        if arity is None:
            advice = closest(tree.name, known.names())
            self.wrong("E205", tree.span, f"unknown function '{tree.name}'", advice)
            return _nothing
        least, most = arity
        if not least <= len(tree.args) <= most:
            self.wrong("E205", tree.span, f"{tree.name} takes {least} to {most} arguments")
            return _nothing
        return self._special(tree) if tree.name in functions.SPECIAL else self._plain_call(tree)

    def _plain_call(self, tree: syntax.Call) -> One:
        text = self._scalar.text[self._offset + tree.span.start :]
        call, strict = self.grammar.functions.call(tree.name, str(self._scalar.mark), text)
        with self.grammar.slots.apart() as needs:
            args = [self.texts(arg) for arg in tree.args[:1]]
        with self.grammar.slots.apart():
            args += [self.texts(arg) for arg in tree.args[1:]]
        self.grammar.slots.needs.add(needs)
        if not strict:
            self.free()
        if len(args) == 1:
            only = args[0]
            return lambda scope: call([only(scope)])
        return lambda scope: call([read(scope) for read in args])

    def _special(self, tree: syntax.Call) -> One:
        if tree.name == "exists":
            self.free()
            test = conditions.exists(self, tree.args[0])
            return lambda scope: "true" if test(scope) else ""
        if tree.name == "lookup":
            return self._lookup(tree)
        if tree.name == "assigner":
            return _assigner(self, tree)
        if tree.name == "ucum":
            return _ucum(self, tree)
        read = self.text(tree.args[0])
        written = self.grammar.element is not None  # as `1958-03-09`
        length = (10 if written else 8) if tree.name == "date" else None
        return lambda scope: read(scope)[:length]

    def _lookup(self, tree: syntax.Call) -> One:
        name = tree.args[1].text if isinstance(tree.args[1], syntax.Literal) else ""
        tables = self.grammar.tables
        if name not in tables:
            advice = closest(name, list(self.grammar.tables))
            self.wrong("E210", tree.span, f"unknown code table '{name}'", advice)
            return _nothing
        read = self.text(tree.args[0])

        def look(scope: Scope) -> str:
            found = tables[name].find("", read(scope))
            return found.code if found else ""

        return look

    def test(self, tree: Expr) -> Test:
        """Compile a condition; a value is true when it is valued."""
        found = conditions.test(self, tree)
        return judged(found) if self.grammar.traced else found

    def guard(self, tree: Expr) -> tuple[Test, Needs]:
        """Compile a condition; also say which fields its truth needs, as far as that is plain."""
        found, needs = conditions.guard(self, tree)
        return (judged(found) if self.grammar.traced else found), needs


def _assigner(compiler: Compiler, tree: syntax.Call) -> One:
    find, read = compiler.grammar.assigner, compiler.text(tree.args[0])
    if find is None:
        return _nothing
    compiler.free()
    return lambda scope: find(read(scope))


def _ucum(compiler: Compiler, tree: syntax.Call) -> One:
    find, read = compiler.grammar.unit, compiler.text(tree.args[0])
    if find is None:
        return _nothing
    if len(tree.args) == 1:
        return lambda scope: find(read(scope), "")
    system = compiler.text(tree.args[1])
    return lambda scope: find(read(scope), system(scope))


def _name(tree: syntax.Path, grammar: Grammar) -> str:
    """Return what people call a field: of a row its column."""
    columns = (grammar.columns or {}).items()
    field = f"{tree.segment}-{tree.number}"
    return next((name for name, number in columns if number == tree.number), field)


def _undeclared(tree: syntax.Path) -> str:
    if tree.segment.startswith("Z"):
        return "declare it in an overlay: segments: {" + tree.segment + ": {1: ST}}"
    return "segments are named as in the HL7 dictionary"


def _of_text(read: One, label: str) -> Source:
    """Make a source of text that is read as an element would be."""
    many: Many = lambda scope: [text] if (text := read(scope)) else []  # noqa: E731
    return Source(ELEMENT, False, read, many, label, fhir_path.TEXT)


def _first_valued(compiler: Compiler, tree: syntax.Either) -> One:
    slots = compiler.grammar.slots
    parts = [read_by(slots, partial(compiler.text, option)) for option in tree.options]
    if compiler.grammar.traced:
        return rivals(slots, parts, "")
    reads: list[One] = [read for read, _ in parts]

    def one(scope: Scope) -> str:
        for read in reads:
            value = read(scope)
            if value:
                return value
        return ""

    return one
