"""Statements about identity: who said that two records are one person, or are not, and why.

Append-only: nothing here decides. What holds is computed from all of them (`mpi.cluster`).
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from engine.core.values import PatientKey
from engine.database.inserting import inserting
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from mpi.tables import IDENTITY, STATEMENT, WITHDRAWAL

_SAY = inserting(
    STATEMENT,
    *("position", "ordinal", "a", "b", "kind", "origin", "source_us", "actor", "reason"),
    on_conflict="ignore",
)
_WITHDRAW = inserting(WITHDRAWAL, "position", "of", "actor", "reason", on_conflict="ignore")
_SAID_AT = Statement(
    select(STATEMENT.c.a, STATEMENT.c.b).where(STATEMENT.c.position == bindparam("at")), "at"
)
_UNDONE_AT = Statement(
    select(WITHDRAWAL.c.of).where(WITHDRAWAL.c.position == bindparam("at")), "at"
)
_NAME = inserting(
    IDENTITY,
    *("record", "site", "local_id"),
    on_conflict="ignore",
    seen="",
    person="",
    survivor="",
)
_KNOWN = ListStatement(lambda some: select(IDENTITY.c.record).where(IDENTITY.c.record.in_(some)))


@dataclass(frozen=True, slots=True)
class Said:
    """One statement as it is written down: what `kind` says of records `a` and `b`."""

    a: str
    b: str
    kind: str  # link, unlink, never, merge
    origin: str  # source or steward
    source_us: int
    actor: str
    reason: str = ""


def name_records(tx: Transaction, keys: tuple[PatientKey, ...]) -> set[str]:
    """Make sure every named record exists, as a stub if need be; returns the new ones."""
    records = {key.record for key in keys}
    missing = records - {row[0] for row in _KNOWN.all(tx, sorted(records))}
    if missing:
        stubs = {key.record: key for key in keys if key.record in missing}
        tx.run_many(_NAME, [(key.record, key.site, key.local_id) for key in stubs.values()])
    return missing


def say(tx: Transaction, position: int, statements: tuple[Said, ...]) -> set[str]:
    """Write statements down once; returns the records they speak of."""
    for ordinal, said in enumerate(statements):
        tx.run(
            _SAY,
            *(position, ordinal, said.a, said.b, said.kind),
            *(said.origin, said.source_us, said.actor, said.reason),
        )
    return {record for said in statements for record in (said.a, said.b)}


def withdraw(tx: Transaction, position: int, of: int, actor: str, reason: str) -> set[str]:
    """Undo what the entry at `of` said, or what it undid; returns the records concerned."""
    tx.run(_WITHDRAW, position, of, actor, reason)
    return _concerned(tx, of)


def _concerned(tx: Transaction, position: int) -> set[str]:
    records = {record for row in tx.all(_SAID_AT, position) for record in row}
    for (of,) in tx.all(_UNDONE_AT, position):
        if of < position:
            records |= _concerned(tx, of)
    return records
