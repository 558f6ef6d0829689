"""Keeps what matching knows of each record, and the edges to the records it resembles.

An edge is a pure function of what is seen of two records and of the model, and it is computed anew
whenever one of the two changes. So the edges do not depend on the order in which records came.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, or_, select, update

from engine.database.inserting import inserting
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from mpi.blocking import keys
from mpi.decide import judge
from mpi.model import Model
from mpi.person import Person, from_text, to_text
from mpi.tables import BLOCK_KEY, EDGE, IDENTITY

MOST_CANDIDATES = 50
"""Records under one key; a key of more (a test patient, JOHN DOE) is passed over, with a task.

Among a million people the largest honest block had 52 records.
"""
_MANY = 16 * MOST_CANDIDATES

_SEEN = Statement(
    select(IDENTITY.c.seen).where(IDENTITY.c.record == bindparam("record_")), "record_"
)
_SEEN_OF = ListStatement(
    lambda some: select(IDENTITY.c.record, IDENTITY.c.seen).where(IDENTITY.c.record.in_(some))
)
_SEE = Statement(
    update(IDENTITY)
    .where(IDENTITY.c.record == bindparam("record_"))
    .values(seen=bindparam("seen_")),
    "seen_",
    "record_",
)
_ADD_KEY = inserting(BLOCK_KEY, "k", "record")
_DROP_KEY = Statement(
    delete(BLOCK_KEY).where(
        BLOCK_KEY.c.k == bindparam("k_"), BLOCK_KEY.c.record == bindparam("record_")
    ),
    "k_",
    "record_",
)
_BLOCKS = ListStatement(
    lambda some: (
        select(BLOCK_KEY.c.k, BLOCK_KEY.c.record).where(BLOCK_KEY.c.k.in_(some)).limit(_MANY)
    )
)
_BLOCK = Statement(
    select(BLOCK_KEY.c.record).where(BLOCK_KEY.c.k == bindparam("k_")).limit(MOST_CANDIDATES + 1),
    "k_",
)
_DROP_EDGES = Statement(
    delete(EDGE).where(or_(EDGE.c.a == bindparam("record_"), EDGE.c.b == bindparam("record_"))),
    "record_",
)
_ADD_EDGE = inserting(EDGE, "a", "b", "bits", "outcome", "hard")


@dataclass(frozen=True, slots=True)
class Looked:
    """What looking at a record's new content brought: did anything matching sees change?"""

    changed: bool
    capped: bool = False  # more records share its keys than are compared


def look(tx: Transaction, record: str, person: Person, model: Model) -> Looked:
    """Note what a record says now, and compare it with every record it shares a key with."""
    row = tx.one(_SEEN, record)
    before = row[0] if row else ""
    seen = to_text(person)
    if seen == before:
        return Looked(changed=False)
    tx.run(_SEE, seen, record)
    new = frozenset(keys(person))
    old = frozenset(keys(from_text(before))) if before else frozenset()
    tx.run_many(_DROP_KEY, [(key, record) for key in old - new])
    tx.run_many(_ADD_KEY, [(key, record) for key in new - old])
    if before:
        tx.run(_DROP_EDGES, record)
    return Looked(changed=True, capped=_compare(tx, record, person, new, model))


def _compare(
    tx: Transaction, record: str, person: Person, blocks: frozenset[int], model: Model
) -> bool:
    members, capped = _block_members(tx, sorted(blocks))
    candidates = sorted(members - {record})
    edges = []
    for other, seen in _SEEN_OF.all(tx, candidates):
        verdict = judge(person, from_text(seen), model)
        if verdict.outcome != "apart" or verdict.hard:
            a, b = sorted((record, other))
            bits = round(verdict.bits * 1000)
            edges.append((a, b, bits, str(verdict.outcome), int(verdict.hard)))
    tx.run_many(_ADD_EDGE, edges)
    return capped


def _block_members(tx: Transaction, blocks: list[int]) -> tuple[set[str], bool]:
    """Return who shares one of these keys, and whether a key was passed over."""
    rows = _BLOCKS.all(tx, blocks)
    by_key: dict[int, list[str]] = {key: [] for key in blocks}
    for key, record in rows:
        by_key[key].append(record)
    if len(rows) >= _MANY:
        by_key = {key: [row[0] for row in tx.all(_BLOCK, key)] for key in blocks}
    small = [records for records in by_key.values() if len(records) <= MOST_CANDIDATES]
    return {record for records in small for record in records}, len(small) < len(by_key)
