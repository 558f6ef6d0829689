"""Turns the tables of R4 into checks: one per datatype, backbone and resource, made once.

Types refer to each other in circles (Reference, Identifier, Reference). Making them is a walk over
the types; a step back into a type whose making is not finished closes a circle, and exactly those
steps count depth.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from engine.r4 import contained, elements
from engine.r4.elements import Element
from engine.r4.invariants import RULES
from engine.r4.objects import (
    ID_ONLY,
    MAX_DEPTH,
    NOT_OBJECT,
    TOO_DEEP,
    Children,
    array,
    deeper,
    is_id,
    is_simple,
    structure,
)
from engine.r4.primitives import CHECKS, bound
from engine.r4.problem import Check, Found, Problem, Scope
from engine.r4.references import reference

_BACKBONES = frozenset({"BackboneElement", "Element"})
_UNKNOWN_TYPE = [Problem("unknown-type", "resourceType names no resource of R4", ".resourceType")]
_NESTED = [Problem("invariant", "a contained resource contains nothing itself (dom-2)")]
_UNBOUND = [Problem("bad-code", "no coding is from the required value set")]

Members = frozenset[tuple[str, str]]


def _bound_concept(check: Check, members: Members) -> Check:
    """A CodeableConcept of a required value set: one of its codings has to be from there."""

    def checked(value: Any, scope: Scope) -> Found:
        found = check(value, scope)
        if found or "extension" in value:  # an extension may say why there is no code
            return found
        codings = value.get("coding", ())
        held = any((coding.get("system"), coding.get("code")) in members for coding in codings)
        return None if held else _UNBOUND

    return checked


def _beside(check: Check) -> Check:
    """What stands beside a primitive may be an id alone; the object judges if there is a value."""

    def checked(value: Any, scope: Scope) -> Found:
        found = check(value, scope)
        if found and is_id(value):
            scope.local = True
            return [problem for problem in found if problem not in ID_ONLY] or None
        return found

    return checked


def _named(_: Any, __: Scope) -> Found:
    """`resourceType`: whoever chose the check has read it."""
    return None


class _Maker:
    """Makes checks and keeps them by type name or backbone path."""

    def __init__(self, made: dict[str, Check]) -> None:
        self.made = made
        self.tables: dict[str, Children] = {}
        self._open: set[str] = set()

    def of(self, path: str) -> Check:
        """The check of an object of this type or backbone."""
        if path in self.made:
            return deeper(self.made[path]) if path in self._open else self.made[path]
        below = elements.children(path)
        resource = path in elements.resource_types()
        table = Children(resourceType=_named) if resource else Children()
        own = structure(table, below, RULES.get(path, {}), resource=resource)
        self.made[path] = own
        self.tables[path] = table
        self._open.add(path)
        for element in below.values():
            self._enter(table, element)
        self._open.discard(path)
        return own

    def _enter(self, table: Children, element: Element) -> None:
        primitive = is_simple(element)
        check = self.one(element)
        if element.repeats:
            check = array(check, padded=primitive)
        table[element.name] = check
        if primitive:
            beside = _beside(self.of("Element"))
            if element.repeats:
                beside = array(beside, padded=True)
            table[f"_{element.name}"] = beside

    def one(self, element: Element) -> Check:
        """The check of one value of the element, before repetition."""
        if element.content_reference:
            return self.of(element.content_reference)
        name = element.types[0]
        if elements.is_primitive(name):
            return CHECKS[name] if element.binding is None else bound(element.binding)
        if name == "Resource":
            return _contained if element.name == "contained" else _entry
        if name in _BACKBONES:
            return self.of(element.path)
        if name == "Reference":
            return reference(self.of(name), element.targets, elements.resource_types())
        check = self.of(element.profile or name)
        members = elements.members(element.value_set) if element.binding else None
        # R4 requires codes of `code` and CodeableConcept only
        return _bound_concept(check, members) if members and name == "CodeableConcept" else check


@cache
def _data_types() -> dict[str, Check]:
    maker = _Maker({})
    for name in sorted(elements.data_types()):
        maker.of(name)
    return maker.made


@cache
def _made(type_name: str) -> tuple[Check, Children]:
    maker = _Maker(dict(_data_types()))
    return maker.of(type_name), maker.tables[type_name]


def _bodies(type_name: str) -> Check:
    """The check of a resource without what binds it to others; its type is known to be right."""
    return _made(type_name)[0]


def proves(type_name: str, name: str, value: Any) -> bool:
    """Whether a value of an element is valid wherever a resource of this type holds it.

    What refers to a contained resource is not, nor an id beside a primitive: that depends on the
    resource around it.
    """
    scope = Scope()
    return _made(type_name)[1][name](value, scope) is None and not scope.local


def fits(type_name: str, name: str, value: Any) -> bool:
    """Whether a value of an element is valid as far as the resource around it does not matter."""
    return _made(type_name)[1][name](value, Scope()) is None


@cache
def judge(element: Element) -> Callable[[Any], bool]:
    """Return what says whether one value of an element is valid wherever the element stands."""
    check = _Maker(dict(_data_types())).one(element)

    def valid(value: Any) -> bool:
        scope = Scope()
        return check(value, scope) is None and not scope.local

    return valid


def _type_of(value: dict[str, Any]) -> str:
    """The resource type an object names, empty when it names none of R4."""
    name = value.get("resourceType")
    return name if type(name) is str and name in elements.resource_types() else ""


def _contained(value: Any, scope: Scope) -> Found:
    if type(value) is not dict:
        return NOT_OBJECT
    name = _type_of(value)
    if not name:
        return _UNKNOWN_TYPE
    if "contained" in value:  # dom-2; looking further would only follow a bomb
        return _NESTED
    return _bodies(name)(value, scope)


def _entry(value: Any, scope: Scope) -> Found:
    """A resource in a Bundle entry or a parameter stands for itself: references end at its edge."""
    if type(value) is not dict:
        return NOT_OBJECT
    name = _type_of(value)
    if not name:
        return _UNKNOWN_TYPE
    if scope.depth >= MAX_DEPTH:
        return TOO_DEEP
    return check_whole(name)(value, Scope(depth=scope.depth + 1, conditional=True))


@cache
def check_whole(type_name: str) -> Check:
    """The check of a resource of this type with everything in it. KeyError for no such type."""
    if type_name not in elements.resource_types():
        raise KeyError(type_name)
    body = _bodies(type_name)

    def check(value: Any, scope: Scope) -> Found:
        found = body(value, scope)
        if found is None and (scope.local or "contained" in value):
            return contained.problems(value) or None
        return found

    return check
