"""Leases on partitions and the offsets they move: values, and deeds on the store's transaction.

Leases are for efficiency, fences for safety: whoever was paused and overtaken finds that its offset
update touches no row, and its batch is void with everything in it.

Rule 1: `owner` names one life of one process (host, process id, start time), never two.
Rule 2: a lease has no date. It lasts while its owner shows that it lives (`engine.journal.watch`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import and_, bindparam, case, delete, func, or_, select, update

from engine.core.fault import Category, refuse
from engine.database.inserting import inserting
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from engine.journal.offset_tables import OFFSET, OWNER
from engine.journal.watch import Watch

_SEEN = inserting(OWNER, "owner", "beat", on_conflict="replace")
_OWNERS = Statement(select(OWNER.c.owner, OWNER.c.beat))
_ALL = Statement(
    select(OFFSET.c.partition, OFFSET.c.owner).order_by(OFFSET.c.position, OFFSET.c.partition)
)
# A take-over from somebody who got stuck counts as a stall only if there was something to be stuck
# on. A partition that was handed back, or that its own owner claims again, keeps its count.
_TAKE = Statement(
    update(OFFSET)
    .where(OFFSET.c.partition == bindparam("key"))
    .values(
        fence=OFFSET.c.fence + 1,
        stalls=case(
            (
                or_(OFFSET.c.position != OFFSET.c.claimed, OFFSET.c.position >= bindparam("head")),
                0,
            ),
            (OFFSET.c.owner.in_(["", bindparam("me")]), OFFSET.c.stalls),
            else_=OFFSET.c.stalls + 1,
        ),
        owner=bindparam("me"),
        claimed=OFFSET.c.position,
    ),
    "key",
    "me",
    "head",
)
_MINE = Statement(
    select(OFFSET.c.partition, OFFSET.c.position, OFFSET.c.fence, OFFSET.c.stalls)
    .where(OFFSET.c.owner == bindparam("me"))
    .order_by(OFFSET.c.partition),
    "me",
)
_RELEASE = Statement(
    update(OFFSET)
    .where(OFFSET.c.partition == bindparam("key"), OFFSET.c.fence == bindparam("mine"))
    .values(fence=OFFSET.c.fence + 1, owner=""),
    "key",
    "mine",
)
_GIVE_UP = Statement(
    update(OFFSET)
    .where(OFFSET.c.partition == bindparam("key"))
    .values(fence=OFFSET.c.fence + 1, owner=""),
    "key",
)
_DEPART = Statement(delete(OWNER).where(OWNER.c.owner == bindparam("gone")), "gone")
_LAG = Statement(
    select(
        OFFSET.c.partition,
        OFFSET.c.position,
        OFFSET.c.owner,
        OFFSET.c.stalls,
    ).order_by(OFFSET.c.partition)
)
_LOWEST = Statement(select(func.min(OFFSET.c.position)))


@dataclass(frozen=True, slots=True)
class Lease:
    """A partition held by one process, and how far its entries have been processed."""

    partition: int
    position: int
    fence: int
    stalls: int  # how many holders in a row were lost at this position


@dataclass(frozen=True, slots=True)
class Lag:
    """How far one partition is behind. `behind` counts positions, so it is an upper bound."""

    partition: int
    position: int
    behind: int
    owner: str
    stalls: int


def claim(tx: Transaction, owner: str, wanted: int, watch: Watch, head: int) -> list[Lease]:
    """Take up to `wanted` partitions, at most a fair share; returns all that `owner` holds.

    The result replaces what the owner held before: each fence is raised, and what is beyond the
    share is handed back, so calling it again between batches balances the load and shows that the
    owner lives. `head` is the journal's: a holder lost with nothing left to do did not stumble over
    a message.
    """
    tx.run(_SEEN, owner, watch.beat())
    alive = _alive(tx, owner, watch)
    rows = tx.all(_ALL)
    keep, give = _choose(rows, owner, alive, min(wanted, -(-len(rows) // len(alive))))
    tx.run_many(_TAKE, [(partition, owner, head) for partition in keep])
    tx.run_many(_GIVE_UP, [(partition,) for partition in give])
    return [Lease(*row) for row in tx.all(_MINE, owner)]


def _alive(tx: Transaction, owner: str, watch: Watch) -> frozenset[str]:
    """Return who is there, the caller included; those who are silent are struck off the list."""
    beats = [(name, beat) for name, beat in tx.all(_OWNERS)]
    silent = [name for name in watch.silent(beats) if name != owner]
    tx.run_many(_DEPART, [(name,) for name in silent])
    return frozenset(name for name, _ in beats).difference(silent)


def _choose(
    rows: Sequence[Row], owner: str, alive: frozenset[str], most: int
) -> tuple[list[int], list[int]]:
    """Return the partitions to hold and those to hand back; the ones furthest behind come first."""
    own = [partition for partition, holder in rows if holder == owner]
    free = [partition for partition, holder in rows if holder not in alive]
    return (own + free)[:most], own[most:]


def release(tx: Transaction, leases: Sequence[Lease]) -> None:
    """Hand partitions back so that others need not wait; those taken over meanwhile stay theirs."""
    tx.run_many(_RELEASE, [(one.partition, one.fence) for one in leases])


def depart(tx: Transaction, owner: str) -> None:
    """Record that a process is gone: what it held may be taken over at once."""
    tx.run(_DEPART, owner)


def advance(tx: Transaction, lease: Lease, position: int) -> Lease:
    """Move an offset in the results' transaction. FaultError `fenced-off`: the batch is void."""
    return advance_all(tx, [lease], position)[0]


def advance_all(tx: Transaction, leases: Sequence[Lease], position: int) -> list[Lease]:
    """Move several offsets to one position in one statement: all, or FaultError `fenced-off`.

    For partitions that are processed up to the `upto` of a read, whether or not they had entries.
    A lease already there only has its fence checked.
    """
    if any(lease.position > position for lease in leases):
        raise ValueError("an offset never moves back")
    values = [value for one in leases for value in (one.partition, one.position, one.fence)]
    if leases and tx.run(_advance_of(len(leases)), *values, position) != len(leases):
        raise refuse(Category.CONFLICT, "fenced-off", "the partition has another holder")
    return [_moved(lease, position) for lease in leases]


def _moved(lease: Lease, position: int) -> Lease:
    return replace(
        lease, position=position, stalls=0 if position > lease.position else lease.stalls
    )


@lru_cache(maxsize=512)
def _advance_of(count: int) -> Statement:
    names = [(f"p{n}", f"o{n}", f"f{n}") for n in range(count)]
    moved = OFFSET.c.position < bindparam("new")
    held = or_(
        *(
            and_(
                OFFSET.c.partition == bindparam(partition),
                OFFSET.c.position == bindparam(old),
                OFFSET.c.fence == bindparam(fence),
            )
            for partition, old, fence in names
        )
    )
    change = update(OFFSET).where(held)
    change = change.values(
        position=bindparam("new"), stalls=case((moved, 0), else_=OFFSET.c.stalls)
    )
    return Statement(change, *(name for three in names for name in three), "new")


def lag(tx: Transaction, head: int) -> list[Lag]:
    """Return how far each partition is behind the head of the journal."""
    return [
        Lag(partition, position, max(0, head - position), owner, stalls)
        for partition, position, owner, stalls in tx.all(_LAG)
    ]


def lowest(tx: Transaction) -> int:
    """Return the lowest offset: what lies at or before it has been processed by everyone."""
    row = tx.one(_LOWEST)
    return int(row[0] or 0) if row else 0
