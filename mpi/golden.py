"""Brings the store up to date with what the index decided: who is who, and the golden records."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.store.membership import Membership, assign, relink_each, settle
from engine.store.people import Golden, put_goldens, retired
from engine.store.put import remove
from engine.store.stamps import times
from mpi.desk import BY_PERSON, Desk
from mpi.resolve import Occasion
from mpi.rows import IdentityRow
from mpi.survivorship import Member, Rules, golden
from mpi.survivorship_alone import lone
from mpi.tables import IDENTITY, LINK_LOG, PERSON

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


def enroll(desk: Desk, moved: Iterable[str]) -> None:
    """Tell the store whose the records are that moved."""
    rows = [row for record in sorted(moved) for row in desk.identities.of(record)]
    assign(desk.tx, [Membership(row.record, row.person, row.site, row.local_id) for row in rows])


def follow(desk: Desk, moved: Mapping[str, int], now_us: int) -> None:
    """Tell the store who moved, and give their resources a version of the entry that moved them.

    Versions written just now, when nobody knew whose they are, name their person.
    """
    if moved:
        enroll(desk, moved)
        settle(desk.tx, list(moved), now_us)
        relink_each(desk.tx, moved, now_us)


def rebuild(desk: Desk, stale: Mapping[str, int], rules: Rules, now_us: int) -> None:
    """Build the golden records of these persons anew; one without content is retired.

    `stale`: enterprise id -> the journal entry that made its record out of date. The desk has been
    flushed.
    """
    wanted = sorted(stale)
    desk.identities.want(wanted, BY_PERSON)
    rows = {person: desk.identities.of(person, BY_PERSON) for person in wanted}
    desk.sources.want(row.record for some in rows.values() for row in some)
    goldens = []
    for person in wanted:
        known = _members(desk, rows[person])
        if known:
            goldens.append(Golden(person, _body(person, known, rules), stale[person]))
        else:
            goldens += _retired(desk.tx, person, Occasion(stale[person], now_us))
    put_goldens(desk.tx, goldens, now_us)
    _succeed(desk.tx, {golden.person: golden.survivor for golden in goldens})


def _body(person: str, members: Sequence[Member], rules: Rules) -> dict[str, Any]:
    if len(members) == 1:
        return lone(person, members[0], rules)
    return golden(person, members, rules).body


def _members(desk: Desk, rows: Sequence[IdentityRow]) -> list[Member]:
    """Return the members that have content; when it was said counts where several compete."""
    sources = [(row, source) for row in rows if (source := desk.sources.of(row.record))]
    several = len(sources) > 1
    found = []
    for row, source in sources:
        said_us = times(source.stamps, "Patient", source.body) if several else {}
        merged = row.survivor != ""
        found.append(Member(row.record, row.site, row.local_id, source.body, said_us, merged))
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
