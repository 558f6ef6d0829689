"""What holds of a resource when many messages have spoken, in whatever order they were read.

A resource is a set of last-writer-wins registers, one for each top-level element (a choice
`value[x]` is one register, and `_birthDate` belongs to `birthDate`). A statement sets a register
iff its stamp is greater. A `replace` sets all registers at once, those it does not name to nothing.
So `merge` is commutative, associative and idempotent: the state is a function of the set of
contributions (M. Shapiro et al., "Conflict-free replicated data types", 2011).

A register may have parts (`engine.store.pieces`), each with a stamp of its own. An object that is
said as a whole says all its members. A list that is said so and its parts make one another go, the
newer the older. So goes a part that a newer statement has no name for: its mapping is gone.

Of `meta` the newest contribution holds; security labels are a set that only grows
(`engine.store.labels`).

Contributions with equal stamps come from one message; the first of them holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from engine.core.values import Contribution, Parts
from engine.r4 import elements
from engine.store.labels import joined, labels
from engine.store.pieces import Piece, Pieces, Stamp, composed, ordered

NEVER: Stamp = (-(1 << 62), 0, 0)
_WEAK = -1
_ORDERS = 1_024  # sets of elements, as messages fill them
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
    # Of the registers that consist of parts. No part is older than the register's own stamp.
    pieces: Mapping[str, Pieces] = field(default_factory=dict)

    def stamp(self, register: str) -> Stamp:
        """Return the stamp of the newest statement that what the register shows comes from."""
        some = self.pieces.get(register)
        if some is not None:
            return max(piece.stamp for piece in some.values() if piece.value is not None)
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
    said = told.body.get("meta", {})
    at = (source_us, position)
    if at > known.told:
        meta = {name: value for name, value in said.items() if name not in _ASSIGNED}
    elif labels(said):
        meta, at = dict(known.meta), known.told
    else:
        return merged
    if labels(known.meta) or labels(said):
        meta["security"] = joined(labels(known.meta), labels(said))
        if at == known.told and meta == known.meta:
            return merged
    return State(merged.values, merged.stamps, merged.whole, meta, at, merged.pieces)


def names_patient(state: State | None, merged: State) -> bool:
    """Tell whether a resource is about whom the statement just merged names.

    It is when nothing that holds has a greater stamp: a statement of lower rank is not believed in
    what it says, so not in whom it names either. Statements of nothing count by their time.
    """
    if state is None:
        return True
    before, now = _greatest(state), _greatest(merged)
    return now > before if now != NEVER else merged.told != state.told


def _greatest(state: State) -> Stamp:
    parts = (piece.stamp for some in state.pieces.values() for piece in some.values())
    return max(state.whole, *state.stamps.values(), *parts, NEVER)


def _replaced(known: State, told: Contribution, stamp: Stamp) -> State:
    if stamp <= known.whole:
        return known
    newer = {name: held for name, held in known.stamps.items() if held >= stamp}
    values = {
        name: members for name, members in gather(told.type, told.body).items() if name not in newer
    }
    values.update((name, known.values[name]) for name in newer if name in known.values)
    pieces: dict[str, Pieces] = {}
    for name, some in known.pieces.items():
        kept = _since(some, stamp)
        if kept:
            kept = {**_members(values.get(name, {}), name, stamp), **kept}
            pieces[name] = kept
            _show(values, told.type, name, kept)
    return State(values, newer, stamp, known.meta, known.told, pieces)


def _since(pieces: Pieces, stamp: Stamp) -> Pieces:
    return {label: held for label, held in pieces.items() if held.stamp >= stamp}


def _members(members: Mapping[str, Any], name: str, stamp: Stamp) -> Pieces:
    """Return an object said as a whole as its members; a list said so has no parts."""
    value = members.get(name)
    if not isinstance(value, dict):
        return {}
    return {label: Piece(stamp, member) for label, member in value.items()}


def _show(values: dict[str, dict[str, Any]], type_name: str, name: str, pieces: Pieces) -> None:
    value = composed(pieces, listed=elements.type_children(type_name)[name].repeats)
    if value is None:
        values.pop(name, None)
    else:
        values[name] = {name: value}


def _laid(known: State, told: Contribution, stamp: Stamp) -> State:
    values, stamps, pieces = dict(known.values), dict(known.stamps), dict(known.pieces)
    whole, changed = known.whole, False
    weak = (_WEAK, *stamp[1:])
    for name, members in _statements(told).items():
        own = weak if members and told.weak.issuperset(members) else stamp
        if own <= stamps.get(name, whole):
            continue
        changed = True
        stamps[name] = own
        kept = _since(pieces.pop(name), own) if name in pieces else None
        if kept:
            kept = {**_members(members, name, own), **kept}
            pieces[name] = kept
            _show(values, told.type, name, kept)
        elif members:
            values[name] = members
        else:
            values.pop(name, None)
    for name, parts in told.parts.items():
        floor = stamps.get(name, whole)
        before = pieces.get(name) or _members(values.get(name, {}), name, floor)
        own_stamps = _stamped(name, parts, told.weak, (stamp, weak))
        after = _parted(before, parts, own_stamps, floor)
        if after is not before:
            changed = True
            pieces[name] = after
            _show(values, told.type, name, after)
    return State(values, stamps, whole, known.meta, known.told, pieces) if changed else known


def _parted(known: Pieces, told: Parts, stamps: Mapping[str, Stamp], floor: Stamp) -> Pieces:
    """Set the parts that were said; older ones that `told` has no label for go."""
    found = dict(known)
    for label, value in told.said.items():
        held = found.get(label)
        if stamps[label] > (held.stamp if held else floor):
            found[label] = Piece(stamps[label], None if value == [] else value)
    newest = max(stamps.values(), default=NEVER)
    for label, held in known.items():
        if held.stamp < newest and label not in told.labels:
            del found[label]
    return known if found == known else ordered(found, told.labels)


def _stamped(
    name: str, told: Parts, weak: frozenset[str], stamps: tuple[Stamp, Stamp]
) -> dict[str, Stamp]:
    """Return the stamp of each part said: the strong or the weak one."""
    every = name in weak
    return {
        label: stamps[value is not None and (every or f"{name}/{label}" in weak)]
        for label, value in told.said.items()
    }


def _statements(told: Contribution) -> dict[str, dict[str, Any]]:
    """What a merging contribution sets as a whole; an empty value is a tombstone."""
    said = gather(told.type, told.body)
    for name in told.clears:
        said.setdefault(register_of(told.type, name), {})
    for name in told.parts:
        said.pop(name, None)
    return said


def marks(state: State) -> tuple[object, ...]:
    """Return what is different after a statement that set something, be it to what it was."""
    return state.stamps, state.whole, state.pieces, labels(state.meta)


def body_of(state: State, type_name: str, resource_id: str) -> dict[str, Any]:
    """Return the resource of a state as FHIR JSON, see `arranged`."""
    members = {name: value for held in state.values.values() for name, value in held.items()}
    return arranged(type_name, resource_id, {"meta": state.meta, **members})


def arranged(type_name: str, resource_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with its identity and meta first and its elements in FHIR order."""
    meta = {name: value for name, value in body.get("meta", {}).items() if name not in _ASSIGNED}
    found = {"resourceType": type_name, "id": resource_id, "meta": meta}
    for name in _in_order(type_name, tuple(body)):
        found[name] = body[name]
    return found


@lru_cache(_ORDERS)
def _in_order(type_name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Put the names of elements into FHIR order."""
    ranks = elements.order(type_name)
    own = (name for name in names if name not in _IDENTITY)
    return tuple(sorted(own, key=lambda name: (ranks.get(name, len(ranks)), name)))
