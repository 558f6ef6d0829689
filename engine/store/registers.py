"""What holds of a resource when many messages have spoken, in whatever order they were read.

A resource is a set of last-writer-wins registers, one for each top-level element (a choice
`value[x]` is one register, and `_birthDate` belongs to `birthDate`). A statement sets a register
iff its stamp is greater. A `replace` sets all registers at once, those it does not name to nothing.
So `merge` is commutative, associative and idempotent: the state is a function of the set of
contributions (M. Shapiro et al., "Conflict-free replicated data types", 2011).

Contributions with equal stamps come from one message; the first of them holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from engine.core.values import Contribution
from engine.r4 import elements

Stamp = tuple[int, int, int]
"""rank, source time in microseconds, journal position: the greater one holds."""

NEVER: Stamp = (-(1 << 62), 0, 0)
_WEAK = -1
_IDENTITY = frozenset({"resourceType", "id", "meta"})
_ASSIGNED = ("versionId", "lastUpdated")  # of meta: the store's own


@dataclass(frozen=True, slots=True)
class State:
    """The registers of one resource. `values` maps a register to its JSON members."""

    values: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    stamps: Mapping[str, Stamp] = field(default_factory=dict)  # only those not older than `whole`
    whole: Stamp = NEVER  # of the newest `replace`
    meta: Mapping[str, Any] = field(default_factory=dict)
    told: tuple[int, int] = (-(1 << 62), 0)  # source time, position of the newest contribution

    def stamp(self, register: str) -> Stamp:
        """Return what a statement has to exceed to set this register."""
        return self.stamps.get(register, self.whole)


_NOTHING = State()


@cache
def _registers(type_name: str) -> Mapping[str, str]:
    known: dict[str, str] = {}
    for name, element in elements.type_children(type_name).items():
        register = element.group.removesuffix("[x]") if element.group else name
        known[name] = known[f"_{name}"] = known[element.group or name] = register
    return known


def register_of(type_name: str, name: str) -> str:
    """Return the register of a top-level JSON member: `deceasedBoolean` belongs to `deceased`."""
    return _registers(type_name).get(name) or name.removeprefix("_")


def gather(type_name: str, body: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Group the members of a body by register, without its identity and meta."""
    values: dict[str, dict[str, Any]] = {}
    for name, value in body.items():
        if name not in _IDENTITY:
            values.setdefault(register_of(type_name, name), {})[name] = value
    return values


def merge(state: State | None, told: Contribution, source_us: int, position: int) -> State:
    """Return the state after one more contribution; the same state object if nothing changed."""
    known = state or _NOTHING
    stamp = (told.rank, source_us, position)
    merged = _replaced(known, told, stamp) if told.mode == "replace" else _laid(known, told, stamp)
    if (source_us, position) <= known.told:
        return merged
    meta = {
        name: value for name, value in told.body.get("meta", {}).items() if name not in _ASSIGNED
    }
    return State(merged.values, merged.stamps, merged.whole, meta, (source_us, position))


def _replaced(known: State, told: Contribution, stamp: Stamp) -> State:
    if stamp <= known.whole:
        return known
    newer = {name: held for name, held in known.stamps.items() if held >= stamp}
    values = {
        name: members for name, members in gather(told.type, told.body).items() if name not in newer
    }
    values.update((name, known.values[name]) for name in newer if name in known.values)
    return State(values, newer, stamp, known.meta, known.told)


def _laid(known: State, told: Contribution, stamp: Stamp) -> State:
    values, stamps = dict(known.values), dict(known.stamps)
    changed = False
    for name, members in _statements(told).items():
        own = (_WEAK, *stamp[1:]) if members and told.weak.issuperset(members) else stamp
        if own <= known.stamp(name):
            continue
        changed = True
        stamps[name] = own
        if members:
            values[name] = members
        else:
            values.pop(name, None)
    return State(values, stamps, known.whole, known.meta, known.told) if changed else known


def _statements(told: Contribution) -> dict[str, dict[str, Any]]:
    """What a merging contribution sets; an empty value is a tombstone."""
    said = gather(told.type, told.body)
    for name in told.clears:
        said.setdefault(register_of(told.type, name), {})
    return said


def body_of(state: State, type_name: str, resource_id: str) -> dict[str, Any]:
    """Return the resource of a state as FHIR JSON, see `arranged`."""
    members = {name: value for held in state.values.values() for name, value in held.items()}
    return arranged(type_name, resource_id, {"meta": state.meta, **members})


def arranged(type_name: str, resource_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with its identity and meta first and its elements in FHIR order."""
    ranks = elements.order(type_name)
    last = len(ranks)
    members = [pair for pair in body.items() if pair[0] not in _IDENTITY]
    members.sort(key=lambda pair: (ranks.get(pair[0], last), pair[0]))
    meta = {name: value for name, value in body.get("meta", {}).items() if name not in _ASSIGNED}
    identity = {"resourceType": type_name, "id": resource_id, "meta": meta}
    return {**identity, **dict(members)}
