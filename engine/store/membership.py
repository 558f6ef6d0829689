"""Which person each source record is, and what happens to its resources when that changes.

The patient index decides and writes through `assign`; the store knows no matching. A body is never
rewritten for a change of person: `relink` adds small version rows that point to the same body, so
that `_lastUpdated`, `_since` and ETags show it.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, exists, insert, literal, select, update
from sqlalchemy.sql.expression import ClauseElement

from engine.database.inserting import inserting
from engine.database.lists import MOST, ListStatement
from engine.database.transaction import Transaction
from engine.store.codes import PATIENT
from engine.store.tables import MEMBER, RESOURCE, RETIRED, VERSION

_Keys = Sequence[BindParameter[Any]]


@dataclass(frozen=True, slots=True)
class Membership:
    """One source record and the person it belongs to."""

    record: str
    person: str  # enterprise id
    site: str
    local_id: str  # identifier as the site writes it


_ASSIGN = inserting(
    MEMBER,
    *("record", "person", "site", "local_id"),
    on_conflict="replace",
    replaced=("person",),
)
_COLUMNS = (MEMBER.c.record, MEMBER.c.person, MEMBER.c.site, MEMBER.c.local_id)
_BY_RECORD = ListStatement(lambda keys: select(*_COLUMNS).where(MEMBER.c.record.in_(keys)))
_RETIRED = ListStatement(
    lambda keys: select(RESOURCE.c.id, RESOURCE.c.record).where(
        RESOURCE.c.id.in_(keys), RESOURCE.c.type == PATIENT, RESOURCE.c.state == RETIRED
    )
)
_LONGEST_CHAIN = 16
_BY_PERSON = ListStatement(lambda keys: select(*_COLUMNS).where(MEMBER.c.person.in_(keys)))


def assign(tx: Transaction, members: Iterable[Membership]) -> None:
    """Set the person of each record, new or known. Call `relink` for the known ones after it."""
    tx.run_many(_ASSIGN, ((m.record, m.person, m.site, m.local_id) for m in members))


def persons_of(tx: Transaction, records: Sequence[str]) -> dict[str, str]:
    """Return record -> enterprise id; records nobody has assigned are missing."""
    return {row[0]: row[1] for row in _BY_RECORD.all(tx, records)}


def memberships(tx: Transaction, records: Sequence[str]) -> dict[str, Membership]:
    """Return record -> membership, for those that have one."""
    return {row[0]: Membership(*row) for row in _BY_RECORD.all(tx, records)}


def members_of(tx: Transaction, persons: Sequence[str]) -> dict[str, list[Membership]]:
    """Return enterprise id -> its records, ordered by id; unknown persons are missing."""
    found: dict[str, list[Membership]] = {}
    for row in sorted(_BY_PERSON.all(tx, persons)):
        found.setdefault(row[1], []).append(Membership(*row))
    return found


def survivors_of(tx: Transaction, persons: Sequence[str]) -> dict[str, str]:
    """Return retired person -> the person it is part of now, through any number of merges."""
    found: dict[str, str] = {}
    asked = set(persons)
    for _ in range(_LONGEST_CHAIN):
        step: dict[str, str] = dict(_RETIRED.all(tx, sorted(asked)))
        found |= step
        asked = set(step.values()) - set(found)
        if not asked:
            break
    return {person: _last(person, found) for person in persons if person in found}


def _last(person: str, chain: Mapping[str, str]) -> str:
    seen: set[str] = set()
    while person in chain and person not in seen:
        seen.add(person)
        person = chain[person]
    return person


_RIDS = ListStatement(
    # Not the source Patients themselves, which show no person.
    lambda records: select(RESOURCE.c.rid, RESOURCE.c.record).where(
        RESOURCE.c.record.in_(records), RESOURCE.c.type != PATIENT
    )
)


def _settle(rids: _Keys) -> ClauseElement:
    """Versions written just now, before the record had a person: nobody has seen them."""
    person = (
        select(MEMBER.c.person)
        .join(RESOURCE, RESOURCE.c.record == MEMBER.c.record)
        .where(RESOURCE.c.rid == VERSION.c.rid)
        .scalar_subquery()
    )
    fresh = (
        select(RESOURCE.c.rid)
        .join(MEMBER, MEMBER.c.record == RESOURCE.c.record)
        .where(RESOURCE.c.rid.in_(rids), RESOURCE.c.updated_us == bindparam("now"))
    )
    return (
        update(VERSION)
        .where(
            VERSION.c.rid.in_(fresh),
            VERSION.c.person == "",
            VERSION.c.updated_us == bindparam("now"),
        )
        .values(person=person)
    )


def _add_versions(rids: _Keys) -> ClauseElement:
    current = and_(VERSION.c.rid == RESOURCE.c.rid, VERSION.c.version == RESOURCE.c.version)
    rows = (
        select(
            RESOURCE.c.rid,
            RESOURCE.c.version + 1,
            bindparam("now", type_=VERSION.c.updated_us.type),
            RESOURCE.c.bid,
            bindparam("position", type_=VERSION.c.position.type),
            MEMBER.c.person,
            RESOURCE.c.state,
        )
        .join(MEMBER, MEMBER.c.record == RESOURCE.c.record)
        .join(VERSION, current)
        .where(RESOURCE.c.rid.in_(rids), VERSION.c.person != MEMBER.c.person)
    )
    names = ["rid", "version", "updated_us", "bid", "position", "person", "state"]
    return insert(VERSION).from_select(names, rows)


def _follow(rids: _Keys) -> ClauseElement:
    newer = select(literal(1)).where(
        VERSION.c.rid == RESOURCE.c.rid, VERSION.c.version == RESOURCE.c.version + 1
    )
    return (
        update(RESOURCE)
        .where(RESOURCE.c.rid.in_(rids), exists(newer))
        .values(version=RESOURCE.c.version + 1, updated_us=bindparam("now"))
    )


_STALE = ListStatement(
    lambda rids: (
        select(RESOURCE.c.rid)
        .join(MEMBER, MEMBER.c.record == RESOURCE.c.record)
        .join(
            VERSION, and_(VERSION.c.rid == RESOURCE.c.rid, VERSION.c.version == RESOURCE.c.version)
        )
        .where(RESOURCE.c.rid.in_(rids), VERSION.c.person != MEMBER.c.person)
    )
)
_SETTLE = ListStatement(_settle, "now")
_ADD_VERSIONS = ListStatement(_add_versions, "now", "position")
_FOLLOW = ListStatement(_follow, "now")


def relink(tx: Transaction, records: Sequence[str], now_us: int, position: int) -> int:
    """Give each resource of these records a version that names its person of now.

    Returns the number of versions added; resources that already name the person get none.
    """
    settle(tx, records, now_us)
    return relink_each(tx, dict.fromkeys(records, position), now_us)


def settle(tx: Transaction, records: Sequence[str], now_us: int) -> None:
    """Name the person in versions written just now (`now_us`), when nobody knew whose they are."""
    rids = sorted(row[0] for row in _RIDS.all(tx, records))
    for start in range(0, len(rids), MOST):
        _SETTLE.run(tx, rids[start : start + MOST], now_us)


def relink_each(
    tx: Transaction, moved: Mapping[str, int], now_us: int, named: Set[int] = frozenset()
) -> int:
    """Do as `relink` for records that moved, each because of the journal entry given with it.

    `named`: rows of resources that are known to name their person.
    """
    found = _RIDS.all(tx, list(moved))
    record_of: dict[int, str] = {rid: record for rid, record in found if rid not in named}
    rids = sorted(record_of)
    added = 0
    # Some at a time, in the order of the tables: each page is read and decrypted once.
    for start in range(0, len(rids), MOST):
        some = rids[start : start + MOST]
        stale: dict[int, list[int]] = {}
        for (rid,) in sorted(_STALE.all(tx, some)):
            stale.setdefault(moved[record_of[rid]], []).append(rid)
        for position, behind in sorted(stale.items()):
            added += _ADD_VERSIONS.run(tx, behind, now_us, position)
            _FOLLOW.run(tx, behind, now_us)
    return added


def missing(records: Iterable[str], known: Mapping[str, str]) -> list[str]:
    """Return the records not in `known`, each once."""
    return [record for record in dict.fromkeys(records) if record and record not in known]
