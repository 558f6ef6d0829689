"""Compiles the elements of a type into one check over a JSON object.

Knows JSON's form of FHIR (json.html): arrays for what repeats, `_name` beside a primitive for its
id and extensions, `null` as padding, nothing empty. Knows no element by name: the tables say them.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from engine.r4.elements import Element, is_primitive
from engine.r4.invariants import Rule
from engine.r4.problem import NOTHING, Check, Found, Problem, Scope, at

Json = dict[str, Any]
Judge = Callable[[Json], Found]

_SETTLED = 256  # combinations of names remembered for a type
_LONGEST = 65  # characters of a name of an element, with its `_`; what is longer is none
MAX_DEPTH = 64  # of types nested in themselves: extensions, sections, items, contained

NOT_OBJECT = [Problem("wrong-type", "the value is not an object")]
_NOT_ARRAY = [Problem("wrong-type", "the element repeats: the value is not an array")]
_EMPTY = [Problem("empty-value", "an object or array must not be empty")]
ID_ONLY = [Problem("empty-value", "an element has a value or children besides its id (ele-1)")]
_UNKNOWN = [Problem("unknown-element", "the type has no element of this name")]
TOO_DEEP = [Problem("too-deep", f"elements are nested more than {MAX_DEPTH} times")]


_name = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}").fullmatch


class Children(dict[str, Check]):
    """The checks of an object's elements by JSON name; any other name is refused."""

    def __missing__(self, _: str) -> Check:
        return _unknown


def _unknown(_: Any, __: Scope) -> Found:
    return _UNKNOWN


def below(path: str, name: str) -> str:
    """Return the path of a member; one that looks like no element name is not repeated.

    It may be anything, a patient's data included.
    """
    return f"{path}.{name}" if _name(name) else f"{path}.?"


def is_simple(element: Element) -> bool:
    """Whether JSON writes the element's value as one string, number or boolean."""
    return bool(element.types) and is_primitive(element.types[0])


def deeper(check: Check) -> Check:
    """Count a step into a type that can hold itself, and end at `MAX_DEPTH`."""

    def counted(value: Any, scope: Scope) -> Found:
        if scope.depth >= MAX_DEPTH:
            return TOO_DEEP
        scope.depth += 1
        found = check(value, scope)
        scope.depth -= 1
        return found

    return counted


def array(check: Check, *, padded: bool) -> Check:
    """Check each member of an array. `padded`: members may be null, which the object judges."""

    def members(value: Any, scope: Scope) -> Found:
        if type(value) is not list:
            return _NOT_ARRAY
        if not value:
            return _EMPTY
        found: list[Problem] = []
        for index, member in enumerate(value):
            if padded and member is None:
                continue
            wrong = check(member, scope)
            if wrong:
                found += at(f"[{index}]", wrong)
        return found or None

    return members


def _required(elements: Iterable[Element]) -> list[Judge]:
    """For the required elements: one of the JSON names that satisfy each has to be there."""
    forms: dict[str, set[str]] = {}
    for element in elements:
        if element.min:
            names = forms.setdefault(element.group or element.name, set())
            names |= {element.name, f"_{element.name}"}
    needs = [
        (names, Problem("missing-element", f"{name} is required", f".{name}"))
        for name, names in forms.items()
    ]
    plain = forms.keys()

    def judge(value: Json) -> Found:
        if plain <= value.keys():
            return None
        return [problem for names, problem in needs if names.isdisjoint(value)]

    return [judge] if needs else []


def _choices(elements: Iterable[Element]) -> list[Judge]:
    """Of each choice at most one form; a primitive form and its extensions are one."""
    groups: dict[str, dict[str, str]] = {}
    for element in elements:
        if element.group:
            forms = groups.setdefault(element.group, {})
            forms |= {element.name: element.name, f"_{element.name}": element.name}
    either = [
        (forms, Problem("two-choices", f"only one form of {name} may be given", f".{name}"))
        for name, forms in groups.items()
    ]
    return [_choice(forms, problem) for forms, problem in either]


def _choice(forms: dict[str, str], problem: Problem) -> Judge:
    names = forms.keys()

    def judge(value: Json) -> Found:
        given = names & value.keys()
        if len(given) < 2 or len({forms[name] for name in given}) < 2:
            return None
        return [problem]

    return judge


def _pairs(name: str, value: Json) -> list[Problem]:
    """Judge nulls in an array of primitives against the array of extensions beside."""
    arrays = [a for a in (value.get(name), value.get(f"_{name}")) if type(a) is list]
    if len({len(a) for a in arrays}) > 1:
        return [Problem("bad-padding", "values and extensions differ in number", f".{name}")]
    return [
        Problem("null-value", "null stands only beside an extension", f".{name}[{index}]")
        for index, members in enumerate(zip(*arrays, strict=True))
        if not any(member is not None for member in members)
    ]


