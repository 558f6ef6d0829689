"""Opens one connection to PostgreSQL the way Concord needs it, and checks what the server promises.

It knows nothing of transactions and tables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrDumperUnknown

from engine.core.fault import Category, FaultError, refuse
from engine.database.postgres_fault import LOST, translate
from engine.database.transaction import Row

_OLDEST = 150_000  # PostgreSQL 15, as `server_version` counts
_PREPARED = 1000

# A holder of the region's lock that was paused may not stop the others for longer than a lease, and
# one whose host vanished has to be noticed by the server as well: hence its keepalives.
# JIT compilation costs more than any statement here. Joins go along the indexes in the order they
# are written in, as on SQLite: the search knows which one narrows most (engine.store.search.sql),
# and a plan that depends on statistics is a slow one until there are some.
_SETTINGS = {
    "application_name": "concord",
    "client_min_messages": "warning",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "idle_in_transaction_session_timeout": "20s",
    "jit": "off",
    "join_collapse_limit": "1",
    "lock_timeout": "15s",
    "random_page_cost": "1.1",
    "statement_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20s",
    "timezone": "UTC",
}
_KEEPALIVE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "target_session_attrs": "read-write",
}
_PATIENCE_S = 75.0
"""For an answer. The server gives a statement up before that, unless it is frozen itself."""
_BRIEFLY_S = 25.0
"""For a lock or a commit, which may wait for a standby that is gone: senders want an answer."""
_PROMISES = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "server_encoding": ("UTF8",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
}


def plain(text: str) -> str:
    """PostgreSQL's text has no NUL; in ids and keys the replacement character stands for it."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


class _TextDumper(StrDumperUnknown):
    def dump(self, obj: str) -> Any:
        return super().dump(plain(obj))


class Connection(psycopg.Connection[Row]):
    """A connection that waits for no answer for ever, and remembers when one was doubtful."""

    patience_s: float | None = _PATIENCE_S
    warned = False

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval, self.patience_s if timeout is None else timeout)

    @contextmanager
    def patient(self, seconds: float | None = _BRIEFLY_S) -> Iterator[None]:
        """Wait that long for the answers within the block; None for as long as it takes."""
        before, self.patience_s = self.patience_s, seconds
        try:
            yield
        finally:
            self.patience_s = before

    def begin(self, text: str) -> None:
        """Open a transaction."""
        with self.patient():
            self.execute(text.encode(), prepare=False)

    def commit_surely(self) -> None:
        """Commit, or raise.

        A COMMIT after a failed statement is answered ROLLBACK, which is no error to libpq. One
        whose wait for a standby was cancelled is answered COMMIT with a warning: it is on one disk
        only (SyncRepWaitForLSN in replication/syncrep.c), and nobody may count on it.
        """
        self.warned = False
        with self.patient():
            answer = self.execute("COMMIT", prepare=False).statusmessage
        if answer != "COMMIT":
            raise refuse(Category.BUG, "not-committed", "the transaction had failed before")
        if self.warned:
            self.close()
            raise FaultError(LOST)

    def roll_back(self) -> None:
        """Undo what is open; a connection that cannot even do that is closed."""
        status = self.info.transaction_status
        if status == TransactionStatus.IDLE:
            return
        if (
            status == TransactionStatus.ACTIVE
        ):  # the answer did not come: it is not to be waited for
            self.close()
            return
        try:
            with self.patient():
                self.execute("ROLLBACK", prepare=False)
        except psycopg.Error:
            self.close()

    def told(self, setting: str) -> str:
        """Return what the server says of one of its settings."""
        row = self.execute("SELECT current_setting(%s)", (setting,)).fetchone()
        return str(row[0]) if row else ""

    def on_timeline(self, newest: int) -> int:
        """Return the server's timeline, which every promotion raises; `newest` is the last we saw.

        FaultError `database-superseded` when it is an older one: a primary that came back after its
        standby was promoted. What it is told nobody else will hear.
        """
        row = self.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())").fetchone()
        timeline = int(row[0][:8], 16) if row else 0
        if timeline < newest:
            self.close()
            message = "this server was replaced by its standby, and came back"
            raise refuse(Category.UNAVAILABLE, "database-superseded", message)
        return timeline

    def notice(self, told: psycopg.errors.Diagnostic) -> None:
        self.warned = self.warned or told.severity_nonlocalized == "WARNING"


def connect(dsn: str, schema: str, *, standby: bool = False) -> Connection:
    """Open a connection that works in `schema`; with `standby` its commits wait for one.

    FaultError `database-unreachable`, `database-refused`, `database-in-the-clear`, or
    `database-unsound` when the server would lose commits or is too old.
    """
    try:
        connection = Connection.connect(_completed(dsn, schema), autocommit=True)
        try:
            _check(connection)
            if standby:
                _check_standby(connection)
        except BaseException:
            connection.close()
            raise
    except psycopg.Error as error:
        raise translate(error) or _unreadable() from error
    _adapt(connection)
    return connection


def _completed(dsn: str, schema: str) -> str:
    """Add what the connection string leaves open; what it says itself holds."""
    said: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(dsn)
    settings = {**_SETTINGS, "search_path": schema}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    said["options"] = f"{options} {said.get('options', '')}"
    return psycopg.conninfo.make_conninfo(**{**_KEEPALIVE, **said})


def _unreadable() -> FaultError:
    return refuse(Category.INVALID, "database-dsn", "the connection string cannot be used")


def in_the_clear(host: str, *, encrypted: bool) -> bool:
    """Tell whether patient data would cross a network as it is; a socket's folder is no network."""
    if encrypted or host.startswith(("/", "@")) or host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def _check(connection: Connection) -> None:
    if in_the_clear(connection.info.host, encrypted=connection.pgconn.ssl_in_use):
        message = "patient data would cross the network in the clear: say sslmode=verify-full"
        raise refuse(Category.FORBIDDEN, "database-in-the-clear", message)
    if connection.info.server_version < _OLDEST:
        raise _unsound("server_version")
    for name, good in _PROMISES.items():
        if connection.info.parameter_status(name) in good:
            continue
        if connection.told(name) not in good:
            raise _unsound(name)


def _check_standby(connection: Connection) -> None:
    """A promoted standby has none of its own until somebody gives it one."""
    if not connection.told("synchronous_standby_names"):
        raise _unsound("synchronous_standby_names")
    if connection.told("synchronous_commit") not in {"on", "remote_apply"}:
        raise _unsound("synchronous_commit")


def _unsound(setting: str) -> FaultError:
    message = "the database server can lose or garble what it committed"
    return refuse(Category.UNAVAILABLE, "database-unsound", message, setting)


def _adapt(connection: Connection) -> None:
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_dumper(str, _TextDumper)
    connection.add_notice_handler(connection.notice)
    connection.prepare_threshold = 0
    connection.prepared_max = _PREPARED
