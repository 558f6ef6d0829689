"""One day file of the journal: its entries, and the check that they are what was written.

It does not know which positions are free or which day it is: the journal tells it.
"""

import hashlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, insert, select

from engine.core.fault import Category, FaultError, refuse
from engine.core.values import Entry, Envelope
from engine.database.lists import ListStatement
from engine.database.sqlite import SqliteDatabase
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from engine.journal.partition import partition_of
from engine.journal.tables import DAY, ENTRY, ORIGIN

# The journal is written at its end and read near it: a checkpoint of 2,000 pages stays short, and
# the pages a reader wants are the ones just written.
_CHECKPOINT_PAGES = 2000
_CACHE_MB = 16
_SMALLEST_WINDOW = 64

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


@dataclass(frozen=True, slots=True)
class Found:
    """Part of a day: entries, how far all wanted ones are among them, and whether more is there."""

    entries: list[Entry]
    upto: int
    more: bool


def digest(body: bytes) -> bytes:
    """Return the 16-byte BLAKE2b (RFC 7693) that stands beside each body."""
    return hashlib.blake2b(body, digest_size=16).digest()


def row_of(envelope: Envelope, partitions: int) -> tuple[Any, ...]:
    """Return what is stored of an envelope, without its position."""
    return (
        partition_of(envelope.site, envelope.lane, partitions),
        envelope.channel,
        envelope.site,
        envelope.media_type,
        envelope.received_us,
        envelope.control_id,
        envelope.lane,
        digest(envelope.body),
        envelope.body,
    )


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

    def read_on(
        self, after: int, limit: int, max_bytes: int, partitions: Container[int] | None
    ) -> Found:
        """Look at the next stretch of rows beyond `after` and return the wanted ones."""
        size = limit if partitions is None else max(4 * limit, _SMALLEST_WINDOW)
        with self._database.read() as tx:
            window = tx.all(_WINDOW, after, size)
            wanted = _wanted(window, limit, max_bytes, partitions)
            rows = sorted(_ENTRIES.all(tx, wanted.positions))
        entries, whole = _verified(rows)
        if not whole:
            return Found(entries, entries[-1].position, more=True)
        if wanted.cut:
            return Found(entries, wanted.positions[-1], more=True)
        return Found(entries, window[-1][0] if window else after, more=len(window) == size)

    def entry(self, position: int) -> Entry | None:
        with self._database.read() as tx:
            rows = _ENTRIES.all(tx, [position])
        entries, _ = _verified(rows)
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
    return SqliteDatabase(path, key, cache_mb=_CACHE_MB, checkpoint_pages=_CHECKPOINT_PAGES)


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


@dataclass(frozen=True, slots=True)
class _Wanted:
    positions: list[int]
    cut: bool  # a bound was reached, so wanted rows may follow within the window


def _wanted(
    window: Sequence[Row], limit: int, max_bytes: int, partitions: Container[int] | None
) -> _Wanted:
    positions: list[int] = []
    room = max_bytes
    for position, partition, length in window:
        if partitions is not None and partition not in partitions:
            continue
        if positions and (len(positions) >= limit or length > room):
            return _Wanted(positions, cut=True)
        positions.append(position)
        room -= length
    return _Wanted(positions, cut=False)


def _verified(rows: Sequence[Row]) -> tuple[list[Entry], bool]:
    """Return the entries before the first damaged one; FaultError when that is the very first."""
    entries: list[Entry] = []
    for row in rows:
        position, partition, channel, site, media_type, received_us, control_id, lane = row[:8]
        if digest(row[9]) != row[8]:
            if not entries:
                raise _corrupt(position)
            return entries, False
        envelope = Envelope(channel, site, media_type, row[9], received_us, control_id, lane)
        entries.append(Entry(position, partition, envelope))
    return entries, True


def _corrupt(position: int) -> FaultError:
    return refuse(
        Category.UNAVAILABLE,
        "journal-corrupt",
        "an entry of the journal is not what was written",
        f"position {position}",
    )
