"""Expressions compiled to closures over a `Scope`: text, lists of text, conditions, typed sources.

Checks what the parser cannot know: segments, fields, components, functions, patterns. What is wrong
goes to `problems` with its place inside the YAML scalar; the closure made instead gives nothing.
"""

import re
from collections.abc import Callable
from dataclasses import replace

import re2

from engine.core.lexeme import number
from engine.mapping import functions, syntax
from engine.mapping.datatypes.tools import memo
from engine.mapping.grammar import Grammar, Needs, closest
from engine.mapping.node import Scalar
from engine.mapping.scope import NO_FIELDS, Scope, nearest_at
from engine.mapping.source import (
    Many,
    One,
    Source,
    Test,
    current_source,
    path_source,
    text_of,
)
from engine.mapping.syntax import Expr, ExpressionError, Span
from engine.mapping.text import quoted
from engine.mapping.vocabulary import ANYTHING, component_types, field_types

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")


def _nothing(_: Scope) -> str:
    return ""


def _none(_: Scope) -> list[str]:
    return []


def _never(_: Scope) -> bool:
    return False


EMPTY = Source("ST", False, _nothing, _none, "")


class Compiler:
    """Compiles the expressions of one scalar."""

    def __init__(self, grammar: Grammar, scalar: Scalar, offset: int = 0) -> None:
        self._grammar = grammar
        self._scalar = scalar
        self._offset = offset  # where the expression begins in the scalar

    def _wrong(self, code: str, span: Span, message: str, advice: str = "") -> None:
        mark = self._scalar.at(self._offset + span.start, span.length)
        self._grammar.problems.report(code, mark, message, advice)

    def parse(self, text: str) -> Expr | None:
        """Parse; None after a problem was reported."""
        try:
            return syntax.parse(text)
        except ExpressionError as error:
            span = Span(error.start, error.length)
            self._wrong("E201", span, error.message, "see section 5 of LANGUAGE.md")
            return None

    def source(self, tree: Expr) -> Source | None:
        """Compile a plain path or `$` to a typed source; None when it is something computed."""
        if isinstance(tree, syntax.Path):
            return self._path(tree)
        if isinstance(tree, syntax.Current):
            return self._current(tree)
        return None

    def computed(self, tree: Expr) -> Source:
        """Compile anything to a source of text."""
        if isinstance(tree, syntax.CONDITIONS):
            return self._judged(tree)
        read = self.text(tree)
        repeats = isinstance(tree, syntax.Path)
        datatype = "DTM" if isinstance(tree, syntax.Word) and tree.name == "received" else "ST"

        def one(scope: Scope) -> str:
            return quoted(read(scope))

        return Source(
            datatype, repeats, one, lambda s: [v] if (v := one(s)) else [], syntax.label(tree)
        )

    def _judged(self, tree: Expr) -> Source:
        """A condition as a value: true or false, nothing when none of its fields is valued."""
        with self._grammar.slots.apart():
            test = self.test(tree)
        reads = [self.text(leaf) for leaf in syntax.leaves(tree)]

        def one(scope: Scope) -> str:
            if not any(read(scope) for read in reads):
                return ""
            return "true" if test(scope) else "false"

        return Source("ST", False, one, lambda s: [v] if (v := one(s)) else [], syntax.label(tree))

    def _current(self, tree: syntax.Current) -> Source:
        datatype = self._grammar.repetition
        if not datatype:
            self._wrong("E208", tree.span, "'$' has no repetition to stand for here", "use each:")
            return EMPTY
        self._free()  # the repetition is there whatever the fields are
        reached = self._reach(datatype, tree.component, tree.sub, tree.span)
        label = "$" + ".".join(str(n) for n in (tree.component, tree.sub) if n)
        return current_source(tree.component, tree.sub, reached, label)

    def _path(self, tree: syntax.Path) -> Source:
        fields = field_types(tree.segment, self._grammar.declared)
        if not fields:
            self._wrong(
                "E202", tree.span, f"unknown segment {tree.segment}", self._undeclared(tree)
            )
            return EMPTY
        known = fields.get(tree.number)
        if known is None:
            most = max(fields)
            advice = f"did you mean {tree.segment}-{most}?" if tree.number == most + 1 else ""
            message = f"unknown field {tree.segment}-{tree.number} ({tree.segment} has {most})"
            self._wrong("E202", tree.span, message, advice)
            return EMPTY
        test = None
        if tree.select is not None and not isinstance(tree.select, int):
            inner = replace(self._grammar, repetition=known.datatype)
            with self._grammar.slots.apart():
                test = Compiler(inner, self._scalar, self._offset).test(tree.select)
        reached = self._reach(known.datatype, tree.component, tree.sub, tree.span)
        slot = self._grammar.slots.index((*tree.groups, tree.segment))
        self._grammar.slots.needs.reads.add((slot, tree.number))
        return path_source(tree, slot, reached, known.repeats, test)

    def _undeclared(self, tree: syntax.Path) -> str:
        if tree.segment.startswith("Z"):
            return "declare it in an overlay: segments: {" + tree.segment + ": {1: ST}}"
        return "segments are named as in the HL7 dictionary"

    def _reach(self, datatype: str, component: int, sub: int, span: Span) -> str:
        """Return the type at the end of a path; reports a component beyond its type."""
        for number_ in (component, sub):
            if not number_ or datatype == ANYTHING:
                continue
            types = component_types(datatype)
            if not types and number_ == 1:
                continue
            if number_ > len(types):
                count = len(types) or "no"
                self._wrong("E204", span, f"{datatype} has {count} components, not {number_}")
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
            self._free()
            return lambda _: fixed
        if isinstance(tree, syntax.Path | syntax.Current):
            return self._read(tree)
        if isinstance(tree, syntax.Either):
            return _first_valued([self.text(option) for option in tree.options])
        if isinstance(tree, syntax.Call | syntax.Word):
            return self._call(tree) if isinstance(tree, syntax.Call) else self._word(tree)
        test = self.test(tree)
        return lambda scope: "true" if test(scope) else "false"

    def _read(self, tree: syntax.Path | syntax.Current) -> One:
        source = self.source(tree) or EMPTY
        decode, one = text_of(source.datatype), source.one
        return lambda scope: decode(raw) if (raw := one(scope)) else ""

    def _free(self) -> None:
        """Note that what is being compiled can have a value where all fields are empty."""
        self._grammar.slots.needs.free = True

    def _word(self, tree: syntax.Word) -> One:
        self._free()
        if tree.name == "received":
            return lambda scope: scope.env.received
        value = self._grammar.site.get(tree.name)
        if value is None:
            known = ["received", *self._grammar.site, *functions.known()]
            self._wrong("E206", tree.span, f"unknown word '{tree.name}'", closest(tree.name, known))
            return _nothing
        return lambda _: value

    def _call(self, tree: syntax.Call) -> One:
        if tree.name in functions.SPECIAL:
            least, most = functions.SPECIAL[tree.name]
        elif tree.name in functions.TABLE:
            signature = functions.TABLE[tree.name]
            least, most = signature.least, signature.most
        else:
            advice = closest(tree.name, functions.known())
            self._wrong("E205", tree.span, f"unknown function '{tree.name}'", advice)
            return _nothing
        if not least <= len(tree.args) <= most:
            self._wrong("E205", tree.span, f"{tree.name} takes {least} to {most} arguments")
            return _nothing
        return self._special(tree) if tree.name in functions.SPECIAL else self._plain_call(tree)

    def _plain_call(self, tree: syntax.Call) -> One:
        call = functions.TABLE[tree.name].call
        strict = tree.name in functions.STRICT
        with self._grammar.slots.apart() as needs:
            args = [self.texts(arg) for arg in tree.args[:1]]
        with self._grammar.slots.apart():
            args += [self.texts(arg) for arg in tree.args[1:]]
        self._grammar.slots.needs.add(needs)
        if not strict:
            self._free()
        if len(args) == 1:
            only = args[0]
            return lambda scope: call([only(scope)])
        return lambda scope: call([read(scope) for read in args])

    def _special(self, tree: syntax.Call) -> One:
        if tree.name == "exists":
            self._free()
            test = self._exists(tree.args[0])
            return lambda scope: "true" if test(scope) else ""
        if tree.name == "lookup":
            return self._lookup(tree)
        read = self.text(tree.args[0])
        length = 8 if tree.name == "date" else None
        return lambda scope: read(scope)[:length]

    def _lookup(self, tree: syntax.Call) -> One:
        name = tree.args[1].text if isinstance(tree.args[1], syntax.Literal) else ""
        table = self._grammar.tables.get(name)
        if table is None:
            advice = closest(name, list(self._grammar.tables))
            self._wrong("E210", tree.span, f"unknown code table '{name}'", advice)
            return _nothing
        read = self.text(tree.args[0])

        def look(scope: Scope) -> str:
            found = table.find("", read(scope))
            return found.code if found else ""

        return look

    def _exists(self, tree: Expr) -> Test:
        if isinstance(tree, syntax.Word) and _SEGMENT.fullmatch(tree.name.rpartition(".")[2]):
            key = tuple(tree.name.split("."))
            if len(key) > 1:
                return lambda scope: bool(nearest_at(scope.bound, key))
            slot = self._grammar.slots.index(key)
            return lambda scope: scope.rows[slot] is not NO_FIELDS
        read = self.texts(tree)
        return lambda scope: bool(read(scope))

    def guard(self, tree: Expr) -> tuple[Test, Needs]:
        """Compile a condition; also say which fields its truth needs, as far as that is plain."""
        with self._grammar.slots.apart():
            test = self.test(tree)
        strict = self._strict(tree)
        return test, strict or Needs(free=True)

    def _strict(self, tree: Expr) -> Needs | None:
        """Return the fields that a true condition needs one of; None when it may need none."""
        if isinstance(tree, syntax.Logic) and tree.word == "and":
            return next((n for part in tree.parts if (n := self._strict(part)) is not None), None)
        if isinstance(tree, syntax.Logic):
            found = [self._strict(part) for part in tree.parts]
            return _together(found)
        if isinstance(tree, syntax.Test) and tree.kind == "valued" and not tree.negated:
            return self._valued(tree.operand)
        if isinstance(tree, syntax.Compare) and tree.sign in {"=", "in", "starts with"}:
            texts = [item.text for item in tree.right if isinstance(item, syntax.Literal)]
            fixed = len(texts) == len(tree.right) and all(texts)
            return self._valued(tree.left) if fixed else None
        return None

    def _valued(self, tree: Expr) -> Needs | None:
        with self._grammar.slots.apart() as needs:
            self.text(tree)
        return None if needs.free else needs

    def test(self, tree: Expr) -> Test:
        """Compile a condition; a value is true when it is valued."""
        if isinstance(tree, syntax.Logic):
            return _joined(tree.word, [self.test(item) for item in tree.parts])
        if isinstance(tree, syntax.Negation):
            inner = self.test(tree.part)
            return lambda scope: not inner(scope)
        if isinstance(tree, syntax.Test):
            return self._state(tree)
        if isinstance(tree, syntax.Compare):
            return self._compare(tree)
        if isinstance(tree, syntax.Call) and tree.name == "exists" and len(tree.args) == 1:
            return self._exists(tree.args[0])
        read = self.text(tree)
        return lambda scope: bool(read(scope))

    def _state(self, tree: syntax.Test) -> Test:
        if tree.kind == "null":
            found = self._null(tree.operand)
        else:
            read = self.text(tree.operand)

            def found(scope: Scope) -> bool:
                return bool(read(scope))

        if tree.negated:
            return lambda scope: not found(scope)
        return found

    def _null(self, tree: Expr) -> Test:
        if not isinstance(tree, syntax.Path):
            return _never
        source = self._path(tree)

        def is_null(scope: Scope) -> bool:
            before, scope.nulled = scope.nulled, False
            empty = not source.one(scope)
            found, scope.nulled = scope.nulled, before or scope.nulled
            return empty and found

        return is_null

    def _compare(self, tree: syntax.Compare) -> Test:
        left = self.text(tree.left)
        if tree.sign in {"in", "not in"}:
            return self._member(tree, left)
        if tree.sign == "matches":
            return self._matches(tree, left)
        right = self.text(tree.right[0])
        if tree.sign == "=":
            return lambda scope: left(scope) == right(scope)
        if tree.sign == "!=":
            return lambda scope: left(scope) != right(scope)
        if tree.sign == "starts with":
            return lambda scope: left(scope).startswith(right(scope))
        judge = _ORDER[tree.sign]
        return lambda scope: judge(*_comparable(left(scope), right(scope)))

    def _member(self, tree: syntax.Compare, left: One) -> Test:
        wanted = tree.sign == "in"
        if all(isinstance(item, syntax.Literal) for item in tree.right):
            fixed = frozenset(i.text for i in tree.right if isinstance(i, syntax.Literal))
            return lambda scope: (left(scope) in fixed) is wanted
        reads = [self.text(item) for item in tree.right]
        return lambda scope: (left(scope) in [read(scope) for read in reads]) is wanted

    def _matches(self, tree: syntax.Compare, left: One) -> Test:
        pattern = tree.right[0]
        if not isinstance(pattern, syntax.Literal):
            self._wrong("E207", tree.span, "'matches' takes a pattern in quotes")
            return _never
        options = re2.Options()
        options.log_errors = False
        try:
            search = re2.compile(pattern.text, options).search
        except re2.error:
            self._wrong("E207", pattern.span, "not an RE2 pattern", "RE2 has no look-around")
            return _never

        @memo
        def matches(text: str) -> bool:
            return search(text) is not None

        return lambda scope: matches(left(scope))


def _together(found: list[Needs | None]) -> Needs | None:
    whole = Needs()
    for needs in found:
        if needs is None:
            return None
        whole.add(needs)
    return whole


def _joined(word: str, tests: list[Test]) -> Test:
    first, *rest = tests
    if not rest:
        return first
    others = _joined(word, rest)
    if word == "and":
        return lambda scope: first(scope) and others(scope)
    return lambda scope: first(scope) or others(scope)


def _first_valued(reads: list[One]) -> One:
    def one(scope: Scope) -> str:
        for read in reads:
            value = read(scope)
            if value:
                return value
        return ""

    return one


def _comparable(left: str, right: str) -> tuple[float, float] | tuple[str, str]:
    one, other = number(left), number(right)
    return (left, right) if one is None or other is None else (float(one), float(other))


Judge = Callable[..., bool]
_ORDER: dict[str, Judge] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
