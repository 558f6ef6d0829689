"""Conditions of the expression language compiled to closures over a `Scope` that judge.

Knows how values are compared and joined, not how they are read: that is the compiler's, given.
"""

import re
from collections.abc import Callable
from typing import Protocol

import re2

from engine.core.lexeme import number
from engine.mapping import syntax
from engine.mapping.datatypes.tools import memo
from engine.mapping.grammar import Grammar, Needs
from engine.mapping.scope import NO_FIELDS, Scope
from engine.mapping.sight import nearest_at
from engine.mapping.source import Many, One, Source, Test
from engine.mapping.syntax import Expr, Span
from engine.mapping.text import NULL, REPETITION

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")


class Reader(Protocol):
    """What compiles the values that conditions compare."""

    @property
    def grammar(self) -> Grammar:
        """What the expression may refer to."""
        ...

    def wrong(self, code: str, span: Span, message: str, advice: str = "") -> None:
        """Report what is wrong with a part of the expression."""
        ...

    def source(self, tree: Expr) -> Source | None:
        """Compile a plain path or `$`; None when it is something computed."""
        ...

    def text(self, tree: Expr) -> One:
        """Compile to the first value as text."""
        ...

    def texts(self, tree: Expr) -> Many:
        """Compile to all values as text."""
        ...


def _never(_: Scope) -> bool:
    return False


def exists(reader: Reader, tree: Expr) -> Test:
    """Compile `exists(SEG)`, `exists(GROUP.SEG)` or `exists(value)`."""
    if isinstance(tree, syntax.Word) and _SEGMENT.fullmatch(tree.name.rpartition(".")[2]):
        key = tuple(tree.name.split("."))
        if len(key) > 1:
            reader.grammar.slots.touched.more = True
            return lambda scope: bool(nearest_at(scope.bound, key))
        slot = reader.grammar.slots.index(key)
        reader.grammar.slots.touched.reads.add((slot, 0))  # the name, of a segment that is there
        return lambda scope: scope.rows[slot] is not NO_FIELDS
    read = reader.texts(tree)
    return lambda scope: bool(read(scope))


def guard(reader: Reader, tree: Expr) -> tuple[Test, Needs]:
    """Compile a condition; also say which fields its truth needs, as far as that is plain."""
    with reader.grammar.slots.apart():
        judge = test(reader, tree)
    return judge, _strict(reader, tree) or Needs(free=True)


def _strict(reader: Reader, tree: Expr) -> Needs | None:
    """Return the fields that a true condition needs one of; None when it may need none."""
    if isinstance(tree, syntax.Logic):
        found = (_strict(reader, part) for part in tree.parts)
        if tree.word == "and":
            return next((needs for needs in found if needs is not None), None)
        return _together(list(found))
    if isinstance(tree, syntax.Test) and tree.kind == "valued" and not tree.negated:
        return _valued(reader, tree.operand)
    if isinstance(tree, syntax.Compare) and tree.sign in {"=", "in", "starts with"}:
        texts = [item.text for item in tree.right if isinstance(item, syntax.Literal)]
        fixed = len(texts) == len(tree.right) and all(texts)
        return _valued(reader, tree.left) if fixed else None
    return None


def _valued(reader: Reader, tree: Expr) -> Needs | None:
    with reader.grammar.slots.apart() as needs:
        reader.text(tree)
    return None if needs.free else needs


def _together(found: list[Needs | None]) -> Needs | None:
    whole = Needs()
    for needs in found:
        if needs is None:
            return None
        whole.add(needs)
    return whole


def test(reader: Reader, tree: Expr) -> Test:
    """Compile a condition; a value is true when it is valued."""
    if isinstance(tree, syntax.Logic):
        return _joined(tree.word, [test(reader, item) for item in tree.parts])
    if isinstance(tree, syntax.Negation):
        inner = test(reader, tree.part)
        return lambda scope: not inner(scope)
    if isinstance(tree, syntax.Test):
        return _state(reader, tree)
    if isinstance(tree, syntax.Compare):
        return _compare(reader, tree)
    if isinstance(tree, syntax.Call) and tree.name == "exists" and len(tree.args) == 1:
        return exists(reader, tree.args[0])
    read = reader.text(tree)
    return lambda scope: bool(read(scope))


def _joined(word: str, tests: list[Test]) -> Test:
    first, *rest = tests
    if not rest:
        return first
    others = _joined(word, rest)
    if word == "and":
        return lambda scope: first(scope) and others(scope)
    return lambda scope: first(scope) or others(scope)


