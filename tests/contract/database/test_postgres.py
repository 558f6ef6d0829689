"""What only PostgreSQL has: a server that goes away, refuses, or would not keep its promises."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, select

from engine.core.fault import FaultError
from engine.database.fault import StorageBrokenError
from engine.database.inserting import inserting
from engine.database.postgres import PostgresDatabase, PostgresTransaction
from engine.database.postgres_connection import in_the_clear
from engine.database.postgres_fault import translate
from engine.database.statement import Statement

PATIENCE_S = 20.0
METADATA = MetaData()
THING = Table("thing", METADATA, Column("id", Integer, primary_key=True, autoincrement=False))
ADD = inserting(THING, "id")
COUNT = Statement(select(func.count()).select_from(THING))


@pytest.fixture
def database(postgres_schema: tuple[str, str]) -> Iterator[PostgresDatabase]:
    uri, schema = postgres_schema
    opened = PostgresDatabase(uri, schema=schema)
    opened.create(METADATA)
    yield opened
    opened.close()


@pytest.fixture
def admin(postgres_uri: str) -> Iterator[Callable[[str], None]]:
    with psycopg.connect(postgres_uri, autocommit=True) as connection:

        def told(sql: str) -> None:
            connection.execute(sql.encode())

        yield told


def own_process(database: PostgresDatabase) -> int:
    with database.read() as tx:
        return int(tx.query("SELECT pg_backend_pid()", ())[0][0])


def count(database: PostgresDatabase) -> int:
    with database.read() as tx:
        return int(tx.all(COUNT)[0][0])


def add(database: PostgresDatabase, number: int) -> None:
    with database.write() as tx:
        tx.run(ADD, number)


def test_a_lost_connection_is_told_and_opened_again(
    database: PostgresDatabase, admin: Callable[[str], None]
) -> None:
    admin(f"SELECT pg_terminate_backend({own_process(database)}, 5000)")
    with pytest.raises(FaultError, match="database-unreachable"):
        add(database, 1)
    add(database, 1)
    assert count(database) == 1


def test_a_connection_lost_in_a_deed_undoes_it(
    database: PostgresDatabase, admin: Callable[[str], None]
) -> None:
    process = own_process(database)

    def lose() -> None:
        with database.write() as tx:
            tx.run(ADD, 1)
            admin(f"SELECT pg_terminate_backend({process}, 5000)")
            tx.run(ADD, 2)

    with pytest.raises(FaultError, match="database-unreachable"):
        lose()
    assert count(database) == 0


def test_a_failed_statement_that_was_passed_over_is_not_committed(
    database: PostgresDatabase,
) -> None:
    add(database, 1)

    def pass_over() -> None:
        with database.write() as tx:
            tx.run(ADD, 2)
            with pytest.raises(psycopg.Error):
                tx.run(ADD, 1)

    with pytest.raises(FaultError, match="not-committed"):
        pass_over()
    assert count(database) == 1


def test_a_writer_does_not_wait_for_ever(
    database: PostgresDatabase, postgres_schema: tuple[str, str]
) -> None:
    uri, schema = postgres_schema
    other = PostgresDatabase(uri + "&options=-clock_timeout%3D50", schema=schema)
    with database.write(), pytest.raises(FaultError, match="database-busy"):
        add(other, 1)
    add(other, 1)
    other.close()
    assert count(database) == 1


def test_a_server_without_a_standby_is_refused_where_one_is_required(
    postgres_schema: tuple[str, str],
) -> None:
    uri, schema = postgres_schema
    with pytest.raises(FaultError, match="database-unsound") as refused:
        PostgresDatabase(uri, schema=schema, standby=True)
    assert refused.value.fault.where == "synchronous_standby_names"


def test_hosts_that_start_at_once_make_the_tables_once(
    postgres_uri: str, postgres_schemas: Callable[[], str]
) -> None:
    schema = postgres_schemas()
    handles = [
        PostgresDatabase(postgres_uri, schema=schema, queue=queue)
        for queue in ("store", "journal", "store", "journal")
    ]
    with ThreadPoolExecutor(len(handles)) as pool:
        for done in [pool.submit(handle.create, METADATA) for handle in handles]:
            done.result(60)
    assert count(handles[0]) == 0
    for handle in handles:
        handle.close()


def test_another_queue_does_not_wait(
    database: PostgresDatabase, postgres_schema: tuple[str, str]
) -> None:
    uri, schema = postgres_schema
    journal = PostgresDatabase(uri, schema=schema, queue="journal")
    with database.write() as tx:
        tx.run(ADD, 1)
        add(journal, 2)
    journal.close()
    assert count(database) == 2


def test_who_is_first_goes_before_those_who_wait_and_is_heard(
    postgres_schema: tuple[str, str], database: PostgresDatabase
) -> None:
    uri, schema = postgres_schema
    first = PostgresDatabase(uri, schema=schema, first=True)
    others = [PostgresDatabase(uri, schema=schema) for _ in range(2)]
    order: list[str] = []

    def write(name: str, opened: PostgresDatabase) -> None:
        with opened.write():
            order.append(name)

    with ThreadPoolExecutor(3) as threads:
        with database.write() as tx:
            waiting = [threads.submit(write, "other", one) for one in others]
            _until(lambda: _waiters(tx) >= 2)
            assert not tx.urged()
            waiting.append(threads.submit(write, "first", first))
            _until(tx.urged)
        for one in waiting:
            one.result(PATIENCE_S)
    with database.write() as tx:
        assert not tx.urged()
    assert order == ["first", "other", "other"]
    for opened in (first, *others):
        opened.close()


def _waiters(tx: PostgresTransaction) -> int:
    text = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return int(tx.query(text, ())[0][0])


def _until(said: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not said():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_a_holder_that_sleeps_loses_the_lock(
    database: PostgresDatabase, postgres_schema: tuple[str, str]
) -> None:
    uri, schema = postgres_schema
    sleeper = PostgresDatabase(
        uri + "&options=-cidle_in_transaction_session_timeout%3D100", schema=schema
    )

    def sleep() -> None:
        with sleeper.write() as tx:
            tx.run(ADD, 1)
            add(database, 2)  # waits until the server has ended the other
            tx.run(ADD, 3)

    with pytest.raises(FaultError, match="database-unreachable"):
        sleep()
    sleeper.close()
    assert count(database) == 1


@pytest.mark.parametrize(
    ("suffix", "code"),
    [
        ("&options=-csynchronous_commit%3Doff", "database-unsound"),
        ("&port=1", "database-unreachable"),
        ("&dbname=nowhere", "database-unreachable"),
        ("&user=nobody", "database-unreachable"),
        ("&colour=blue", "database-dsn"),
    ],
)
def test_a_server_that_will_not_do_is_refused(postgres_uri: str, suffix: str, code: str) -> None:
    with pytest.raises(FaultError, match=code):
        PostgresDatabase(postgres_uri + suffix, schema="any")


@pytest.mark.parametrize(
    ("host", "encrypted", "clear"),
    [
        ("/run/postgresql", False, False),
        ("localhost", False, False),
        ("127.0.0.1", False, False),
        ("::1", False, False),
        ("10.0.0.7", False, True),
        ("db.north.example", False, True),
        ("db.north.example", True, False),
    ],
)
def test_a_server_across_the_network_has_to_encrypt(
    host: str, encrypted: bool, clear: bool
) -> None:
    assert in_the_clear(host, encrypted=encrypted) == clear


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (psycopg.errors.SerializationFailure, "database-busy"),
        (psycopg.errors.DeadlockDetected, "database-busy"),
        (psycopg.errors.DiskFull, "disk-full"),
        (psycopg.errors.TooManyConnections, "database-unreachable"),
        (psycopg.errors.AdminShutdown, "database-unreachable"),
        (psycopg.errors.ReadOnlySqlTransaction, "database-unreachable"),
        (psycopg.errors.InsufficientPrivilege, "database-refused"),
        (psycopg.errors.UndefinedTable, "store-mismatch"),
        (psycopg.OperationalError, "database-unreachable"),
    ],
)
def test_an_error_says_what_the_caller_can_do(error: type[psycopg.Error], code: str) -> None:
    fault = translate(error("with a value in it"))
    assert fault is not None
    assert fault.fault.code == code
    assert "value" not in str(fault)


@pytest.mark.parametrize("error", [psycopg.errors.IoError, psycopg.errors.DataCorrupted])
def test_storage_that_failed_stops_the_process(error: type[psycopg.Error]) -> None:
    assert isinstance(translate(error("")), StorageBrokenError)


@pytest.mark.parametrize("error", [psycopg.errors.UniqueViolation, psycopg.errors.SyntaxError])
def test_a_mistake_of_ours_is_none_of_them(error: type[psycopg.Error]) -> None:
    assert translate(error("")) is None
