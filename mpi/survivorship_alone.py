"""The golden record of a person with one record: nothing competes, so nothing is chosen.

Most people have one. It is what `mpi.survivorship.golden` makes of that record, on a shorter way; a
property test holds the two against each other. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mpi.survivorship import CHOICES, frame, golden, is_shared
from mpi.survivorship_choice import Member
from mpi.survivorship_lists import KEYS, is_ssn, named, ssn_completeness, used
from mpi.survivorship_rules import Rules

_Items = Sequence[dict[str, Any]]


class _SeveralError(Exception):
    """The record competes with itself: it has two of what a person has one."""


def lone(eid: str, member: Member, rules: Rules) -> dict[str, Any]:
    """Return the body of the golden record of person `eid`, whose only record this is."""
    if not member.merged:
        try:
            return dict(_elements(eid, member, rules))
        except _SeveralError:
            pass
    return golden(eid, [member], rules).body


def _elements(eid: str, member: Member, rules: Rules) -> Iterator[tuple[str, Any]]:
    """Yield the elements in the order of FHIR, none of them empty."""
    body = member.body
    yield from frame(eid, [member]).items()
    for element, items in (
        ("extension", _extensions(body.get("extension") or ())),
        ("identifier", _identifiers(body.get("identifier") or ())),
    ):
        if items:
            yield element, items
    yield "active", bool(body.get("active", True))
    if name := _names(body.get("name") or ()):
        yield "name", name
    yield from _list(body, "telecom", rules)
    yield from _one(body, "gender")
    yield from _one(body, "birthDate")
    yield from _one(body, "deceased")
    yield from _list(body, "address", rules)
    yield from _one(body, "maritalStatus")
    yield from _one(body, "multipleBirth")
    for element in ("contact", "communication", "generalPractitioner"):
        yield from _list(body, element, rules)
    yield "link", [{"other": {"reference": f"Patient/{member.record}"}, "type": "seealso"}]


def _extensions(items: _Items) -> list[dict[str, Any]]:
    by_url = {item["url"]: item for item in items if is_shared(item)}
    if len(by_url) < sum(map(is_shared, items)):
        raise _SeveralError
    return [by_url[url] for url in sorted(by_url)]


def _identifiers(items: _Items) -> list[dict[str, Any]]:
    """Each once, the social security number in front."""
    numbers: list[dict[str, Any]] = []
    others: dict[object, dict[str, Any]] = {}
    for item in items:
        value = (item.get("value") or "").strip()
        if not value:
            continue
        if not is_ssn(item):
            others.setdefault((item.get("system"), value), item)
        elif ssn_completeness(item):
            numbers.append(item)
    if len(numbers) > 1:
        raise _SeveralError
    return [*numbers, *others.values()]


def _names(items: _Items) -> list[dict[str, Any]]:
    names = [item for item in items if item and named(item)]
    if len(names) > 1:
        raise _SeveralError
    return [used(name, "official") for name in names]


def _list(
    body: Mapping[str, Any], element: str, rules: Rules
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    items = [item for item in body.get(element) or () if item]
    if items and rules.elements[element] == ("union",):
        key = KEYS[element]
        seen: dict[object, dict[str, Any]] = {}
        for item in items:
            if (same := key(item)) is not None:
                seen.setdefault(same, item)
        items = list(seen.values())[: rules.limits.get(element)]
    if items:
        yield element, items


def _one(body: Mapping[str, Any], element: str) -> Iterator[tuple[str, Any]]:
    said = [name for name in CHOICES[element] if body.get(name) is not None]
    if len(said) > 1:
        raise _SeveralError
    for name in said:
        yield name, body[name]
        if name == "birthDate" and body.get("_birthDate"):
            yield "_birthDate", body["_birthDate"]
