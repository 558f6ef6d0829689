"""The embedded engine: one SQLite file, many readers, one writer at a time.

Rule 1: writers queue on a lock file before BEGIN IMMEDIATE. SQLite's own busy handler sleeps and
tries again without a queue, which starves small writers behind batch writers.
Rule 2: a writer that waited for the lock reads what the one before it committed.
"""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as driver
from sqlalchemy import MetaData
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import CreateIndex, CreateTable

from engine.core.fault import FaultError
from engine.database.driver import connect
from engine.database.fault import CROWDED, translate
from engine.database.statement import Statement
from engine.database.transaction import Row
from engine.database.turn import Turn
from engine.database.wal import tidy

LOG_PAGES = 16_000
DIALECT = SQLiteDialect(paramstyle="qmark")


class SqliteTransaction:
    """Runs statements on a connection whose transaction is open."""

    __slots__ = ("_connection", "_turn")
    takes_lists = False

    def __init__(self, connection: driver.Connection, turn: Turn) -> None:
        self._connection = connection
        self._turn = turn

    def run(self, statement: Statement, *values: Any) -> int:
        return int(self._execute(statement, values).rowcount)

    def run_many(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(statement.text(DIALECT), statement.arrange_all(DIALECT, rows))

    def one(self, statement: Statement, *values: Any) -> Row | None:
        row: Row | None = self._execute(statement, values).fetchone()
        return row

    def all(self, statement: Statement, *values: Any) -> list[Row]:
        rows: list[Row] = self._execute(statement, values).fetchall()
        return rows

    def insert(self, statement: Statement, *values: Any) -> int:
        return int(self._execute(statement, values).lastrowid)

    def urged(self) -> bool:
        return self._turn.urged()

    def query(self, sql: str, values: Sequence[Any]) -> list[Row]:
        rows: list[Row] = self._connection.execute(sql, tuple(values)).fetchall()
        return rows

    def _execute(self, statement: Statement, values: Sequence[Any]) -> Any:
        return self._connection.execute(
            statement.text(DIALECT), tuple(statement.arrange(DIALECT, values))
        )


class SqliteDatabase:
    """One database file, for one thread at a time; any number of processes may share the file."""

    def __init__(
        self,
        path: Path,
        key: bytes | None = None,
        *,
        cache_mb: int = 32,
        page_bytes: int = 4096,
        log_pages: int = LOG_PAGES,
        first: bool = False,
    ) -> None:
        """Open or create the file at `path`; `key` is 32 raw bytes or None for a plain file.

        `log_pages`: length of the write-ahead log from which a writer moves it into the file.
        `first`: its small transactions go before those of others that wait.
        """
        self.path = path
        self._connection = connect(path, key, cache_mb=cache_mb, page_bytes=page_bytes)
        self._log_pages = log_pages
        try:
            self._turn = Turn(path.with_name(path.name + ".lock"), first=first)
        except OSError as error:
            self._connection.close()
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                raise FaultError(CROWDED) from error
            raise
        self._open = True
        path.chmod(0o600)

    @contextmanager
    def write(self) -> Iterator[SqliteTransaction]:
        """Open a writing transaction: commits at the end of the block, rolls back on any exception.

        Raises FaultError `database-busy` or `disk-full` (nothing was written), or
        StorageBrokenError, after which the process has to stop.
        """
        self._turn.take()
        try:
            with self._transaction("BEGIN IMMEDIATE") as transaction:
                yield transaction
        finally:
            self._turn.give()
        tidy(self._connection, self._turn, self._log_pages)

    @contextmanager
    def read(self) -> Iterator[SqliteTransaction]:
        """Open a reading transaction: one consistent state for the whole block."""
        with self._transaction("BEGIN") as transaction:
            yield transaction

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[SqliteTransaction]:
        try:
            self._connection.execute(begin)
            try:
                yield SqliteTransaction(self._connection, self._turn)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except driver.Error as error:
            raise translate(error) or error from error

    def create(self, metadata: MetaData) -> None:
        """Create the declared tables and indexes that are missing."""
        with self.write():
            for table in metadata.sorted_tables:
                self._define(CreateTable(table, if_not_exists=True))
                for index in sorted(table.indexes, key=lambda index: str(index.name)):
                    self._define(CreateIndex(index, if_not_exists=True))

    def _define(self, ddl: CreateTable | CreateIndex) -> None:
        self._connection.execute(Statement(ddl).text(DIALECT))

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file as far as readers allow, without waiting."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def integrity(self) -> list[str]:
        """Return what is wrong with the file, empty when sound (reads every page)."""
        found = [str(row[0]) for row in self._connection.execute("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._open:
            self._connection.close()
            self._turn.close()
            self._open = False
