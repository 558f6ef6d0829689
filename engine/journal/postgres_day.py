"""One day of the journal on PostgreSQL: a partition, read and written as the table it is.

A partition is made apart and then attached, which does not wait for those who read the others.
Ids that senders choose are kept as bytes: PostgreSQL's text has no NUL.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import MetaData, bindparam, func, select

from engine.core.values import Entry
from engine.database.lists import ListStatement
from engine.database.postgres import PostgresTransaction
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from engine.journal.entries import Ask, Found, look, verified
from engine.journal.tables import ENTRIES

_COLUMNS = tuple(column.name for column in ENTRIES.columns)
_TYPES = (
    "text",
    "int8",
    "int8",
    "text",
    "text",
    "text",
    "int8",
    "bytea",
    "bytea",
    "bytea",
    "bytea",
)
_CONTROL_ID, _LANE = 5, 6  # in a row without day and position


class Day:
    """The statements on one day's table."""

    __slots__ = ("_entries", "_last", "_window", "name")

    def __init__(self, day: str) -> None:
        self.name = f"entry_{day.replace('-', '_')}"
        table = ENTRIES.to_metadata(MetaData(), name=self.name)
        columns = [column for column in table.columns if column.name != "day"]
        self._last = Statement(select(func.max(table.c.position)))
        self._window = Statement(
            select(table.c.position, table.c.partition, func.length(table.c.body))
            .where(table.c.position > bindparam("after"))
            .order_by(table.c.position)
            .limit(bindparam("most")),
            *("after", "most"),
        )
        self._entries = ListStatement(
            lambda keys: select(*columns).where(table.c.position.in_(keys))
        )

    def last(self, tx: Transaction) -> int:
        """Return the last position of the day, 0 when it has none."""
        row = tx.one(self._last)
        return int(row[0] or 0) if row else 0

    def read_on(self, tx: Transaction, ask: Ask, after: int) -> Found:
        """Look at the next stretch of rows beyond `after` and return the wanted ones."""
        return look(ask, after, partial(tx.all, self._window), partial(self._rows, tx))

    def entry(self, tx: Transaction, position: int) -> Entry | None:
        entries, _ = verified(list(self._rows(tx, [position])))
        return entries[0] if entries else None

    def _rows(self, tx: Transaction, positions: Sequence[int]) -> Iterator[Row]:
        for row in self._entries.all(tx, positions):
            yield (*row[:6], row[6].decode(), row[7].decode(), *row[8:])


@lru_cache(maxsize=16)
def day_table(day: str) -> Day:
    return Day(day)


def begin(tx: PostgresTransaction, day: str) -> None:
    """Make the partition of a new day."""
    name = day_table(day).name
    tx.define(f'CREATE TABLE "{name}" (LIKE "{ENTRIES.name}" INCLUDING ALL)')
    tx.define(f'ALTER TABLE "{ENTRIES.name}" ATTACH PARTITION "{name}" FOR VALUES IN (\'{day}\')')


def drop(tx: PostgresTransaction, day: str) -> None:
    """Delete a day with its entries."""
    name = day_table(day).name
    tx.define(f'ALTER TABLE "{ENTRIES.name}" DETACH PARTITION "{name}"')
    tx.define(f'DROP TABLE "{name}"')


def append(tx: PostgresTransaction, day: str, rows: Sequence[tuple[Any, ...]], first: int) -> None:
    """Write rows (`engine.journal.entries.row_of`) at the positions from `first` on."""
    placed = (
        (
            *(day, position),
            *row[:_CONTROL_ID],
            *(row[_CONTROL_ID].encode(), row[_LANE].encode()),
            *row[_LANE + 1 :],
        )
        for position, row in enumerate(rows, first)
    )
    tx.copy(day_table(day).name, _COLUMNS, _TYPES, placed)
