"""What is read from a resource as another element: the same type carried over, or a plain pair.

The counterpart of `datatypes.registry` for resources as source. R4's types meet R4's types, so most
values are carried; the rest are texts read as the type of their place, and codes with and without
the concept around them.
"""

from collections.abc import Callable
from typing import Any

from engine.core.lexeme import number
from engine.mapping.context import Context, Every, Op, unwrap
from engine.mapping.datatypes.coded import Coded, as_coding
from engine.mapping.datatypes.tools import Flawed
from engine.mapping.fhir_copy import Copier
from engine.mapping.scope import Scope
from engine.mapping.source import Source
from engine.mapping.tables import Table
from engine.r4 import elements
from engine.r4.elements import Element

Convert = Callable[[Any, Scope], Any]
Reads = tuple[Table | None, str]  # `map:` and `unmapped:` of a rule
_CODED = frozenset({"code", "Coding", "CodeableConcept"})
_WORDS = frozenset({"string", "markdown", "code", "uri", "id"})
_UNMAPPED = Flawed("unmapped-code", "no row of the code table has this code")
_FOREIGN = Flawed("unmapped-code", "not in the value set that the element requires")
_NUMBERS = {"decimal", "integer", "positiveInt", "unsignedInt"}


def converter(context: Context, source: Element, target: Element, reads: Reads) -> Convert | None:
    """Return the converter of a pair of elements, None when there is none."""
    if not target.types:
        return _carried(context, target) if source.path == target.path else None
    kind = target.types[0]
    if len(source.types) > 1:  # a choice, whichever form it has
        simple = all(elements.is_primitive(name) for name in (*source.types, kind))
        return _text(context, target) if simple else None
    return _converter(context, source, target, reads)


def _converter(context: Context, source: Element, target: Element, reads: Reads) -> Convert | None:
    kind = target.types[0]
    if kind in _CODED and source.types[0] in _CODED | _WORDS:
        return _recoded(context, source.types[0], target, reads)
    if reads[0] is not None and kind in {"boolean", "string", "uri"}:
        return _looked_up(reads, kind)
    if not elements.is_primitive(kind):
        return _whole(context, source, target)
    if elements.is_primitive(source.types[0]):
        return _text(context, target)
    inner = _LEADING.get((source.types[0], kind))
    return _leading(context, inner, target) if inner else None


def _whole(context: Context, source: Element, target: Element) -> Convert | None:
    backbone = target.types[0] in {"BackboneElement", "Element"}
    if source.types == target.types and (not backbone or source.path == target.path):
        return _carried(context, target)
    make = _MADE.get(target.types[0])
    if make is None or not elements.is_primitive(source.types[0]):
        return None
    name, inner = make
    read = _text(context, elements.type_children(target.types[0])[inner])
    return lambda value, scope: {name: v} if (v := read(value, scope)) is not None else None


def _carried(context: Context, target: Element) -> Convert:
    return Copier(context.tools).one(target)


_MADE = {"Annotation": ("text", "text"), "Period": ("start", "start"), "Quantity": ("value",) * 2}
_LEADING = {
    ("Identifier", "string"): "value",
    ("Quantity", "decimal"): "value",
    ("Period", "dateTime"): "start",
    ("Period", "date"): "start",
    ("Reference", "string"): "display",
    ("Annotation", "string"): "text",
    ("Annotation", "markdown"): "text",
    ("HumanName", "string"): "text",
    ("Address", "string"): "text",
    ("ContactPoint", "string"): "value",
    ("Coding", "string"): "display",
    ("CodeableConcept", "string"): "text",
}


def _leading(context: Context, name: str, target: Element) -> Convert:
    read = _text(context, target)

    def convert(value: Any, scope: Scope) -> Any:
        found = value.get(name) if isinstance(value, dict) else None
        return read(str(found), scope) if found is not None else None

    return convert


def _text(context: Context, target: Element) -> Convert:
    """Read text as a value of a primitive type."""
    kind = target.types[0]
    carry = Copier(context.tools).one(target)
    if kind == "boolean":
        return lambda text, scope: carry({"true": True, "false": False}.get(text, text), scope)
    if kind in _NUMBERS:
        return lambda text, scope: carry(_numeric(text, kind), scope)
    if kind == "date":
        return lambda text, scope: carry(text[:10], scope)
    return carry


def _numeric(text: str, kind: str) -> Any:
    found = number(text)
    if found is None or kind == "decimal":
        return found if found is not None else text
    return int(found) if found.lstrip("-").isdigit() and len(found) < 12 else found


def _looked_up(reads: Reads, kind: str) -> Convert:
    table, unmapped = reads

    def convert(value: Any, _: Scope) -> Any:
        text = value if isinstance(value, str) else ""
        found = table.find("", text) if table else None
        if found is None:
            return value if kind != "boolean" and unmapped != "drop" else _UNMAPPED
        return found.code if kind != "boolean" else {"true": True, "false": False}.get(found.code)

    return convert


def _recoded(context: Context, source: str, target: Element, reads: Reads) -> Convert:
    """Carry codes over, with or without the concept around them, translated by a table if any."""
    coded = Coded(context.tools, *reads)
    copier = Copier(context.tools)
    carry = copier.one(elements.children("Condition")["code"])  # a concept of any value set
    dropping = coded.unmapped == "drop" or (target.types[0] == "code" and coded.unmapped != "keep")

    def convert(value: Any, scope: Scope) -> Any:
        found = carry(_as_concept(value, source), scope)
        if not found:
            return None
        codings = list(found.get("coding", ()))
        known = [coding for coding in codings if coding.get("code")]
        hit = coded.target(known, found.get("text", "")) if coded.table else None
        missed = coded.table is not None and hit is None
        hit = coded.fixed() if missed else hit
        if missed and hit is None and dropping:
            return _UNMAPPED
        added = as_coding(hit) if hit is not None else None
        given = _shaped(target, found, codings, added)
        return Flawed(_UNMAPPED.code, _UNMAPPED.message, given) if missed else given

    return convert


def _as_concept(value: Any, source: str) -> Any:
    if source == "CodeableConcept":
        return value
    if source == "Coding":
        return {"coding": [value]}
    return {"coding": [{"code": value}]} if source == "code" else {"text": value}


def _shaped(
    target: Element, found: dict[str, Any], codings: list[Any], added: dict[str, Any] | None
) -> Any:
    kind = target.types[0]
    if kind == "CodeableConcept":
        if added is not None and added not in codings:
            codings.append(added)
        return {**found, "coding": codings} if codings else found
    if kind == "Coding":
        return added or next(iter(codings), None)
    code = added["code"] if added else next((c["code"] for c in codings if "code" in c), None)
    code = code or (found.get("text") if added is None else None)
    if code is None or target.binding is None or code in target.binding:
        return code
    return _FOREIGN


def op(source: Source, convert: Convert) -> Op:
    """Read one value and convert it."""
    one, where = source.one, source.label

    def read(scope: Scope) -> Any:
        raw = one(scope)
        return unwrap(scope, convert(raw, scope), where) if raw else None

    return read


def every(source: Source, convert: Convert) -> Every:
    """Read all values and convert them."""
    many, where = source.many, source.label

    def read(scope: Scope) -> list[Any]:
        found = (unwrap(scope, convert(raw, scope), where) for raw in many(scope))
        return [value for value in found if value is not None]

    return read
