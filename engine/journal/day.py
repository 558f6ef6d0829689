"""One day file of the journal: its entries, and the check that they are what was written.

It does not know which positions are free or which day it is: the journal tells it.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, insert, select

from engine.core.fault import Category, FaultError, refuse
from engine.core.values import Entry
from engine.database.lists import ListStatement
from engine.database.sqlite import SqliteDatabase
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.journal.entries import Ask, Found, look, verified
from engine.journal.tables import DAY, ENTRY, ORIGIN

# Senders wait while the log is moved into the file: 500 pages take 4 to 12 ms on a busy disk, 2,000
# take 20 to 58, for the same processor time in all. What is read are the pages just written, and
# each worker reads them once, so there is little to keep.
_PAGE_BYTES = 8192
_LOG_PAGES = 500
_CACHE_MB = 2

_COLUMNS = [column.name for column in ENTRY.columns]
_INSERT = Statement(insert(ENTRY).values({name: bindparam(name) for name in _COLUMNS}), *_COLUMNS)
_LAST = Statement(select(func.max(ENTRY.c.position)))
_WINDOW = Statement(
    select(ENTRY.c.position, ENTRY.c.partition, func.length(ENTRY.c.body))
    .where(ENTRY.c.position > bindparam("after"))
    .order_by(ENTRY.c.position)
    .limit(bindparam("most")),
    "after",
    "most",
)
_ENTRIES = ListStatement(lambda keys: select(ENTRY).where(ENTRY.c.position.in_(keys)))
_CLAIM = Statement(
    insert(ORIGIN).values(day=bindparam("day"), instance=bindparam("instance")), "day", "instance"
)
_ORIGIN = Statement(select(ORIGIN.c.day, ORIGIN.c.instance))


class DayFile:
    """The opened file of one day."""

    __slots__ = ("_database",)

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def append(self, rows: Sequence[tuple[Any, ...]], after: int, floor: int) -> int:
        """Write rows at the positions beyond `after` and beyond what the file holds.

        Returns the first position, or 0 with nothing written when they would pass `floor`.
        """
        with self._database.write() as tx:
            first = max(after, _last(tx)) + 1
            if first + len(rows) - 1 > floor:
                return 0
            tx.run_many(_INSERT, _numbered(rows, first))
        return first

    def last(self) -> int:
        """Return the last position in the file, 0 when it is empty."""
        with self._database.read() as tx:
            return _last(tx)

    def read_on(self, ask: Ask, after: int) -> Found:
        """Look at the next stretch of rows beyond `after` and return the wanted ones."""
        with self._database.read() as tx:
            return look(ask, after, partial(tx.all, _WINDOW), partial(_ENTRIES.all, tx))

    def entry(self, position: int) -> Entry | None:
        with self._database.read() as tx:
            rows = _ENTRIES.all(tx, [position])
        entries, _ = verified(rows)
        return entries[0] if entries else None

    def close(self) -> None:
        self._database.close()


def found_day(path: Path, key: bytes | None, day: str, instance: str) -> DayFile:
    """Create the file of a new day, or take over an empty one that a killed process began.

    FaultError `journal-index-old` when it already holds entries: the index has forgotten a day.
    """
    database = _open(path, key)
    try:
        database.create(DAY)
        with database.write() as tx:
            _claim_empty(tx, day, instance)
    except FaultError:
        database.close()
        raise
    return _checked(database, day, instance)


def _claim_empty(tx: Transaction, day: str, instance: str) -> None:
    if _last(tx):
        raise refuse(
            Category.CONFLICT, "journal-index-old", "the index of days is older than a day", day
        )
    if tx.one(_ORIGIN) is None:
        tx.run(_CLAIM, day, instance)


def open_day(path: Path, key: bytes | None, day: str, instance: str) -> DayFile:
    """Open the file of a known day. FaultError when it is missing or is another journal's."""
    if not path.exists():
        raise refuse(Category.UNAVAILABLE, "journal-day-missing", "a day file is missing", day)
    return _checked(_open(path, key), day, instance)


def _open(path: Path, key: bytes | None) -> SqliteDatabase:
    return SqliteDatabase(
        path, key, cache_mb=_CACHE_MB, page_bytes=_PAGE_BYTES, log_pages=_LOG_PAGES
    )


def _checked(database: SqliteDatabase, day: str, instance: str) -> DayFile:
    with database.read() as tx:
        made = tx.query("SELECT 1 FROM sqlite_master WHERE name = 'origin'", ())
        origin = tx.one(_ORIGIN) if made else None
    if origin != (day, instance):
        database.close()
        raise refuse(
            Category.CONFLICT, "journal-day-foreign", "a day file is not this journal's", day
        )
    return DayFile(database)


def _last(tx: Transaction) -> int:
    row = tx.one(_LAST)
    return int(row[0] or 0) if row else 0


def _numbered(rows: Sequence[tuple[Any, ...]], first: int) -> Iterable[tuple[Any, ...]]:
    return ((position, *row) for position, row in enumerate(rows, first))
