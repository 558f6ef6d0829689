"""What a batch of messages has before it of the index: read ahead in bulk, written back once.

The rules of identity work on a desk, message by message, and find what the message before changed.
Nothing of it is in the store before `flush`. For one writing transaction.
"""

from dataclasses import dataclass, field

from engine.database.transaction import Transaction
from mpi import rows
from mpi.blocks import Blocks
from mpi.decide import Rating
from mpi.mirror import Mirror, Way
from mpi.person import Person, from_text
from mpi.sources import Sources

BY_RECORD = 0
BY_PERSON = BY_NUMBER = BY_POSITION = 1

Moved = tuple[int, str, str, str, int]
"""Position, record, enterprise id before and after, time in microseconds."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The tables of the index as this batch sees them."""

    tx: Transaction
    identities: Mirror[rows.IdentityRow]  # by record, by person
    aliases: Mirror[rows.AliasRow]  # by record, by number
    edges: Mirror[rows.EdgeRow]  # by either record
    statements: Mirror[rows.StatementRow]  # by either record, by position
    withdrawals: Mirror[rows.WithdrawalRow]  # by the position they undo, by their own
    founders: Mirror[rows.PersonRow]  # by the record an id was minted for
    tasks: Mirror[rows.TaskRow]  # by either record
    blocks: Blocks
    sources: Sources
    log: list[Moved] = field(default_factory=list)
    ratings: dict[tuple[str, str], Rating] = field(default_factory=dict)  # by what is seen
    people: dict[str, Person] = field(default_factory=dict)  # by the text of what is seen

    def identity(self, record: str) -> rows.IdentityRow | None:
        """Return a record as it is now."""
        found = self.identities.of(record)
        return found[0] if found else None

    def person(self, seen: str) -> Person:
        """Return the person a text describes, read once."""
        found = self.people.get(seen)
        if found is None:
            found = self.people[seen] = from_text(seen)
        return found


def _sides(row: rows.EdgeRow | rows.StatementRow | rows.TaskRow) -> tuple[str, str]:
    return (row.a, row.b)


def desk_on(tx: Transaction) -> Desk:
    """Clear a desk for what this transaction works on."""
    return Desk(
        tx,
        identities=Mirror(
            tx,
            lambda row: row.record,
            Way(rows.read_identities, lambda row: (row.record,)),
            Way(rows.read_members, lambda row: (row.person,)),
        ),
        aliases=Mirror(
            tx,
            lambda row: row[:4],
            Way(rows.read_aliases, lambda row: (row.record,)),
            Way(rows.read_sharing, lambda row: (row.number,)),
        ),
        edges=Mirror(tx, lambda row: row[:2], Way(rows.read_edges, _sides)),
        statements=Mirror(
            tx,
            lambda row: row[:2],
            Way(rows.read_statements, _sides),
            Way(rows.read_statements_at, lambda row: (row.position,)),
        ),
        withdrawals=Mirror(
            tx,
            lambda row: row.position,
            Way(rows.read_withdrawals, lambda row: (row.of,)),
            Way(rows.read_withdrawals_at, lambda row: (row.position,)),
        ),
        founders=Mirror(
            tx, lambda row: row.founder, Way(rows.read_founders, lambda row: (row.founder,))
        ),
        tasks=Mirror(tx, lambda row: row[:3], Way(rows.read_tasks, _sides)),
        blocks=Blocks(tx),
        sources=Sources(tx),
    )
