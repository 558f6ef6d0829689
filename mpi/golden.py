"""Brings the store up to date with what the index decided: who is who, and the golden records."""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, select, update

from engine.core.lexeme import decode
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.store.membership import Membership, assign, relink_each
from engine.store.people import Golden, put_goldens, retired
from engine.store.put import remove, source_patients
from engine.store.stamps import times
from mpi.desk import Desk
from mpi.resolve import Occasion
from mpi.survivorship import Member, Rules, golden
from mpi.tables import IDENTITY, LINK_LOG, PERSON

_MEMBERS = ListStatement(
    lambda some: select(
        IDENTITY.c.person,
        IDENTITY.c.record,
        IDENTITY.c.site,
        IDENTITY.c.local_id,
        IDENTITY.c.survivor,
    ).where(IDENTITY.c.person.in_(some))
)
_WHERE_NOW = Statement(
    select(IDENTITY.c.person)
    .join(PERSON, PERSON.c.founder == IDENTITY.c.record)
    .where(PERSON.c.person == bindparam("person_")),
    "person_",
)
_EVER_HELD = Statement(
    select(LINK_LOG.c.seq).where(LINK_LOG.c.before == bindparam("person_")).limit(1), "person_"
)
_SURVIVORS = ListStatement(
    lambda some: select(PERSON.c.person, PERSON.c.survivor).where(PERSON.c.person.in_(some))
)
_SUCCEED = Statement(
    update(PERSON)
    .where(PERSON.c.person == bindparam("person_"))
    .values(survivor=bindparam("survivor_")),
    *("survivor_", "person_"),
)


def follow(desk: Desk, moved: Mapping[str, int], now_us: int) -> None:
    """Tell the store who moved, and give their resources a version of the entry that moved them."""
    if not moved:
        return
    rows = [row for record in sorted(moved) for row in desk.identities.of(record)]
    members = [Membership(row.record, row.person, row.site, row.local_id) for row in rows]
    assign(desk.tx, members)
    relink_each(desk.tx, moved, now_us)


def rebuild(tx: Transaction, stale: Mapping[str, int], rules: Rules, now_us: int) -> None:
    """Build the golden records of these persons anew; one without content is retired.

    `stale`: enterprise id -> the journal entry that made its record out of date.
    """
    wanted = sorted(stale)
    members: dict[str, list[tuple[str, str, str, str]]] = {person: [] for person in wanted}
    for person, *member in _MEMBERS.all(tx, wanted):
        members[person].append(tuple(member))
    records = [member[0] for some in members.values() for member in some]
    sources = source_patients(tx, records)
    goldens = []
    for person in wanted:
        known = _members(members[person], sources)
        at = Occasion(stale[person], now_us)
        if known:
            goldens.append(Golden(person, golden(person, known, rules).body, at.position))
        else:
            goldens += _retired(tx, person, at)
    put_goldens(tx, goldens, now_us)
    _succeed(tx, {golden.person: golden.survivor for golden in goldens})


def _members(
    rows: Sequence[tuple[str, str, str, str]], sources: Mapping[str, tuple[bytes, str]]
) -> list[Member]:
    """Return the members that have content; when it was said counts where several compete."""
    found = []
    several = sum(row[0] in sources for row in rows) > 1
    for record, site, local_id, survivor in rows:
        if record in sources:
            text, stamps = sources[record]
            body = decode(text)
            said_us = times(stamps, "Patient", body) if several else {}
            found.append(Member(record, site, local_id, body, said_us, survivor != ""))
    return found


def _retired(tx: Transaction, person: str, at: Occasion) -> list[Golden]:
    """An id that nobody has leads to the person of the record it was minted for.

    Where that record is still there but only a number by now (a stub), nothing is left to show.
    """
    now = tx.one(_WHERE_NOW, person)
    if now is None or tx.one(_EVER_HELD, person) is None:
        return []
    if now[0] == person:
        remove(tx, [("Patient", person)], at.now_us, at.position)
        _succeed(tx, {person: ""})
        return []
    return [retired(person, str(now[0]), at.position)]


def _succeed(tx: Transaction, survivors: Mapping[str, str]) -> None:
    """Note which enterprise id took over from each person; empty when it is in use again."""
    known = _SURVIVORS.all(tx, list(survivors))
    changed = [(survivors[person], person) for person, now in known if now != survivors[person]]
    if changed:
        tx.run_many(_SUCCEED, changed)
