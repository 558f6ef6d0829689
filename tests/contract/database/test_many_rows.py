"""Many rows in one call mean what they mean one by one, whatever the statement."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    bindparam,
    delete,
    select,
    update,
)

from engine.core.fault import FaultError
from engine.database.inserting import inserting
from engine.database.postgres import PostgresDatabase
from engine.database.postgres_bulk import bulk_of
from engine.database.protocol import Database
from engine.database.statement import Statement

METADATA = MetaData()
NOTE = Table(
    "note",
    METADATA,
    Column("site", String, primary_key=True),
    Column("of", Integer, primary_key=True, autoincrement=False),
    Column("state", SmallInteger, nullable=False),
    Column("text", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
LOG = Table(
    "log",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("text", String, nullable=False),
)
NAMES = ("site", "of", "state", "text", "body")
PUT = inserting(NOTE, *NAMES, on_conflict="replace")
ONCE = inserting(NOTE, *NAMES, on_conflict="replace", only_over=("text", "open"))
NEW = inserting(NOTE, *NAMES, on_conflict="ignore")
KEY = (NOTE.c.site == bindparam("site_"), NOTE.c.of == bindparam("of_"))
WRITE = Statement(
    update(NOTE).where(*KEY).values(text=bindparam("text_"), state=bindparam("state_")),
    *("text_", "state_", "site_", "of_"),
)
COUNT = Statement(update(NOTE).where(*KEY).values(state=NOTE.c.state + 1), "site_", "of_")
DROP = Statement(delete(NOTE).where(*KEY), "site_", "of_")
SAY = inserting(LOG, "text")
ALL = Statement(select(NOTE).order_by(NOTE.c.site, NOTE.c.of))

KEYS = st.tuples(st.sampled_from(["", "é", "Z", "a"]), st.integers(0, 3))
TEXTS = st.sampled_from(["open", "shut", "é\\\"',{}", ""])
ROWS = st.tuples(KEYS, st.integers(0, 99), TEXTS, st.binary(max_size=3)).map(
    lambda drawn: (*drawn[0], *drawn[1:])
)
DEEDS = st.one_of(
    st.tuples(st.sampled_from([PUT, ONCE, NEW]), st.lists(ROWS, max_size=6)),
    st.tuples(
        st.just(WRITE),
        st.lists(st.tuples(TEXTS, st.integers(0, 99), KEYS).map(lambda d: (*d[:2], *d[2]))),
    ),
    st.tuples(st.sampled_from([COUNT, DROP]), st.lists(KEYS, max_size=6)),
)


@pytest.fixture
def database(opened: Callable[[], Database]) -> Database:
    made = opened()
    made.create(METADATA)
    return made


def outcome(database: Database, deeds: Sequence[tuple[Statement, Any]], *, many: bool) -> Any:
    with database.write() as tx:
        tx.query("DELETE FROM note", ())
        for statement, rows in deeds:
            if many:
                tx.run_many(statement, rows)
            else:
                for row in rows:
                    tx.run(statement, *row)
        return tx.all(ALL)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds=st.lists(DEEDS, max_size=5))
def test_they_are_as_one_by_one(database: Database, deeds: list[tuple[Statement, Any]]) -> None:
    assert outcome(database, deeds, many=True) == outcome(database, deeds, many=False)


def test_a_log_is_in_the_order_of_its_rows(database: Database) -> None:
    with database.write() as tx:
        tx.run_many(SAY, [(str(number),) for number in range(50)])
        said = tx.query("SELECT text FROM log ORDER BY seq", ())
    assert [text for (text,) in said] == [str(number) for number in range(50)]


@pytest.mark.parametrize("statement", [PUT, ONCE, NEW, WRITE, DROP, SAY])
def test_each_kind_has_a_statement_for_all(statement: Statement) -> None:
    assert bulk_of(statement) is not None


@pytest.mark.parametrize("statement", [PUT, COUNT])
def test_who_falls_asleep_after_many_rows_loses_the_lock(
    postgres_schema: tuple[str, str], statement: Statement
) -> None:
    uri, schema = postgres_schema
    quickly = "&options=-cidle_in_transaction_session_timeout%3D100"
    sleeper = PostgresDatabase(uri + quickly, schema=schema)
    other = PostgresDatabase(uri, schema=schema)
    sleeper.create(METADATA)
    rows = [("a", n, 0, "", b"") if statement is PUT else ("a", n) for n in (1, 2, 3)]

    def sleep() -> None:
        with sleeper.write() as tx:
            tx.run_many(statement, rows)
            with other.write():  # waits until the server has ended the sleeper
                pass
            tx.run_many(statement, rows)

    with pytest.raises(FaultError, match="database-unreachable"):
        sleep()
    sleeper.close()
    other.close()
