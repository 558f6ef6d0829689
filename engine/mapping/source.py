"""A path of the expression language as a reader of raw field text with a known HL7 type.

What a reader returns is raw, in standard delimiters, never `""`: a null reads as empty and is noted
on the scope, where the element being made can see it. Paths into resources (`fhir_path`) read text
or JSON objects instead, and have the element of R4 as their type.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from engine.core.lexeme import encode
from engine.mapping.scope import WIDTH, Scope
from engine.mapping.syntax import Path
from engine.mapping.text import COMPONENT, NULL, REPETITION, lead, lowered, plain
from engine.r4.elements import Element

Place = tuple[int, int]  # slot and number of a field
ELEMENT = "element"  # the datatype of what is read from a resource
One = Callable[[Scope], str]
Many = Callable[[Scope], list[str]]
Test = Callable[[Scope], bool]

_WHOLE = frozenset(
    {"ST", "TX", "FT", "*", "GTS"}
)  # a separator in them is text that was not escaped


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from. `one` reads the first valued repetition, `many` all of them."""

    datatype: str
    repeats: bool
    one: One
    many: Many
    label: str  # PID-3.1, for people
    element: Element | None = None  # of what is read from a resource: text, or an object as JSON
    computed: bool = False  # put together from several values, or changed
    place: Place | None = None  # of a whole field that every row has


def _raw(scope: Scope, slot: int, number: int) -> str:
    row = scope.rows[slot]
    raw = row[number] if number < len(row) else ""
    if raw == NULL:
        scope.nulled = True
        return ""
    return raw


def _repetitions(slot: int, number: int) -> Many:
    def read(scope: Scope) -> list[str]:
        raw = _raw(scope, slot, number)
        if REPETITION not in raw:
            return [raw] if raw else []
        return [item for item in raw.split(REPETITION) if item and item != NULL]

    return read


def _whole_field(slot: int, number: int) -> One:
    def read(scope: Scope) -> str:
        row = scope.rows[slot]
        if number >= len(row):
            return ""
        raw = row[number]
        if not raw or raw == NULL:
            scope.nulled = scope.nulled or bool(raw)
            return ""
        if REPETITION in raw:
            return next((i for i in raw.split(REPETITION) if i and i != NULL), "")
        return raw

    return read


def _numbered(slot: int, number: int, nth: int) -> Many:
    def read(scope: Scope) -> list[str]:
        items = _raw(scope, slot, number).split(REPETITION)
        if nth > len(items) or not items[nth - 1] or items[nth - 1] == NULL:
            return []
        return [items[nth - 1]]

    return read


def _filtered(read: Many, test: Test) -> Many:
    def kept(scope: Scope) -> list[str]:
        before = scope.rep
        found = []
        for item in read(scope):
            scope.rep = item
            if test(scope):
                found.append(item)
        scope.rep = before
        return found

    return kept


def _first(read: Many) -> One:
    def one(scope: Scope) -> str:
        items = read(scope)
        return items[0] if items else ""

    return one


def take(component: int, sub: int) -> Callable[[str], str]:
    """Return a reader of a component of a repetition, its sub-components as components."""

    def component_of(raw: str) -> str:
        if COMPONENT in raw:
            items = raw.split(COMPONENT, component)
            return lowered(items[component - 1]) if component <= len(items) else ""
        return lowered(raw) if component == 1 else ""

    def sub_of(raw: str) -> str:
        items = component_of(raw).split(COMPONENT, sub)
        return items[sub - 1] if sub <= len(items) else ""

    return sub_of if sub else component_of


def _part_of_one(read: One, pick: Callable[[str], str]) -> One:
    def one(scope: Scope) -> str:
        raw = read(scope)
        if not raw:
            return ""
        found = pick(raw)
        if found == NULL:
            scope.nulled = True
            return ""
        return found

    return one


def _part_of_many(read: Many, pick: Callable[[str], str]) -> Many:
    def many(scope: Scope) -> list[str]:
        found = [pick(item) for item in read(scope)]
        return [item for item in found if item and item != NULL]

    return many


def path_source(path: Path, slot: int, datatype: str, repeats: bool, test: Test | None) -> Source:
    """Compile a path; `datatype` is that of what is read in the end, `test` its `[condition]`."""
    plain_field = test is None and not isinstance(path.select, int)
    if isinstance(path.select, int):
        many = _numbered(slot, path.number, path.select)
    elif test is not None:
        many = _filtered(_repetitions(slot, path.number), test)
    else:
        many = _repetitions(slot, path.number)
    one = _whole_field(slot, path.number) if plain_field else _first(many)
    if path.component:
        pick = take(path.component, path.sub)
        one, many = _part_of_one(one, pick), _part_of_many(many, pick)
    place = (slot, path.number) if plain_field and not path.component else None
    return Source(
        datatype,
        repeats and not isinstance(path.select, int),
        one,
        many,
        str(path),
        place=place if path.number < WIDTH else None,
    )


def quick(place: Place, read: One) -> One:
    """Read a field as text: what is but letters and digits is its own text, and most fields are."""
    slot, number = place

    def text(scope: Scope) -> str:
        raw = scope.rows[slot][number]
        return raw if not raw or raw.isalnum() else read(scope)

    return text


def logged(source: Source, slot: int, number: int, name: str) -> Source:
    """Return the source of a field that logs each reading of it."""

    def log(scope: Scope) -> None:
        watch = scope.env.watch
        if watch is not None:
            watch.field(scope.env.rows, scope.rows[slot], number, name)

    def one(scope: Scope) -> str:
        log(scope)
        return source.one(scope)

    def many(scope: Scope) -> list[str]:
        log(scope)
        return source.many(scope)

    return replace(source, one=one, many=many, place=None)


def current_source(component: int, sub: int, datatype: str, label: str) -> Source:
    """Compile `$`, `$4` or `$4.2`."""

    def read(scope: Scope) -> str:
        raw: str = scope.rep
        return raw

    one: One = _part_of_one(read, take(component, sub)) if component else read
    return Source(datatype, False, one, lambda scope: [v] if (v := one(scope)) else [], label)


def text_of(datatype: str) -> Callable[[str], str]:
    """Return how a raw value of a type reads as text."""
    if datatype == ELEMENT:
        return written
    return plain if datatype in _WHOLE else lead


def written(value: Any) -> str:
    """Write what was read from a resource: text as it is, an object as JSON."""
    if isinstance(value, str):
        return value
    text: str = encode(value).decode()
    return text
