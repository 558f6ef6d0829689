"""The journal on PostgreSQL: a table partitioned by UTC day, any number of appending processes.

An append takes the lock of the journal's queue before its first position and holds it until it is
committed: whoever has read position 20 will never see a 19 appear.

Rule: appending never goes back to an earlier day than the newest, whatever the clock says, so the
days follow one another in position order.
"""

from collections.abc import Container, Sequence

from engine.core.fault import Category, FaultError, refuse
from engine.core.values import Entry, Envelope
from engine.database.fault import StorageBrokenError
from engine.database.postgres import PostgresDatabase
from engine.database.transaction import Transaction
from engine.journal import catalog
from engine.journal.catalog import Day
from engine.journal.entries import Ask, day_of, read_through, row_of
from engine.journal.partition import DEFAULT_PARTITIONS
from engine.journal.postgres_day import append, begin, day_table, drop
from engine.journal.protocol import Batch, JournalIdentity
from engine.journal.tables import INDEX, PARTITIONED

QUEUE = "journal"
"""Appending waits for no batch of the store: it has a queue of its own."""


def open_postgres_journal(dsn: str, schema: str, *, standby: bool = False) -> "PostgresJournal":
    """Open the journal of a schema, with a connection of its own (see `PostgresDatabase`)."""
    database = PostgresDatabase(dsn, schema=schema, queue=QUEUE, standby=standby)
    try:
        return PostgresJournal(database)
    except FaultError:
        database.close()
        raise


def found_postgres_journal(
    dsn: str, schema: str, *, instance: str, partitions: int = DEFAULT_PARTITIONS
) -> None:
    """Make a new, empty journal; does nothing when there is one already."""
    database = PostgresDatabase(dsn, schema=schema, queue=QUEUE)
    try:
        database.create(INDEX)
        database.create(PARTITIONED)
        with database.write() as tx:
            if catalog.state(tx) is None:
                catalog.found(tx, instance, partitions)
    finally:
        database.close()


class PostgresJournal:
    """An opened journal (see `engine.journal.protocol.Journal`)."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Use `database`, which is closed with the journal. FaultError `journal-missing`."""
        self._database = database
        self._identity = self._founded().identity
        self._broken: StorageBrokenError | None = None

    def identity(self) -> JournalIdentity:
        return self._identity

    def open_epoch(self, beyond: int = 0) -> JournalIdentity:
        """Start a new epoch, after a restore from which offsets and positions do not agree.

        Positions up to `beyond` are taken: accounts of messages that are lost here carry them.
        """
        with self._database.write() as tx:
            catalog.next_epoch(tx)
            catalog.raise_floor(tx, max(beyond, _founded_in(tx).floor))
        self._identity = self._founded().identity
        return self._identity

    def append(self, envelopes: Sequence[Envelope]) -> list[int]:
        if self._broken is not None:
            raise self._broken
        if not envelopes:
            return []
        try:
            first = self._append(envelopes)
        except StorageBrokenError as error:
            self._broken = error
            raise
        return list(range(first, first + len(envelopes)))

    def _append(self, envelopes: Sequence[Envelope]) -> int:
        rows = [row_of(envelope, self._identity.partitions) for envelope in envelopes]
        today = day_of(envelopes)
        with self._database.write() as tx:
            reserved = catalog.reserve(tx, self._identity, len(rows))
            if reserved is None:
                message = "the journal was recovered or replaced while this process ran"
                raise refuse(Category.CONFLICT, "journal-mismatch", message)
            last, newest = reserved
            first = last - len(rows) + 1
            if newest < today:
                begin(tx, today)
                catalog.add_day(tx, Day(today, first))
            append(tx, max(newest, today), rows, first)
        return first

    def head(self) -> int:
        with self._database.read() as tx:
            for day in reversed(catalog.days(tx)):
                if last := day_table(day.day).last(tx):
                    return last
            return _founded_in(tx).dropped

    def read_on(
        self, after: int, limit: int, max_bytes: int, partitions: Container[int] | None
    ) -> Batch:
        ask = Ask(limit, max_bytes, partitions)
        with self._database.read() as tx:
            days = catalog.days(tx)
            return read_through(
                days, after, lambda day, upto: day_table(day).read_on(tx, ask, upto)
            )

    def entry(self, position: int) -> Entry | None:
        with self._database.read() as tx:
            holding = [day for day in catalog.days(tx) if day.first <= position]
            return day_table(holding[-1].day).entry(tx, position) if holding else None

    def days(self) -> list[Day]:
        """Return the days the journal holds, oldest first."""
        with self._database.read() as tx:
            return catalog.days(tx)

    def drop_day(self, day: str, passed: int) -> None:
        """Delete the oldest day; `passed` is the lowest offset or replay cursor.

        FaultError `day-in-use` when it is the newest or not the oldest day, or when an entry of it
        lies beyond `passed`; `database-busy` when somebody reads the journal for long.
        """
        with self._database.write() as tx:
            known = catalog.days(tx)
            last = day_table(day).last(tx) if any(one.day == day for one in known) else 0
            if len(known) < 2 or known[0].day != day or last > passed:
                raise refuse(Category.CONFLICT, "day-in-use", "the day is still needed", day)
            catalog.forget_day(tx, day, max(last, _founded_in(tx).dropped))
            drop(tx, day)

    def close(self) -> None:
        self._database.close()

    def _founded(self) -> catalog.State:
        with self._database.read() as tx:
            if tx.query("SELECT to_regclass('journal')", ())[0][0] is None:
                raise _missing()
            return _founded_in(tx)


def _founded_in(tx: Transaction) -> catalog.State:
    state = catalog.state(tx)
    if state is None:
        raise _missing()
    return state


def _missing() -> FaultError:
    return refuse(Category.NOT_FOUND, "journal-missing", "there is no journal here")