def _state(reader: Reader, tree: syntax.Test) -> Test:
    judge = _null if tree.kind == "null" else _is_valued
    found = judge(reader, tree.operand)

    if tree.negated:
        return lambda scope: not found(scope)
    return found


def _is_valued(reader: Reader, tree: Expr) -> Test:
    read = reader.text(tree)
    source = reader.source(tree) if isinstance(tree, syntax.Path) else None
    if source is None or source.place is None:
        return lambda scope: bool(read(scope))
    slot, number = source.place

    def valued(scope: Scope) -> bool:
        raw = scope.rows[slot][number]
        return raw[:1].isalnum() or (raw != "" and read(scope) != "")

    return valued


def _null(reader: Reader, tree: Expr) -> Test:
    source = reader.source(tree) if isinstance(tree, syntax.Path) else None
    if source is None:
        return _never
    one = source.one

    def is_null(scope: Scope) -> bool:
        before, scope.nulled = scope.nulled, False
        empty = not one(scope)
        found, scope.nulled = scope.nulled, before or scope.nulled
        return empty and found

    return is_null


def _compare(reader: Reader, tree: syntax.Compare) -> Test:
    if tree.sign in _ORDER:
        return _ordered(reader, tree)
    left = reader.text(tree.left)
    if tree.sign in {"in", "not in"}:
        return _member(reader, tree, left)
    if tree.sign == "matches":
        return _matches(reader, tree, left)
    if isinstance(tree.right[0], syntax.Literal):
        return _to_literal(tree.sign, left, tree.right[0].text)
    right, judge = reader.text(tree.right[0]), _ALIKE[tree.sign]
    return lambda scope: judge(left(scope), right(scope))


def _to_literal(sign: str, left: One, fixed: str) -> Test:
    if sign == "=":
        return lambda scope: left(scope) == fixed
    if sign == "!=":
        return lambda scope: left(scope) != fixed
    return lambda scope: left(scope).startswith(fixed)


def _ordered(reader: Reader, tree: syntax.Compare) -> Test:
    judge, right = _ORDER[tree.sign], tree.right[0]
    known = _amount(right.text) if isinstance(right, syntax.Literal) else None
    if known is not None:
        count = _count(reader, tree.left)
        if count is not None:
            return lambda scope: judge(count(scope), known)
    left, other = reader.text(tree.left), reader.text(right)
    return lambda scope: judge(*_comparable(left(scope), other(scope)))


def _count(reader: Reader, tree: Expr) -> Callable[[Scope], int] | None:
    """Compile `count(...)` to a number; None for anything else."""
    if not isinstance(tree, syntax.Call) or tree.name != "count" or len(tree.args) != 1:
        return None
    source = reader.source(tree.args[0])
    if source is None or source.place is None:
        return None
    slot, number = source.place
    many = source.many

    def count(scope: Scope) -> int:
        raw = scope.rows[slot][number]
        return len(many(scope)) if REPETITION in raw or raw == NULL else raw != ""

    return count


def _member(reader: Reader, tree: syntax.Compare, left: One) -> Test:
    wanted = tree.sign == "in"
    if all(isinstance(item, syntax.Literal) for item in tree.right):
        fixed = frozenset(i.text for i in tree.right if isinstance(i, syntax.Literal))
        if wanted:
            return lambda scope: left(scope) in fixed
        return lambda scope: left(scope) not in fixed
    reads = [reader.text(item) for item in tree.right]
    return lambda scope: (left(scope) in [read(scope) for read in reads]) is wanted


def _matches(reader: Reader, tree: syntax.Compare, left: One) -> Test:
    pattern = tree.right[0]
    if not isinstance(pattern, syntax.Literal):
        reader.wrong("E207", tree.span, "'matches' takes a pattern in quotes")
        return _never
    options = re2.Options()
    options.log_errors = False
    alone = re2.Set.SearchSet(options)  # asks whether, not where, at a fifth of the cost
    try:
        alone.Add(pattern.text)
        alone.Compile()
    except re2.error:
        reader.wrong("E207", pattern.span, "not an RE2 pattern", "RE2 has no look-around")
        return _never
    found = alone.Match

    @memo
    def matches(text: str) -> bool:
        return found(text) is not None

    return lambda scope: matches(left(scope))


@memo
def _amount(text: str) -> float | None:
    found = number(text)
    return None if found is None else float(found)


def _comparable(left: str, right: str) -> tuple[float, float] | tuple[str, str]:
    one, other = _amount(left), _amount(right)
    return (left, right) if one is None or other is None else (one, other)


_ALIKE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "starts with": lambda a, b: a.startswith(b),
}
_ORDER: dict[str, Callable[..., bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
