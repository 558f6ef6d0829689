"""What an expression of the mapping language consists of: notation only, nothing is looked up."""

from dataclasses import dataclass, field
from typing import Union


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
class Step:
    """`name`, `name.given`, `where(...)` or `[0]` of a path into a resource."""

    name: str  # `[]` for an index
    args: "tuple[Expr, ...] | None" = None
    span: Span = field(default=Span(0, 1), compare=False)

    def __str__(self) -> str:
        if self.name == "[]" and self.args and isinstance(self.args[0], Literal):
            return f"[{self.args[0].text}]"
        return self.name if self.args is None else f"{self.name}()"


@dataclass(frozen=True, slots=True)
class Reach:
    """A path into a resource: `name.where(use = "official").family`, `%resource.status`."""

    steps: tuple[Step, ...]
    span: Span = field(default=Span(0, 1), compare=False)

    def __str__(self) -> str:
        return ".".join(str(step) for step in self.steps).replace(".[", "[")


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


Expr = Union[  # noqa: UP007
    Path, Current, Literal, Word, Call, Reach, Either, Compare, Test, Logic, Negation
]
CONDITIONS = (Compare, Test, Logic, Negation)


def parts(tree: Expr) -> tuple[Expr, ...]:
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
    if isinstance(tree, Path | Current | Reach):
        return [tree]
    return [leaf for part in parts(tree) for leaf in leaves(part)]


def label(tree: Expr) -> str:
    """Name the fields an expression reads, for people."""
    named = (str(leaf) for leaf in leaves(tree) if isinstance(leaf, Path | Reach))
    return ", ".join(dict.fromkeys(named))
