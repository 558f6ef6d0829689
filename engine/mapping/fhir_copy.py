"""Values of a resource carried over as they are, but for what a store of many sites cannot keep.

Walks a value by the definitions of R4. References become ours (`scope.env.links`), names of code
systems their URIs, a time without offset gets the site's. What R4 has not, and what is no value of
its type, is left out with a diagnostic. Diagnostics name elements, never what was found there.
"""

import re
from collections.abc import Callable
from typing import Any

from engine.core.lexeme import Number
from engine.mapping.datatypes import moments
from engine.mapping.datatypes.coded import Systems
from engine.mapping.datatypes.tools import Flawed, Tools
from engine.mapping.datatypes.units import UCUM, Units
from engine.mapping.required import BROKEN, MISSING, needed
from engine.mapping.scope import Scope
from engine.r4 import elements
from engine.r4.elements import Element
from engine.r4.invariants import RULES
from engine.r4.primitives import CHECKS
from engine.r4.problem import Scope as Judging

Move = Callable[[Any, Scope], Any]  # a value, or what is left of it, or None
_LOCAL = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?", re.ASCII)
UNKNOWN = "R4 has no element of this name; it is left out"
_BAD = "not a value of the element's type; it is left out"
_TWO = "several forms of one choice; the first is taken"
_SHAPE = "one value where a list belongs, or a list where one value belongs"
_NO_UNIT = "not a code of UCUM; kept as text"
_OID = "urn:oid:"
_MEASURED = frozenset(["Quantity", "Age", "Count", "Distance", "Duration"])


