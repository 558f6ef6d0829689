"""The expression language of mapping files: text to a tree. `mappings/LANGUAGE.md`, section 5.

Knows the notation only: whether a field or a function exists is checked by whoever compiles.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from engine.mapping.tree import (
    CONDITIONS,
    Call,
    Compare,
    Current,
    Either,
    Expr,
    Literal,
    Logic,
    Negation,
    Path,
    Reach,
    Span,
    Step,
    Test,
    Word,
    label,
    leaves,
)

__all__ = [
    "CONDITIONS",
    "MAX_NESTING",
    "Call",
    "Compare",
    "Current",
    "Either",
    "Expr",
    "ExpressionError",
    "Literal",
    "Logic",
    "Negation",
    "Path",
    "Reach",
    "Span",
    "Step",
    "Test",
    "Word",
    "label",
    "leaves",
    "parse",
]
MAX_NESTING = 30

_TOKEN = re.compile(
    r"""(?P<space>\s+)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<path>(?:[A-Z][A-Z0-9_]*\.)*[A-Z][A-Z0-9]{2}-\d+)
  | (?P<site>\$[a-z][a-z_.]*)
  | (?P<current>\$(?:\d+(?:\.\d+)?)?)
  | (?P<part>\.\d+(?:\.\d+)?)
  | (?P<tail>\.[A-Za-z_][A-Za-z0-9_.]*)
  | (?P<whole>%resource)
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
        if token.kind not in {"name", "whole"}:
            self._at -= 1
            raise self._wrong("expected a value")
        first = Step(token.text, self._arguments(), token.span)
        steps = (first, *self._steps())
        if (
            len(steps) > 1
            or token.kind == "whole"
            or (first.args is not None and "." in first.name)
        ):
            return Reach(steps, Span(token.start, self._end - token.start))
        if first.args is None:
            return Word(token.text, token.span)
        return Call(token.text, first.args, token.span)

    def _arguments(self) -> tuple[Expr, ...] | None:
        if not self._accept("("):
            return None
        args: list[Expr] = []
        while not self._accept(")"):
            if args:
                self._expect(",")
            args.append(self._or())
        return tuple(args)

    @property
    def _end(self) -> int:
        last = self._tokens[self._at - 1]
        return last.start + len(last.text)

    def _steps(self) -> tuple[Step, ...]:
        """Take what follows a name without a blank: `.name`, `.where(...)`, `[0]`."""
        found: list[Step] = []
        while self._next.start == self._end:
            token = self._next
            if token.kind == "tail":
                self._take()
                found.append(Step(token.text[1:], self._arguments(), token.span))
            elif token.text == "[":
                self._take()
                found.append(Step("[]", (self._index(),), token.span))
            else:
                break
        return tuple(found)

    def _index(self) -> Literal:
        token = self._take()
        if not (token.kind == "number" and token.text.isdigit()):
            self._at -= 1
            raise self._wrong("expected an index, as in [0]")
        self._expect("]")
        return Literal(token.text, token.span)

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


@lru_cache(8_192)  # the chains of a library hold the same expressions, and trees are values
def parse(text: str) -> Expr:
    """Parse an expression. ExpressionError says what is wrong and where."""
    return _Parser(text).whole()
