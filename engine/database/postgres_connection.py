"""Opens one connection to PostgreSQL the way Concord needs it, and checks what the server promises.

It knows nothing of transactions and tables.
"""

from ipaddress import ip_address
from typing import Any

import psycopg
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrDumperUnknown

from engine.core.fault import Category, FaultError, refuse
from engine.database.postgres_fault import translate
from engine.database.transaction import Row

_OLDEST = 150_000  # PostgreSQL 15, as `server_version` counts
_PREPARED = 1000

# A holder of the region's lock that was paused may not stop the others for longer than a lease.
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
    "lock_timeout": "30s",
    "random_page_cost": "1.1",
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


def connect(dsn: str, schema: str) -> psycopg.Connection[Row]:
    """Open a connection that works in `schema`.

    FaultError `database-unreachable`, `database-refused`, `database-in-the-clear`, or
    `database-unsound` when the server would lose commits or is too old.
    """
    try:
        connection = psycopg.connect(_completed(dsn, schema), autocommit=True)
        try:
            _check(connection)
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


def _check(connection: psycopg.Connection[Row]) -> None:
    if in_the_clear(connection.info.host, encrypted=connection.pgconn.ssl_in_use):
        message = "patient data would cross the network in the clear: say sslmode=verify-full"
        raise refuse(Category.FORBIDDEN, "database-in-the-clear", message)
    if connection.info.server_version < _OLDEST:
        raise _unsound("server_version")
    for name, good in _PROMISES.items():
        if connection.info.parameter_status(name) in good:
            continue
        row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
        if row is None or row[0] not in good:
            raise _unsound(name)


def _unsound(setting: str) -> FaultError:
    message = "the database server can lose or garble what it committed"
    return refuse(Category.UNAVAILABLE, "database-unsound", message, setting)


def _adapt(connection: psycopg.Connection[Row]) -> None:
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_dumper(str, _TextDumper)
    connection.prepare_threshold = 0
    connection.prepared_max = _PREPARED
