"""One scalar of a mapping file as a value: an expression, a literal or a text with values in it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from engine.core.fault import Category, refuse
from engine.mapping import described, fhir_convert, literal, syntax
from engine.mapping.context import (
    Context,
    Every,
    Op,
    converted,
    converted_all,
    no_values,
    nothing,
    traced,
)
from engine.mapping.datatypes import registry
from engine.mapping.datatypes.tools import Flawed
from engine.mapping.expression import Compiler
from engine.mapping.fhir_path import TEXT
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.scope import Scope
from engine.mapping.sound import is_text, short, sound
from engine.mapping.source import ELEMENT, Source
from engine.mapping.syntax import Expr
from engine.mapping.tables import POLICIES, Table, Target, is_policy
from engine.mapping.text import quoted
from engine.mapping.watching import chosen, read_by, rivals
from engine.r4.compiled import judge
from engine.r4.elements import Element

_BLANKS = re.compile(" {2,}")  # left where a value in the middle is missing
_REFUSED = "the code table has no row for a code, and says that such messages are refused"
_TEMPLATE = re.compile(r"\{([A-Za-z$][^{}]*)\}")


class Reading:
    """How values are translated on the way: a code table and what to do without a row."""

    __slots__ = ("table", "unmapped")

    def __init__(self, table: Table | None = None, unmapped: str = "") -> None:
        self.table = table
        self.unmapped = unmapped

    @property
    def refuses(self) -> bool:
        """Whether a code without a row is no message that can be mapped."""
        return (self.unmapped or (self.table.unmapped if self.table else "")) == "error"


PLAIN = Reading()


def reading(context: Context, fields: Fields, element: Element) -> Reading:
    """Compile `map:` and `unmapped:` of a full form."""
    node = fields.get("map")
    unmapped = fields.get("unmapped")
    policy = unmapped.text if isinstance(unmapped, Scalar) else ""
    if unmapped is not None and not is_policy(policy):
        context.problems.report("E113", unmapped.mark, f"unmapped is {POLICIES}")
    if node is None:
        return Reading(None, policy)
    if isinstance(node, Fields):
        table = _inline(node, element)
    else:
        found = named_table(context, node)
        if found is None:
            return Reading(None, policy)
        table = found
    _check_targets(context, table, element, node)
    return Reading(table, policy)


def named_table(context: Context, node: Node) -> Table | None:
    """Find a code table by name; None after a problem was reported."""
    name = node.text if isinstance(node, Scalar) else ""
    found = context.grammar.tables.get(name)
    if found is None:
        advice = closest(name, list(context.grammar.tables))
        context.problems.report("E210", node.mark, f"unknown code table '{name}'", advice)
    return found


def _inline(node: Fields, element: Element) -> Table:
    table = Table("inline")
    for key, value in node.entries:
        code = value.text if isinstance(value, Scalar) else ""
        system = literal.default_system(element, code)
        table.add("", key.text, Target(system, code), value.mark)
    return table


def _check_targets(context: Context, table: Table, element: Element, node: Any) -> None:
    """Report rows whose code the element does not allow; a table none of whose rows fits, once."""
    binding = element.binding
    if binding is None:
        return
    wrong = [place for place, target in table.rows.items() if target.code not in binding]
    message = f"table '{table.name}' gives a code that {element.path} does not allow"
    if len(wrong) == len(table.rows) > 1:
        advice = f"none of its rows fits, e.g. '{wrong[0][1]}' at {table.marks[wrong[0]]}"
        context.problems.report("E214", node.mark, message, advice)
        return
    for place in wrong:
        advice = f"'{table.rows[place].code}' for '{place[1]}'; used at {node.mark}"
        context.problems.report("E214", table.marks[place], message, advice)


def _options(tree: Expr) -> tuple[Expr, ...]:
    return tree.options if isinstance(tree, syntax.Either) else (tree,)


def sources(context: Context, scalar: Scalar) -> list[Source]:
    """Compile a scalar to its alternatives, each with its own type."""
    text = scalar.text
    compiler = context.compiler(scalar)
    if _is_template(text):
        return [_template(context, scalar)]
    tree = compiler.parse(text)
    if tree is None:
        return []
    return [_source(compiler, option) for option in _options(tree)]


def _source(compiler: Compiler, tree: Expr) -> Source:
    return compiler.source(tree) or compiler.computed(tree)


def _is_template(text: str) -> bool:
    if not _TEMPLATE.search(text):
        return False
    try:
        syntax.parse(text)
    except syntax.ExpressionError:
        return True
    return False


def _template(context: Context, scalar: Scalar) -> Source:
    pieces: list[Callable[[Scope], str]] = []
    fixed: list[str] = []
    place = 0
    for match in _TEMPLATE.finditer(scalar.text):
        fixed.append(scalar.text[place : match.start()])
        compiler = context.compiler(scalar, match.start(1))
        tree = compiler.parse(match.group(1))
        if tree is not None:
            pieces.append(compiler.text(tree))
        place = match.end()
    tail = scalar.text[place:]
    of_resource = context.grammar.element is not None
    shown: Callable[[str], str] = str if of_resource else quoted

    def one(scope: Scope) -> str:
        values = [piece(scope) for piece in pieces]
        if not any(values):
            return ""
        joined = "".join(a + b for a, b in zip(fixed, values, strict=True)) + tail
        return shown(_BLANKS.sub(" ", joined).strip())

    label = scalar.text if len(pieces) == len(fixed) else ""
    if not label:
        return Source("ST", False, lambda _: "", lambda _: [], "")
    datatype, element = (ELEMENT, TEXT) if of_resource else ("ST", None)
    many: Callable[[Scope], list[str]] = lambda s: [v] if (v := one(s)) else []  # noqa: E731
    return Source(datatype, False, one, many, label, element, computed=True)


def _converter(context: Context, source: Source, element: Element, how: Reading) -> Any:
    if source.element is not None:
        reads = (how.table, how.unmapped)
        return fhir_convert.converter(context, source.element, element, reads)
    own = described.compiled(context, source, element)
    if own is not None:
        return own
    target = element.types[0] if element.types else ""
    coded = target in registry.CODED or (how.table is not None and target in {"string", "uri"})
    if coded and registry.convertible(source.datatype, "code"):
        kind = target if target in registry.CODED else "code"
        return registry.coded_converter(
            kind, context.tools, how.table, how.unmapped, element.binding
        )
    if how.table is not None and target == "boolean":
        return _mapped_boolean(how)
    return registry.converter(source.datatype, target, context.tools)


def _mapped_boolean(how: Reading) -> Callable[[str], Any]:
    table = how.table

    def convert(raw: str) -> Any:
        found = table.find("", raw.strip()) if table else None
        return {"true": True, "false": False}.get(found.code.lower()) if found else None

    return convert


def _pairs(context: Context, scalar: Scalar, element: Element, how: Reading) -> list[Any]:
    """Return (source, converter) of each alternative; reports pairs without converter."""
    found, tools = [], context.tools
    for source in sources(context, scalar):
        convert = _converter(context, source, element, how)
        if how.refuses and convert is not None and not context.lenient:
            convert = _refusing(convert, source.label, scalar)
        if convert is None:
            target = element.types[0] if element.types else "group of elements"
            given = " or ".join(source.element.types) if source.element else source.datatype
            message = f"{source.label or 'this'} is {given}, {element.name} a {target}"
            advice = "take a component, or nest the elements"
            context.problems.report("E220", scalar.mark, f"no conversion: {message}", advice)
        elif (
            source.element is not None or context.traced or isinstance(convert, described.Described)
        ):
            found.append((source, convert))
        else:
            known = how.table is None and is_text(element)
            measured = short(convert) if source.computed else convert
            found.append((source, measured if known else sound(convert, source, element, tools)))
    return found


def _is_literal(scalar: Scalar) -> bool:
    return scalar.text.startswith("=")


def single(context: Context, scalar: Scalar, element: Element, how: Reading = PLAIN) -> Op:
    """Compile a scalar to one value."""
    if _is_literal(scalar):
        fixed = literal.value(scalar.text[1:], element, scalar, context.problems)
        context.grammar.slots.needs.free = True
        given: Op = lambda _: fixed  # noqa: E731
        if fixed is not None and judge(element)(fixed):
            context.vouch(given)
        return traced(context, given, _path(context, element), scalar, "literal")
    pairs = _pairs(context, scalar, element, how)
    label = " | ".join(source.label for source, _ in pairs)
    op = first_of([_one(source, convert) for source, convert in pairs])
    if context.traced:
        op = chosen(op, pairs, (_table(how), element.path))
    if _are_sound(context, pairs):
        context.vouch(op)
    return traced(context, op, _path(context, element), scalar, label)


def _refusing(convert: Callable[..., Any], label: str, scalar: Scalar) -> Callable[..., Any]:
    """Let a code that the table lacks end the mapping of its message, with field and rule."""
    where = f"{label}, {scalar.mark.file}:{scalar.mark.line}"

    def strict(*values: Any) -> Any:
        found = convert(*values)
        if found.__class__ is Flawed and found.code == "unmapped-code":
            raise refuse(Category.INVALID, "unmapped-code-refused", _REFUSED, where)
        return found

    return strict


def _table(how: Reading) -> str:
    return how.table.name if how.table else ""


def _are_sound(context: Context, pairs: list[Any]) -> bool:
    """Whether all converters give what `sound` has looked at: those of messages do."""
    return all(
        convert.op in context.sound
        if isinstance(convert, described.Described)
        else source.element is None
        for source, convert in pairs
    )


def every(context: Context, scalar: Scalar, element: Element, how: Reading = PLAIN) -> Every:
    """Compile a scalar to all its values; the first alternative that has any."""
    if _is_literal(scalar):
        op = single(context, scalar, element, how)
        return context.vouch(lambda scope: [v] if (v := op(scope)) is not None else [], op)
    pairs = _pairs(context, scalar, element, how)
    label = " | ".join(source.label for source, _ in pairs)
    op = _first_list([_all(source, convert) for source, convert in pairs])
    if context.traced:
        op = chosen(op, pairs, (_table(how), element.path))
    if _are_sound(context, pairs):
        context.vouch(op)
    return traced(context, op, _path(context, element), scalar, label, [])


def _path(context: Context, element: Element) -> str:
    return f"{context.resource}.{context.top}" if context.depth else element.path


def _one(source: Source, convert: Callable[..., Any]) -> Op:
    if source.element is not None:
        return fhir_convert.op(source, convert)
    if isinstance(convert, described.Described):
        return described.one(source, convert)
    return converted(source, convert)


def _all(source: Source, convert: Callable[..., Any]) -> Every:
    if source.element is not None:
        return fhir_convert.every(source, convert)
    if isinstance(convert, described.Described):
        return described.every(source, convert)
    if source.repeats:
        return converted_all(source, convert)
    op = converted(source, convert)
    return lambda scope: [value] if (value := op(scope)) is not None else []


def first_of(ops: list[Op]) -> Op:
    """Return the first value that any of the operations gives."""
    if not ops:
        return nothing
    if len(ops) == 1:
        return ops[0]

    def op(scope: Scope) -> Any:
        for candidate in ops:
            value = candidate(scope)
            if value is not None:
                return value
        return None

    return op


def first_made(context: Context, compiles: Sequence[Callable[[], Op]]) -> Op:
    """Compile alternatives to the first value that any of them gives."""
    parts = [read_by(context.grammar.slots, compile_) for compile_ in compiles]
    ops = [op for op, _ in parts]
    if context.traced and len(parts) > 1:
        return rivals(context.grammar.slots, parts)
    return context.vouch(first_of(ops), *ops)


def _first_list(lists: list[Every]) -> Every:
    if not lists:
        return no_values
    if len(lists) == 1:
        return lists[0]

    def found(scope: Scope) -> list[Any]:
        for candidate in lists:
            values = candidate(scope)
            if values:
                return values
        return []

    return found


def optional(element: Element) -> Element:
    """Return the element as if it did not repeat."""
    return replace(element, max=1)
