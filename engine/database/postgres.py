"""PostgreSQL as the engine: any number of processes and hosts, one writer at a time in each queue.

Rule 1: the first thing a writing transaction does is to take the advisory lock of its queue, and it
holds it to the end. So what is true on SQLite is true here: nobody else writes what it has read.
Who is not `first` takes the lobby's before: as on SQLite, who is first finds one writer before it
at most, and that one can ask whether somebody waits (`engine.database.turn`).
Rule 2: it runs at READ COMMITTED, so after the lock it sees what the writer before it committed. A
reading transaction is REPEATABLE READ: one state for the whole block.

The server is checked when a connection is opened; a lost connection is opened again by the next
transaction.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import MetaData

from engine.database.postgres_array import columns_of, register
from engine.database.postgres_bulk import bulk_of
from engine.database.postgres_connection import Connection, connect
from engine.database.postgres_fault import translate
from engine.database.postgres_schema import DIALECT, definitions
from engine.database.statement import Statement
from engine.database.transaction import Row

_TIMED = b"SELECT"
"""Says nothing, and starts the server's timer for idle transactions (see `postgres_bulk`)."""
# A key of 64 bits stands there in two halves (postgresql.org/docs/current/view-pg-locks.html).
_WAITING = """
SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objsubid = 1
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND (classid::bigint << 32) | objid::bigint = ? LIMIT 1
"""
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresTransaction:
    """Runs statements on a connection whose transaction is open."""

    __slots__ = ("_connection", "_cursor", "_queue")
    takes_lists = True

    def __init__(self, connection: Connection, queue: int) -> None:
        self._connection = connection
        self._queue = queue
        self._cursor = connection.cursor(binary=True)

    def run(self, statement: Statement, *values: Any) -> int:
        return self._execute(statement, values).rowcount

    def run_many(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        arranged = list(statement.arrange_all(DIALECT, rows))
        bulk = bulk_of(statement) if len(arranged) > 1 else None
        if bulk and bulk.fits(arranged):
            self._cursor.execute(bulk.text, columns_of(arranged), prepare=True)
        elif len(arranged) > 1:
            self._cursor.executemany(statement.text(DIALECT).encode(), arranged)
            self._connection.execute(_TIMED, prepare=False)
        elif arranged:
            self._cursor.execute(statement.text(DIALECT).encode(), arranged[0], prepare=True)

    def one(self, statement: Statement, *values: Any) -> Row | None:
        return self._execute(statement, values).fetchone()

    def all(self, statement: Statement, *values: Any) -> list[Row]:
        return self._execute(statement, values).fetchall()

    def insert(self, statement: Statement, *values: Any) -> int:
        self._execute(statement, values)
        return int(self.query("SELECT lastval()", ())[0][0])

    def urged(self) -> bool:
        return bool(self.query(_WAITING, (self._queue,)))

    def query(self, sql: str, values: Sequence[Any]) -> list[Row]:
        text = sql.replace("%", "%%").replace("?", "%s")
        found = self._cursor.execute(text.encode(), tuple(values), prepare=False)
        return found.fetchall() if found.description else []

    def define(self, text: str) -> None:
        """Run a statement that defines something; an index of a large table takes its time."""
        with self._connection.patient(None):
            self._connection.execute(text.encode(), prepare=False)

    def copy(
        self, table: str, columns: Sequence[str], types: Sequence[str], rows: Iterable[Row]
    ) -> None:
        """Append rows by the binary COPY protocol; `types` are the SQL types of the columns."""
        text = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._cursor.copy(text) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def _execute(self, statement: Statement, values: Sequence[Any]) -> psycopg.Cursor[Row]:
        arranged = statement.arrange(DIALECT, values)
        return self._cursor.execute(statement.text(DIALECT).encode(), arranged, prepare=True)


class PostgresDatabase:
    """One schema of a PostgreSQL database, for one thread at a time."""

    def __init__(
        self,
        dsn: str,
        *,
        schema: str,
        queue: str = "store",
        standby: bool = False,
        first: bool = False,
    ) -> None:
        """Connect. `dsn` as libpq reads it; writers queue with those of the same `queue`.

        `first`: its small transactions go before those of others that wait. FaultError when the
        server cannot be reached, refuses, or does not keep its promises; with `standby` it has to
        promise that a commit waits for one.
        """
        self._dsn = dsn
        self._schema = schema
        self._standby = standby
        self._queue = _key(schema, queue)
        lobby = "" if first else f"{_lock(_key(schema, f'{queue} lobby'))}; "
        self._write = f"BEGIN; {lobby}{_lock(self._queue)}"
        self._connection: Connection | None = None
        self._timeline = 0
        self._connected()

    @contextmanager
    def write(self) -> Iterator[PostgresTransaction]:
        """Open a writing transaction: commits at the end of the block, rolls back on any exception.

        Raises FaultError `database-busy` or `disk-full` (nothing was written),
        `database-unreachable` (nothing was, unless the connection broke while committing), or
        StorageBrokenError, after which the process has to stop.
        """
        with self._transaction(self._write) as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Iterator[PostgresTransaction]:
        """Open a reading transaction: one consistent state for the whole block."""
        with self._transaction(_READ) as transaction:
            yield transaction

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[PostgresTransaction]:
        try:
            connection = self._connected()
            try:
                connection.begin(begin)
                yield PostgresTransaction(connection, self._queue)
                connection.commit_surely()
            except BaseException:
                connection.roll_back()
                raise
        except psycopg.Error as error:
            raise translate(error) or error from error

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = connect(self._dsn, self._schema, standby=self._standby)
            self._timeline = connection.on_timeline(self._timeline)
            register(connection)
            self._connection = connection
        return self._connection

    def create(self, metadata: MetaData) -> None:
        """Create the schema, and the declared tables and indexes that are missing."""
        with self.write() as tx:
            tx.define("SET LOCAL statement_timeout = 0")
            tx.define(_lock(_key(self._schema, "tables")))  # every queue has tables, in one schema
            tx.define(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
            for text in definitions(metadata):
                tx.define(text)

    def checkpoint(self) -> None:
        """Leave it to the server, which moves its write-ahead log into the tables by itself."""

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        if self._connection is not None:
            self._connection.close()


def _key(schema: str, queue: str) -> int:
    """Return the number of a queue's lock."""
    key = blake2b(f"{schema}/{queue}".encode(), digest_size=8).digest()
    return int.from_bytes(key, "big", signed=True)


def _lock(key: int) -> str:
    return f"SELECT pg_advisory_xact_lock({key})"
