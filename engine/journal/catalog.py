"""The journal's index: which journal this is, which days it has, which positions are used up.

On SQLite it is a file of its own, on PostgreSQL it lies beside the entries.

Rule 1: its writing transaction is the lock of the whole journal. Position order is commit order
because positions are chosen and committed inside it.
Rule 2: `floor` is durable before a position below it is used. Who comes anew starts beyond it, so
no position is used twice, even after a day file was replaced by an older copy.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, true, update

from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.journal.protocol import JournalIdentity
from engine.journal.tables import DAY_FILE, JOURNAL

_FOUND = Statement(
    insert(JOURNAL).values(
        id=1,
        instance=bindparam("instance"),
        epoch=1,
        partitions=bindparam("partitions"),
        floor=0,
        dropped=0,
    ),
    "instance",
    "partitions",
)
_STATE = Statement(
    select(
        JOURNAL.c.instance,
        JOURNAL.c.epoch,
        JOURNAL.c.partitions,
        JOURNAL.c.floor,
        JOURNAL.c.dropped,
    )
)
_DAYS = Statement(select(DAY_FILE.c.day, DAY_FILE.c.first).order_by(DAY_FILE.c.first))
_NEWEST = Statement(
    select(DAY_FILE.c.day, JOURNAL.c.floor)
    .select_from(JOURNAL.outerjoin(DAY_FILE, true()))
    .order_by(DAY_FILE.c.first.desc())
    .limit(1)
)
_ADD_DAY = Statement(
    insert(DAY_FILE).values(day=bindparam("day"), first=bindparam("first")), "day", "first"
)
_RAISE = Statement(update(JOURNAL).values(floor=bindparam("floor")), "floor")
_RESERVE = Statement(
    update(JOURNAL)
    .where(JOURNAL.c.instance == bindparam("mine"), JOURNAL.c.epoch == bindparam("current"))
    .values(floor=JOURNAL.c.floor + bindparam("count"))
    .returning(JOURNAL.c.floor, select(func.max(DAY_FILE.c.day)).scalar_subquery()),
    *("mine", "current", "count"),
)
_NEXT_EPOCH = Statement(update(JOURNAL).values(epoch=JOURNAL.c.epoch + 1))
_FORGET = Statement(delete(DAY_FILE).where(DAY_FILE.c.day == bindparam("key")), "key")
_DROPPED = Statement(update(JOURNAL).values(dropped=bindparam("dropped")), "dropped")


@dataclass(frozen=True, slots=True)
class State:
    """What the index knows beside the days."""

    identity: JournalIdentity
    floor: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day file: no entry of it lies before position `first`."""

    day: str
    first: int


def found(tx: Transaction, instance: str, partitions: int) -> None:
    tx.run(_FOUND, instance, partitions)


def state(tx: Transaction) -> State | None:
    """Return the state, or None when no journal was founded here; its tables have to be there."""
    row = tx.one(_STATE)
    if row is None:
        return None
    return State(JournalIdentity(*row[:3]), floor=row[3], dropped=row[4])


def days(tx: Transaction) -> list[Day]:
    """Return the days in the order of their positions."""
    return [Day(*row) for row in tx.all(_DAYS)]


def newest(tx: Transaction) -> tuple[str, int]:
    """Return the newest day and the floor; the day is empty when there is none."""
    row = tx.one(_NEWEST)
    return (row[0] or "", row[1]) if row else ("", 0)


def add_day(tx: Transaction, day: Day) -> None:
    tx.run(_ADD_DAY, day.day, day.first)


def raise_floor(tx: Transaction, floor: int) -> None:
    tx.run(_RAISE, floor)


def reserve(tx: Transaction, identity: JournalIdentity, count: int) -> tuple[int, str] | None:
    """Use up the next positions; returns the last of them and the newest day, empty if none.

    None when the journal has become another one, or is in another epoch.
    """
    row = tx.one(_RESERVE, identity.instance, identity.epoch, count)
    return (row[0], row[1] or "") if row else None


def next_epoch(tx: Transaction) -> None:
    tx.run(_NEXT_EPOCH)


def forget_day(tx: Transaction, day: str, dropped: int) -> None:
    """Take a day off the index; `dropped` is the last position that is gone with it."""
    tx.run(_FORGET, day)
    tx.run(_DROPPED, dropped)
