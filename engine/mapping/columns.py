"""Columns of a feed in expressions: a bare word that is a column's name reads that column.

A row is mapped as if it were one segment whose fields are the columns, so that everything the
language can do with fields it can do with cells. Only here is a column a field.
"""

import re
from collections.abc import Callable, Mapping

from engine.mapping import syntax
from engine.mapping.grammar import closest
from engine.mapping.rewriting import rewritten
from engine.mapping.syntax import Expr, Span
from engine.mapping.vocabulary import FieldType

ROW = "ROW"
_PLACE = re.compile(rf"{ROW}-(\d+)")
_DATATYPES = {"date": "DTM", "datetime": "DTM", "decimal": "NM", "integer": "NM", "code": "CWE"}
Columns = Mapping[str, int]  # name -> number of the field
Wrong = Callable[[str, Span, str, str], None]


def declared(kinds: list[str]) -> dict[str, dict[int, FieldType]]:
    """Return the row as a declared segment; `kinds` are the columns' types in their order."""
    numbered = enumerate(kinds, 1)
    return {ROW: {n: FieldType(_DATATYPES.get(kind, "ST"), False) for n, kind in numbered}}


def resolved(tree: Expr, columns: Columns, wrong: Wrong) -> Expr:
    """Return the tree with its words as columns; what is no column is reported."""

    def change(part: Expr) -> Expr:
        if isinstance(part, syntax.Word):
            return _word(part, columns, wrong)
        if isinstance(part, syntax.Path | syntax.Reach):
            wrong("E250", part.span, f"a file has no {part}", "name a column")
            return syntax.Literal("", part.span)
        return part

    found: Expr = rewritten(tree, change)
    return found


def _word(tree: syntax.Word, columns: Columns, wrong: Wrong) -> Expr:
    number = columns.get(tree.name)
    if number is not None:
        return syntax.Path((), ROW, number, span=tree.span)
    if tree.name.startswith("$") or tree.name == "received":
        return tree
    advice = closest(tree.name, [*columns, "received"])
    wrong("E250", tree.span, f"unknown column '{tree.name}'", advice)
    return syntax.Literal("", tree.span)


def named(where: str, headers: tuple[str, ...]) -> str:
    """Write a place for people: columns by their headers."""
    return _PLACE.sub(lambda found: headers[int(found[1]) - 1], where)
