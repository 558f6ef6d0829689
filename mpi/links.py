"""Statements about identity: who said that two records are one person, or are not, and why.

Append-only: nothing here decides. What holds is computed from all of them (`mpi.cluster`).
"""

from dataclasses import dataclass

from engine.core.values import PatientKey
from mpi.desk import BY_POSITION, Desk
from mpi.rows import IdentityRow, StatementRow, WithdrawalRow


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


def name_records(desk: Desk, keys: tuple[PatientKey, ...]) -> set[str]:
    """Make sure every named record exists, as a stub if need be; returns the new ones."""
    missing = {key.record: key for key in keys if desk.identity(key.record) is None}
    for record, key in missing.items():
        desk.identities.put(IdentityRow(record, key.site, key.local_id, "", "", ""))
    return set(missing)


def say(desk: Desk, position: int, statements: tuple[Said, ...]) -> set[str]:
    """Write statements down once; returns the records they speak of."""
    known = {row.ordinal for row in desk.statements.of(position, BY_POSITION)} if statements else ()
    for ordinal, said in enumerate(statements):
        if ordinal not in known:
            what = (said.a, said.b, said.kind, said.origin)
            desk.statements.put(
                StatementRow(position, ordinal, *what, said.source_us, said.actor, said.reason)
            )
    return {record for said in statements for record in (said.a, said.b)}


def withdraw(desk: Desk, position: int, of: int, actor: str, reason: str) -> set[str]:
    """Undo what the entry at `of` said, or what it undid; returns the records concerned."""
    if not desk.withdrawals.of(position, BY_POSITION):
        desk.withdrawals.put(WithdrawalRow(position, of, actor, reason))
    return _concerned(desk, of)


def _concerned(desk: Desk, position: int) -> set[str]:
    said = desk.statements.of(position, BY_POSITION)
    records = {record for row in said for record in (row.a, row.b)}
    for row in desk.withdrawals.of(position, BY_POSITION):
        if row.of < position:
            records |= _concerned(desk, row.of)
    return records
