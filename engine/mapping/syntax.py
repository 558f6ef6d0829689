"""The expression language of mapping files: text to a tree. `mappings/LANGUAGE.md`, section 5.

Knows the notation only: whether a field or a function exists is checked by whoever compiles.
"""

import re
from dataclasses import dataclass, field
from typing import Union

MAX_NESTING = 30

_TOKEN = re.compile(
    r"""(?P<space>\s+)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<path>(?:[A-Z][A-Z0-9_]*\.)*[A-Z][A-Z0-9]{2}-\d+)
  | (?P<site>\$[a-z][a-z_.]*)
  | (?P<current>\$(?:\d+(?:\.\d+)?)?)
  | (?P<part>\.\d+(?:\.\d+)?)
  | (?P<number>-?\d+(?:\.\d+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_.]*)
  | (?P<sign>!=|<=|>=|[=<>|(),\[\]*])""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class ExpressionError(Exception):
    """The text is no expression; `start` and `length` say where."""

    def __init__(self, message: str, start: int, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.length = length


@dataclass(frozen=True, slots=True)
class Span:
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Path:
    """`GROUP.SEG-field[select].component.sub`; component and sub are 0 when not given."""

    groups: tuple[str, ...]
    segment: str
    number: int
    select: "int | Expr | None" = None
    component: int = 0
    sub: int = 0
    span: Span = field(default=Span(0, 1), compare=False)

    def __str__(self) -> str:
        tail = "".join(f".{n}" for n in (self.component, self.sub) if n)
        return f"{self.segment}-{self.number}{tail}"


@dataclass(frozen=True, slots=True)
class Current:
    """`$`, `$4`, `$4.2`: the repetition that `each` or a `[condition]` stands on."""

    component: int = 0
    sub: int = 0
    span: Span = field(default=Span(0, 1), compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    text: str
    span: Span = field(default=Span(0, 1), compare=False)


@dataclass(frozen=True, slots=True)
class Word:
    """A bare name: `received`, a segment, a group path; or `$site.name` with its dollar."""

    name: str
    span: Span = field(default=Span(0, 1), compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: "tuple[Expr, ...]"
    span: Span = field(default=Span(0, 1), compare=False)


@dataclass(frozen=True, slots=True)
class Either:
    """`a | b`: the first that is valued."""

    options: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True)
class Compare:
    """`=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`, `matches`, `starts with`."""

    sign: str
    left: "Expr"
    right: "tuple[Expr, ...]"
    span: Span = field(default=Span(0, 1), compare=False)


@dataclass(frozen=True, slots=True)
class Test:
    """`is [not] valued`, `is [not] null`."""

    kind: str
    operand: "Expr"
    negated: bool


@dataclass(frozen=True, slots=True)
class Logic:
    word: str  # and, or
    parts: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True)
class Negation:
    part: "Expr"


Expr = Union[Path, Current, Literal, Word, Call, Either, Compare, Test, Logic, Negation]  # noqa: UP007
CONDITIONS = (Compare, Test, Logic, Negation)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def span(self) -> Span:
        return Span(self.start, max(1, len(self.text)))


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ExpressionError(f"'{text[place]}' has no meaning here", place)
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(_Token(kind, match.group(), place))
        place = match.end()
    return [*found, _Token("end", "", len(text))]


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _accept(self, *texts: str) -> bool:
        if self._next.kind in {"sign", "name"} and self._next.text in texts:
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._wrong(f"expected '{text}'")

    def _wrong(self, message: str) -> ExpressionError:
        token = self._next
        found = f"found '{token.text}'" if token.text else "the text ends"
        return ExpressionError(f"{message}, {found}", token.start, max(1, len(token.text)))

    def whole(self) -> Expr:
        tree = self._or()
        if self._next.kind != "end":
            raise self._wrong("expected the end of the expression")
        return tree

    def _or(self) -> Expr:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise self._wrong("nested too deep")
        parts = [self._and()]
        while self._accept("or"):
            parts.append(self._and())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Logic("or", tuple(parts))

    def _and(self) -> Expr:
        parts = [self._not()]
        while self._accept("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Logic("and", tuple(parts))

    def _not(self) -> Expr:
        negations = 0
        while self._accept("not"):
            negations += 1
        part = self._comparison()
        return Negation(part) if negations % 2 else part

    def _comparison(self) -> Expr:
        left = self._value()
        token = self._next
        if token.kind == "sign" and token.text in {"=", "!=", "<", "<=", ">", ">="}:
            self._take()
            return Compare(token.text, left, (self._value(),), token.span)
        if token.kind == "name":
            return self._worded(left)
        return left

    def _worded(self, left: Expr) -> Expr:
        token = self._next
        if self._accept("matches"):
            return Compare("matches", left, (self._value(),), token.span)
        if self._accept("starts"):
            self._expect("with")
            return Compare("starts with", left, (self._value(),), token.span)
        if token.text not in {"is", "not", "in", "valued", "null"}:
            return left
        self._accept("is")
        negated = self._accept("not")
        if self._accept("in"):
            return Compare("not in" if negated else "in", left, self._listed(), token.span)
        kind = self._take().text
        if kind not in {"valued", "null"}:
            self._at -= 1
            raise self._wrong("expected 'valued', 'null' or 'in'")
        return Test(kind, left, negated)

    def _listed(self) -> tuple[Expr, ...]:
        self._expect("(")
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> Expr:
        options = [self._term()]
        while self._accept("|"):
            options.append(self._term())
        return options[0] if len(options) == 1 else Either(tuple(options))

    def _term(self) -> Expr:
        token = self._take()
        if token.kind == "string":
            return Literal(_unquoted(token.text), token.span)
        if token.kind == "number":
            return Literal(token.text, token.span)
        if token.kind == "path":
            return self._path(token)
        if token.kind == "current":
            component, sub = _numbers(token.text[1:])
            return Current(component, sub, token.span)
        if token.kind == "site":
            return Word(token.text, token.span)
        return self._named(token)

    def _named(self, token: _Token) -> Expr:
        if token.text == "(":
            inner = self._or()
            self._expect(")")
            return inner
        if token.kind != "name":
            self._at -= 1
            raise self._wrong("expected a value")
        if not self._accept("("):
            return Word(token.text, token.span)
        args: list[Expr] = []
        while not self._accept(")"):
            if args:
                self._expect(",")
            args.append(self._or())
        return Call(token.text, tuple(args), token.span)

    def _path(self, token: _Token) -> Path:
        *groups, last = token.text.split(".")
        segment, _, number = last.partition("-")
        select: int | Expr | None = None
        end = token.start + len(token.text)
        if self._next.text == "[" and self._next.start == end:
            select = self._selection()
            end = self._tokens[self._at - 1].start + 1
        component = sub = 0
        if self._next.kind == "part" and self._next.start == end:
            part = self._take()
            component, sub = _numbers(part.text[1:])
            end = part.start + len(part.text)
        span = Span(token.start, end - token.start)
        return Path(tuple(groups), segment, int(number), select, component, sub, span)

    def _selection(self) -> "int | Expr | None":
        self._expect("[")
        if self._next.kind == "number" and self._tokens[self._at + 1].text == "]":
            token = self._take()
            if not token.text.isdigit() or token.text == "0":
                raise ExpressionError("repetitions count from 1", token.start, len(token.text))
            selected: int | Expr | None = int(token.text)
        elif self._accept("*"):
            selected = None
        else:
            selected = self._or()
        self._expect("]")
        return selected


def _numbers(text: str) -> tuple[int, int]:
    component, _, sub = text.partition(".")
    return int(component or 0), int(sub or 0)


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(lambda m: _ESCAPES.get(m.group(1), m.group(1)), text[1:-1])


def parse(text: str) -> Expr:
    """Parse an expression. ExpressionError says what is wrong and where."""
    return _Parser(text).whole()


def _parts(tree: Expr) -> tuple[Expr, ...]:
    """Return what a compound expression is made of."""
    if isinstance(tree, Compare):
        return (tree.left, *tree.right)
    if isinstance(tree, Test):
        return (tree.operand,)
    if isinstance(tree, Negation):
        return (tree.part,)
    if isinstance(tree, Logic):
        return tree.parts
    if isinstance(tree, Either):
        return tree.options
    return tree.args if isinstance(tree, Call) else ()


def leaves(tree: Expr) -> list[Expr]:
    """Return the paths an expression reads."""
    if isinstance(tree, Path | Current):
        return [tree]
    return [leaf for part in _parts(tree) for leaf in leaves(part)]


def label(tree: Expr) -> str:
    """Name the fields an expression reads, for people."""
    return ", ".join(dict.fromkeys(str(leaf) for leaf in leaves(tree) if isinstance(leaf, Path)))