class Copier:
    """Carries values over for one site."""

    __slots__ = ("_day", "_systems", "_tables", "_units")

    def __init__(self, tools: Tools) -> None:
        self._systems = Systems(tools)
        self._units = Units(tools)
        self._day = moments.date_time(tools)
        self._tables: dict[str, dict[str, Move]] = {}

    def move(self, element: Element) -> Move:
        """Return what carries the whole of an element: all its values if it repeats."""
        one = self.one(element)
        return self._all(element, one) if element.repeats else self._single(element, one)

    def one(self, element: Element) -> Move:
        """Return what carries one value of an element."""
        if element.content_reference:
            return self._object(element.content_reference)
        kind = element.types[0]
        if elements.is_primitive(kind):
            return self._primitive(element, kind)
        if kind == "Reference":
            return self._reference(element)
        if kind == "Resource":
            return self._resource
        return self._object(element.path if kind in {"BackboneElement", "Element"} else kind)

    def _single(self, element: Element, one: Move) -> Move:
        def moved(value: Any, scope: Scope) -> Any:
            if type(value) is not list:
                return one(value, scope)
            scope.env.note("wrong-shape", element.path, _SHAPE)
            return one(value[0], scope) if value else None

        return moved

    def _all(self, element: Element, one: Move) -> Move:
        def moved(value: Any, scope: Scope) -> Any:
            if type(value) is not list:
                scope.env.note("wrong-shape", element.path, _SHAPE)
                value = [value]
            found = [kept for item in value if (kept := one(item, scope)) is not None]
            return found or None

        return moved

    def _primitive(self, element: Element, kind: str) -> Move:
        check, judging, codes = CHECKS[kind], Judging(), element.binding
        timed = kind in {"dateTime", "instant"}

        def moved(value: Any, scope: Scope) -> Any:
            if type(value) is str:
                value = value.strip()
                if timed and len(value) > 10:
                    value = self._zoned(value)
            elif kind == "decimal" and type(value) is float:
                value = Number(repr(value))
            if value is None:
                return None
            if check(value, judging) is not None or (codes is not None and value not in codes):
                scope.env.note("bad-value", element.path, _BAD)
                return None
            return value

        return moved

    def _zoned(self, text: str) -> str:
        """Give a time of day without offset, which R4 does not allow, that of the site's clock."""
        found = _LOCAL.fullmatch(text)
        if found is None:
            return text
        year, month, day, hour, minute, second, fraction = found.groups()
        stamp = f"{year}{month}{day}{hour}{minute}{second or '00'}{fraction or ''}"
        read = self._day(stamp)
        read = read.value if isinstance(read, Flawed) else read
        return read if isinstance(read, str) else text

    def _reference(self, element: Element) -> Move:
        whole = self._object("Reference")

        def moved(value: Any, scope: Scope) -> Any:
            if type(value) is not dict:
                scope.env.note("bad-value", element.path, _BAD)
                return None
            beside = {name: item for name, item in value.items() if name != "reference"}
            kept = whole(beside, scope) if beside else None
            return scope.env.links.rewritten(value.get("reference"), kept or {}, element, scope)

        return moved

    def _resource(self, value: Any, scope: Scope) -> Any:
        kind = value.get("resourceType") if type(value) is dict else None
        if type(kind) is not str or kind not in elements.resource_types():
            scope.env.note("bad-value", "contained", _BAD)
            return None
        return self._object(kind)(value, scope)

    def _object(self, path: str) -> Move:
        required = [names | {f"_{name}" for name in names} for names in needed(path).values()]
        rules, choices = tuple(RULES.get(path, {}).values()), _choices(path)
        coding, measured = path == "Coding", path in _MEASURED

        def moved(value: Any, scope: Scope) -> Any:
            if type(value) is not dict:
                scope.env.note("bad-value", path, _BAD)
                return None
            found = self._members(path, value, scope)
            if measured and found.get("system") == UCUM and "code" in found:
                self._measured(found, path, scope)
            if any(names.isdisjoint(found) for names in required):
                scope.env.note("missing-required", path, MISSING)
                return None
            if choices:
                _chosen(found, choices, path, scope)
            if found and not all(rule(found) for rule in rules):
                scope.env.note("broken-rule", path, BROKEN)
                return None
            return self._coded(found) if coding else found or None

        return moved

    def _members(self, path: str, value: dict[str, Any], scope: Scope) -> dict[str, Any]:
        table = self._tables.get(path)
        if table is None:
            table = self._tables[path] = self._table(path)
        found: dict[str, Any] = {}
        for name, item in value.items():
            move = table.get(name)
            if move is None:
                scope.env.note_unknown(path, name, UNKNOWN)
                continue
            kept = move(item, scope)
            if kept is not None:
                found[name] = kept
        for name in [name for name in found if name[0] == "_"]:
            _align(found, value, name)
        return found

    def _table(self, path: str) -> dict[str, Move]:
        table: dict[str, Move] = {}
        if path in elements.resource_types():
            table["resourceType"] = lambda value, _: value
        for name, element in elements.children(path).items():
            table[name] = self.move(element)
            if element.types and elements.is_primitive(element.types[0]):
                table[f"_{name}"] = self.beside(element)
        return table

    def beside(self, element: Element) -> Move:
        """Carry the extensions that stand beside a primitive value; its id serves nobody here."""
        carry = self._object("Element")

        def one(value: Any, scope: Scope) -> Any:
            found = carry(value, scope)
            return {"extension": found["extension"]} if found and "extension" in found else None

        if not element.repeats:
            return self._single(element, one)

        def moved(value: Any, scope: Scope) -> Any:
            if type(value) is not list:
                return None
            found = [None if item is None else one(item, scope) for item in value]
            return found if any(item is not None for item in found) else None

        return moved

    def _measured(self, found: dict[str, Any], path: str, scope: Scope) -> None:
        """Keep a unit's code only if it is one; what was sent stays as the text of the unit."""
        sent = found["code"]
        code = self._units.code(sent, UCUM)
        if code != sent:
            found.setdefault("unit", sent)
        if code:
            found["code"] = code
            return
        del found["system"], found["code"]
        scope.env.note("unmapped-code", f"{path}.code", _NO_UNIT)

    def _coded(self, found: dict[str, Any]) -> dict[str, Any] | None:
        system = found.get("system")
        if system is not None:
            bare = system.removeprefix(_OID)
            found["system"] = self._systems.uri(bare if self._systems.knows(bare) else system)
        return found or None


def _choices(path: str) -> tuple[frozenset[str], ...]:
    """Return the forms of each choice, those of primitives with what stands beside them."""
    groups: dict[str, set[str]] = {}
    for name, element in elements.children(path).items():
        if element.group:
            groups.setdefault(element.group, set()).update((name, f"_{name}"))
    return tuple(frozenset(forms) for forms in groups.values())


def _chosen(
    found: dict[str, Any], choices: tuple[frozenset[str], ...], path: str, scope: Scope
) -> None:
    """Leave one form of each choice."""
    for forms in choices:
        given = [name for name in found if name in forms]
        for name in given[1:]:
            if name.removeprefix("_") != given[0].removeprefix("_"):
                scope.env.note("wrong-shape", path, _TWO)
                del found[name]


def _align(found: dict[str, Any], sent: dict[str, Any], name: str) -> None:
    """Drop what stands beside values that were not all kept: it would stand beside others."""
    plain = name[1:]
    if type(found[name]) is not list:
        return
    before = sent.get(plain)
    after = found.get(plain)
    if before is None:
        return
    if after is None or len(after) != len(before):
        del found[name]
