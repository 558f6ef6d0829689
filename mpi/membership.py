"""Turns groups of records into persons with enterprise ids, and writes down who moved.

Rule 1: an enterprise id is minted for a record, its founder, and recorded; it is never recomputed.
Rule 2: a group has the earliest minted id among those its members founded. So a merge keeps the
earliest, and undoing it gives every record back the id it had.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import bindparam, select, update

from engine.database.inserting import inserting
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from mpi.tables import IDENTITY, LINK_LOG, PERSON

_FOUNDED = ListStatement(
    lambda some: select(PERSON.c.person, PERSON.c.founder, PERSON.c.minted).where(
        PERSON.c.founder.in_(some)
    )
)
_MINT = inserting(PERSON, "person", "founder", "minted", survivor="")
_MOVE = Statement(
    update(IDENTITY)
    .where(IDENTITY.c.record == bindparam("record_"))
    .values(person=bindparam("person_")),
    *("person_", "record_"),
)
_MERGED_NOW = ListStatement(
    lambda some: select(IDENTITY.c.record, IDENTITY.c.survivor).where(IDENTITY.c.record.in_(some))
)
_MERGE = Statement(
    update(IDENTITY)
    .where(IDENTITY.c.record == bindparam("record_"))
    .values(survivor=bindparam("survivor_")),
    *("survivor_", "record_"),
)
_LOG = inserting(LINK_LOG, "position", "record", "before", "after", "at_us")
_SUCCEED = Statement(
    update(PERSON)
    .where(PERSON.c.person == bindparam("person_"), PERSON.c.survivor != bindparam("survivor_"))
    .values(survivor=bindparam("survivor_")),
    *("survivor_", "person_"),
)


def name_groups(
    tx: Transaction,
    groups: Sequence[tuple[str, ...]],
    position: int,
    mint: Callable[[str], str],
) -> dict[str, str]:
    """Give every group its enterprise id, minting where needed; returns record -> enterprise id."""
    records = [record for group in groups for record in group]
    founded = {founder: (minted, person) for person, founder, minted in _FOUNDED.all(tx, records)}
    people: dict[str, str] = {}
    for group in groups:
        known = [founded[record] for record in group if record in founded]
        if known:
            person = min(known)[1]
        else:
            founder = min(group)
            person = mint(founder)
            tx.run(_MINT, person, founder, position)
        for record in group:
            people[record] = person
    return people


def founded_by(tx: Transaction, records: Sequence[str]) -> set[str]:
    """Return the enterprise ids that were minted for these records, in use or not."""
    return {person for person, _, _ in _FOUNDED.all(tx, records)}


def move(
    tx: Transaction, before: dict[str, str], after: dict[str, str], position: int, now_us: int
) -> list[str]:
    """Write the new memberships and the log of who moved; returns the records that moved."""
    moved = sorted(record for record, person in after.items() if before.get(record) != person)
    tx.run_many(_MOVE, [(after[record], record) for record in moved])
    tx.run_many(
        _LOG,
        [(position, record, before.get(record, ""), after[record], now_us) for record in moved],
    )
    return moved


def mark_merged(tx: Transaction, records: Sequence[str], merged: Mapping[str, str]) -> list[str]:
    """Note which records their source has merged into another; returns those it changed for."""
    changed = [
        (merged.get(record, ""), record)
        for record, survivor in _MERGED_NOW.all(tx, records)
        if survivor != merged.get(record, "")
    ]
    tx.run_many(_MERGE, changed)
    return [record for _, record in changed]


def succeed(tx: Transaction, survivors: Mapping[str, str]) -> None:
    """Note which enterprise id took over from each person; empty when it is in use again."""
    tx.run_many(_SUCCEED, ((survivor, person) for person, survivor in survivors.items()))
