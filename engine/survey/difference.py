"""What two mappings make of one delivery, element by element.

A resource whose key is made otherwise is the same resource under another id: the references to it
are no difference of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.values import Contribution, Mapped

NEW, GONE, CHANGED = "new", "gone", "changed"
_ENGINES = frozenset({"resourceType", "id"})
Renamed = Mapping[str, str]  # reference under the old mapping -> under the new one


@dataclass(frozen=True, slots=True)
class Difference:
    """An element, or a whole resource, that two mappings make otherwise."""

    kind: str
    element: str  # Patient.gender, or Patient of a whole resource
    before: Any = None
    after: Any = None
    old: str = ""  # Type/id under the old mapping
    new: str = ""


def differences(old: Mapped, new: Mapped) -> list[Difference]:
    """Return what differs; nothing when the store would come to hold the same."""
    found = list(_statements(old, new))
    if old.contributions == new.contributions:
        return found
    pairs, gone, come = _paired(old.contributions, new.contributions)
    renamed = {_name(a): _name(b) for a, b in pairs if a.id != b.id}
    for before, after in pairs:
        found += _elements(before, after, renamed)
    found += [Difference(GONE, one.type, old=_name(one)) for one in gone]
    found += [Difference(NEW, one.type, new=_name(one)) for one in come]
    return found


def _statements(old: Mapped, new: Mapped) -> Iterator[Difference]:
    """Compare what is said of the message and of identities: none of it stands in a resource."""
    if old.filtered != new.filtered:
        yield Difference(CHANGED, "filtered", bool(old.filtered), bool(new.filtered))
    for name in ("patients", "aliases", "merges"):
        if set(getattr(old, name)) != set(getattr(new, name)):
            yield Difference(CHANGED, f"identity: {name}")


def _name(one: Contribution) -> str:
    return f"{one.type}/{one.id}"


def _paired(
    old: Sequence[Contribution], new: Sequence[Contribution]
) -> tuple[list[tuple[Contribution, Contribution]], list[Contribution], list[Contribution]]:
    """Pair what has the same id; of the rest what is alone of its type, in order."""
    known = {_name(one): one for one in new}
    pairs = [(one, known.pop(_name(one))) for one in old if _name(one) in known]
    taken = {id(one) for one, _ in pairs}
    gone = [one for one in old if id(one) not in taken]
    come = list(known.values())
    for kind in dict.fromkeys(one.type for one in gone):
        before = [one for one in gone if one.type == kind]
        after = [one for one in come if one.type == kind]
        if len(before) == len(after):
            pairs += zip(before, after, strict=True)
            gone = [one for one in gone if one.type != kind]
            come = [one for one in come if one.type != kind]
    return pairs, gone, come


def _elements(old: Contribution, new: Contribution, renamed: Renamed) -> Iterator[Difference]:
    names = (_name(old), _name(new))
    if old.id != new.id:
        yield Difference(CHANGED, f"{old.type}.id", None, None, *names)
    was = _renamed(old.body, renamed) if renamed else old.body
    elements = dict.fromkeys([*was, *new.body])
    other = [n for n in elements if n not in _ENGINES and was.get(n) != new.body.get(n)]
    for name in other:
        path = f"{old.type}.{name}"
        yield Difference(CHANGED, path, was.get(name), new.body.get(name), *names)
    for name, how in sorted(_spoken(old) ^ _spoken(new)):
        if name not in other:
            yield Difference(CHANGED, f"{old.type}.{name} ({how})", None, None, *names)


def _spoken(one: Contribution) -> set[tuple[str, str]]:
    """Return how elements are said beside what they hold: emptied, weak, by themselves."""
    cleared = {(name, "cleared") for name in one.clears}
    weak = {(name.partition("/")[0], "weak") for name in one.weak}
    return cleared | weak | {(name, one.mode) for name in one.body if name not in _ENGINES}


def _renamed(value: Any, renamed: Renamed) -> Any:
    if isinstance(value, dict):
        return {
            name: renamed.get(item, item)
            if name == "reference" and isinstance(item, str)
            else _renamed(item, renamed)
            for name, item in value.items()
        }
    return [_renamed(item, renamed) for item in value] if isinstance(value, list) else value


def narrowed(before: Any, after: Any) -> tuple[Any, Any]:
    """Return what differs between two values: common members and items are left out."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = [n for n in dict.fromkeys([*before, *after]) if before.get(n) != after.get(n)]
        pairs = {name: narrowed(before.get(name), after.get(name)) for name in names}
        return (
            {name: pair[0] for name, pair in pairs.items() if pair[0] is not None},
            {name: pair[1] for name, pair in pairs.items() if pair[1] is not None},
        )
    if isinstance(before, list) and isinstance(after, list):
        was = [item for item in before if item not in after]
        now = [item for item in after if item not in before]
        if len(was) == len(now) == 1:
            inner = narrowed(was[0], now[0])
            return [inner[0]], [inner[1]]
        return (was, now) if was or now else (before, after)  # in another order
    return before, after


def referrers(made: Mapped) -> dict[str, tuple[str, str]]:
    """Return who refers to each resource: the first one, and its element."""
    found: dict[str, tuple[str, str]] = {}
    for one in made.contributions:
        for name, value in one.body.items():
            for target in _references(value):
                found.setdefault(target, (_name(one), f"{one.type}.{name}"))
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        target = value.get("reference")
        if isinstance(target, str):
            yield target
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
