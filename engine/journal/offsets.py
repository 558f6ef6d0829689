"""Leases on partitions and the offsets they move: values, and deeds on the store's transaction.

Leases are for efficiency, fences for safety: whoever was paused and overtaken finds that its offset
update touches no row, and its batch is void with everything in it.

Rule 1: `owner` names one life of one process (host, process id, start time), never two.
Rule 2: nothing here asks for the time; who calls passes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import and_, bindparam, case, delete, func, insert, or_, select, update

from engine.core.fault import Category, refuse
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from engine.journal.offset_tables import OFFSET, OWNER

_SEEN = Statement(
    insert(OWNER).values(owner=bindparam("owner"), seen_until_us=bindparam("until")),
    "owner",
    "until",
)
_ALIVE = Statement(
    select(func.count()).select_from(OWNER).where(OWNER.c.seen_until_us > bindparam("now")), "now"
)
_FORGET_DEAD = Statement(delete(OWNER).where(OWNER.c.seen_until_us <= bindparam("now")), "now")
_ALL = Statement(
    select(OFFSET.c.partition, OFFSET.c.owner, OFFSET.c.lease_until_us).order_by(
        OFFSET.c.position, OFFSET.c.partition
    )
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
        lease_until_us=bindparam("until"),
        claimed=OFFSET.c.position,
    ),
    "key",
    "me",
    "until",
    "head",
)
_MINE = Statement(
    select(OFFSET.c.partition, OFFSET.c.position, OFFSET.c.fence, OFFSET.c.stalls)
    .where(OFFSET.c.owner == bindparam("me"))
    .order_by(OFFSET.c.partition),
    "me",
)
_RENEW = Statement(
    update(OFFSET)
    .where(OFFSET.c.partition == bindparam("key"), OFFSET.c.fence == bindparam("mine"))
    .values(lease_until_us=bindparam("until")),
    "key",
    "mine",
    "until",
)
_RELEASE = Statement(
    update(OFFSET)
    .where(OFFSET.c.partition == bindparam("key"), OFFSET.c.fence == bindparam("mine"))
    .values(fence=OFFSET.c.fence + 1, owner="", lease_until_us=0),
    "key",
    "mine",
)
_GIVE_UP = Statement(
    update(OFFSET)
    .where(OFFSET.c.partition == bindparam("key"))
    .values(fence=OFFSET.c.fence + 1, owner="", lease_until_us=0),
    "key",
)
_EXPIRE = Statement(
    update(OFFSET).where(OFFSET.c.owner == bindparam("gone")).values(lease_until_us=0), "gone"
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


def claim(
    tx: Transaction, owner: str, wanted: int, now_us: int, lease_us: int, head: int
) -> list[Lease]:
    """Take up to `wanted` partitions, at most a fair share; returns all that `owner` holds.

    The result replaces what the owner held before: each fence is raised, and what is beyond the
    share is handed back, so calling it again between batches balances the load. `head` is the
    journal's: a holder lost with nothing left to do did not stumble over a message.
    """
    tx.run(_FORGET_DEAD, now_us)
    _seen(tx, owner, now_us + lease_us)
    rows = tx.all(_ALL)
    alive = tx.all(_ALIVE, now_us)[0][0]
    keep, give = _choose(rows, owner, min(wanted, -(-len(rows) // alive)), now_us)
    tx.run_many(_TAKE, [(partition, owner, now_us + lease_us, head) for partition in keep])
    tx.run_many(_GIVE_UP, [(partition,) for partition in give])
    return [Lease(*row) for row in tx.all(_MINE, owner)]


def _seen(tx: Transaction, owner: str, until_us: int) -> None:
    tx.run(_DEPART, owner)
    tx.run(_SEEN, owner, until_us)


def _choose(rows: Sequence[Row], owner: str, most: int, now_us: int) -> tuple[list[int], list[int]]:
    """Return the partitions to hold and those to hand back; the ones furthest behind come first."""
    own = [partition for partition, holder, _ in rows if holder == owner]
    free = [
        partition
        for partition, holder, until in rows
        if holder != owner and (not holder or until <= now_us)
    ]
    return (own + free)[:most], own[most:]


def renew(
    tx: Transaction, owner: str, leases: Sequence[Lease], now_us: int, lease_us: int
) -> list[Lease]:
    """Prolong the leases; returns those that are still held, the others were taken over."""
    until = now_us + lease_us
    _seen(tx, owner, until)
    return [one for one in leases if tx.run(_RENEW, one.partition, one.fence, until)]


def release(tx: Transaction, leases: Sequence[Lease]) -> None:
    """Hand partitions back so that others need not wait; those taken over meanwhile stay theirs."""
    tx.run_many(_RELEASE, [(one.partition, one.fence) for one in leases])


def depart(tx: Transaction, owner: str) -> None:
    """Record that a process is gone: what it held may be taken over at once."""
    tx.run(_EXPIRE, owner)
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