def _lone_ids(names: list[str]) -> list[Judge]:
    """ele-1 for primitives: an id alone, in `_name`, stands only beside a value."""

    def judge(value: Json) -> Found:
        beside = [name for name in names if f"_{name}" in value]
        return [problem for name in beside for problem in _lone(name, value)]

    return [judge] if names else []


def _lone(name: str, value: Json) -> list[Problem]:
    beside, held = value[f"_{name}"], value.get(name)
    if type(beside) is not list:
        return [Problem(*ID_ONLY[0][:2], f"._{name}")] if is_id(beside) and held is None else []
    values = held if type(held) is list else []
    return [
        Problem(*ID_ONLY[0][:2], f"._{name}[{index}]")
        for index, one in enumerate(beside)
        if is_id(one) and (index >= len(values) or values[index] is None)
    ]


def is_id(value: Any) -> bool:
    """Whether an object has nothing but an id, as `_birthDate` may beside a date."""
    return type(value) is dict and value.keys() == {"id"}


def _forms(names: list[str]) -> frozenset[str]:
    """Return the names with those of their ids and extensions beside."""
    return frozenset(form for name in names for form in (name, f"_{name}"))


def _padding(names: list[str]) -> list[Judge]:
    besides = _forms(names).difference(names)

    def judge(value: Json) -> Found:
        if besides.isdisjoint(value):
            suspect = [n for n in names if type(value.get(n)) is list and None in value[n]]
        else:
            suspect = names
        return [problem for name in suspect for problem in _pairs(name, value)]

    return [judge] if names else []


def _content(value: Json) -> list[Problem]:
    """ele-1: an element has a value or children besides its id. For objects of less than two."""
    if not value:
        return _EMPTY
    return ID_ONLY if "id" in value else []


def _rule(key: str, rule: Rule) -> Judge:
    broken = [Problem("invariant", f"the rule {key} of the standard does not hold")]
    return lambda value: None if rule(value) else broken


def structure(
    checks: Children,
    elements: dict[str, Element],
    rules: dict[str, Rule],
    *,
    resource: bool = False,
) -> Check:
    """Compile the check of one object.

    `checks` may still be filled after the call: types refer to each other in circles. Rules are
    judged only when everything below is well-formed, since they rely on it.
    """
    known = elements.values()
    judges = [*_required(known), *_choices(known)]
    arrays = [e.name for e in known if e.repeats and is_simple(e)]
    simple = [e.name for e in known if is_simple(e)]
    judges += [*_padding(arrays), *_lone_ids(simple)]
    least = 0 if resource else 2  # below it the object may have nothing to say
    verdicts = [_rule(key, rule) for key, rule in rules.items()]
    judged = _judging(judges, _forms(arrays) | _forms(simple).difference(simple))

    def check(value: Any, scope: Scope) -> Found:
        if type(value) is not dict:
            return NOT_OBJECT
        found: list[Problem] = []
        members = _doubtful(value, scope) if scope.proven else value.items()
        for name, member in members:
            wrong = checks[name](member, scope)
            if wrong:
                found += at(below("", name), wrong)
        found += judged(value)
        if len(value) < least:
            found += _content(value)
        if verdicts and not found:
            return _first(verdicts, value)
        return found or None

    return check


def _judging(judges: list[Judge], paired: frozenset[str]) -> Callable[[Json], list[Problem]]:
    """Ask all judges, once for objects with the same names: they look at nothing else.

    But for `paired` arrays of primitives and what stands beside primitives: they look into it.
    """
    settled: set[tuple[str, ...]] = set()

    def judged(value: Json) -> list[Problem]:
        names = tuple(value)
        if names in settled:
            return []
        found = [problem for judge in judges for problem in judge(value) or ()]
        known = all(len(name) <= _LONGEST for name in names)
        if not found and known and paired.isdisjoint(names) and len(settled) < _SETTLED:
            settled.add(names)
        return found

    return judged


def _doubtful(value: Json, scope: Scope) -> Iterable[tuple[str, Any]]:
    """The members to look at: what is proven is so of the outermost object only."""
    proven, scope.proven = scope.proven, NOTHING
    return [item for item in value.items() if item[0] not in proven]


def _first(judges: list[Judge], value: Json) -> Found:
    for judge in judges:
        wrong = judge(value)
        if wrong:
            return wrong
    return None
