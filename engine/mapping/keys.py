"""The key of a resource: what the site knows it by, as text that its id is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.mapping import syntax
from engine.mapping.context import Context
from engine.mapping.datatypes.identifiers import Assigners
from engine.mapping.datatypes.tools import memo
from engine.mapping.documents import listed
from engine.mapping.node import Node, Scalar
from engine.mapping.recall import repeated
from engine.mapping.scope import Scope
from engine.mapping.text import lead, lowered, part
from engine.r4 import elements

Part = Callable[[Scope], str]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to a key; it holds when the first part that is no resource is valued."""

    parts: tuple[Part, ...]
    deciding: int  # index of that part, -1 when there is none

    def read(self, scope: Scope) -> tuple[str, ...] | None:
        deciding = self.deciding
        if deciding < 0:
            found = [part(scope) for part in self.parts]
            return tuple(found) if any(found) else None
        decisive = self.parts[deciding](scope)
        if not decisive:
            return None
        if len(self.parts) == 1:
            return (decisive,)
        parts = enumerate(self.parts)
        return tuple([decisive if n == deciding else part(scope) for n, part in parts])


def compiled(context: Context, node: Node | None) -> tuple[Alternative, ...]:
    """Compile a key: parts, or alternatives of parts."""
    items = listed(node)
    if items and not isinstance(items[0], Scalar):
        return tuple(_alternative(context, listed(item)) for item in items)
    return (_alternative(context, items),) if items else ()


def _alternative(context: Context, items: tuple[Node, ...]) -> Alternative:
    parts: list[Part] = []
    deciding = -1
    for item in items:
        if not isinstance(item, Scalar):
            context.problems.report("E113", item.mark, "a key part is an expression or a type")
        elif item.text in elements.resource_types():
            parts.append(_made_part(item.text))
        else:
            deciding = len(parts) if deciding < 0 else deciding
            parts.append(_source_part(context, item))
    return Alternative(tuple(parts), deciding)


def _made_part(type_name: str) -> Part:
    if type_name == "Patient":
        return lambda scope: scope.record

    def ident(scope: Scope) -> str:
        found = scope.frame.visible(type_name)
        return found[0].id if found else ""

    return ident


def _source_part(context: Context, item: Scalar) -> Part:
    tree = context.compiler(item).parse(item.text)
    if tree is None:
        return lambda _: ""
    options = tree.options if isinstance(tree, syntax.Either) else (tree,)
    with context.grammar.slots.watched() as touched:
        reads = [_one_part(context, item, option) for option in options]
    if len(reads) == 1:
        return repeated(reads[0], touched)
    return repeated(lambda scope: next((v for read in reads if (v := read(scope))), ""), touched)


def _one_part(context: Context, item: Scalar, tree: syntax.Expr) -> Part:
    """Read a whole CX, EI or XON field with its assigner: another's same number is another."""
    compiler = context.compiler(item)
    source = compiler.source(tree)
    if source is not None and source.element is not None and "Reference" in source.element.types:
        one_of = source.one
        return lambda scope: scope.env.links.id_of(one_of(scope), scope)
    place = {"CX": 4, "EI": 2, "XON": 6}.get(source.datatype if source else "")
    if source is None or place is None:
        return compiler.text(tree)
    one, assigners = source.one, Assigners(context.tools)

    @memo
    def keyed(raw: str) -> str:
        value = lead(raw)
        if not value:
            return ""
        authority = lowered(part(raw, place))
        if place == 2:
            authority = "^".join(raw.split("^")[1:4])
        return f"{value}@{assigners.find(authority, '')[0].system}"

    return lambda scope: keyed(raw) if (raw := one(scope)) else ""
