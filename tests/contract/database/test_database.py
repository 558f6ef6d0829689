"""What every engine keeps: one deed or nothing, one writer at a time, readers of one state."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    select,
    update,
)

from engine.database.inserting import inserting
from engine.database.lists import MOST, ListStatement
from engine.database.protocol import Database
from engine.database.statement import Statement

Opened = Callable[[], Database]

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("of", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
Index("thing_name", THING.c.name)
NAMES = ("id", "name", "of", "body")
ADD = inserting(THING, *NAMES)
ADD_NEW = inserting(THING, *NAMES, on_conflict="ignore")
PUT = inserting(THING, *NAMES, on_conflict="replace")
RENAME = inserting(THING, *NAMES, on_conflict="replace", replaced=("name",))
ALL = Statement(select(THING).order_by(THING.c.id))
SORTED = Statement(select(THING.c.name).order_by(THING.c.name))
RAISE = Statement(
    update(THING)
    .where(THING.c.of < bindparam("most"), THING.c.id != bindparam("key"))
    .values(of=THING.c.of + 1),
    "most",
    "key",
)
SOME = ListStatement(lambda keys: select(THING.c.id).where(THING.c.id.in_(keys)))
DROP = ListStatement(lambda keys: delete(THING).where(THING.c.id.in_(keys)))
NAMED = ListStatement(
    lambda keys: select(THING.c.id).where(THING.c.name.in_(keys), THING.c.of > bindparam("above")),
    "above",
)


def rows(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as tx:
        return tx.all(ALL)


def filled(opened: Opened, things: Sequence[tuple[Any, ...]] = ()) -> Database:
    database = opened()
    database.create(METADATA)
    with database.write() as tx:
        tx.run_many(ADD, things)
    return database


def thing(number: int, name: str = "", of: int = 0, body: bytes = b"") -> tuple[Any, ...]:
    return (number, name, of, body)


def fail(database: Database, error: type[BaseException]) -> None:
    with database.write() as tx:
        tx.run(ADD, *thing(2))
        raise error


def test_creating_twice_keeps_what_there_is(opened: Opened) -> None:
    database = filled(opened, [thing(1)])
    database.create(METADATA)
    assert rows(database) == [thing(1)]


def test_a_committed_row_is_read_by_another_handle(opened: Opened) -> None:
    writer = filled(opened)
    reader = opened()
    with writer.write() as tx:
        assert tx.run(ADD, *thing(1)) == 1
        assert rows(reader) == []
    assert rows(reader) == [thing(1)]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_exception_rolls_everything_back(opened: Opened, error: type[BaseException]) -> None:
    database = filled(opened, [thing(1)])
    with pytest.raises(error):
        fail(database, error)
    assert rows(database) == [thing(1)]
    with database.write() as tx:
        tx.run(ADD, *thing(2))
    assert len(rows(database)) == 2


def test_a_statement_that_fails_takes_the_whole_deed_along(opened: Opened) -> None:
    database = filled(opened, [thing(1)])
    with pytest.raises(Exception, match=r"(?i)unique"), database.write() as tx:
        tx.run_many(ADD, [thing(2), thing(1)])
    assert rows(database) == [thing(1)]


def test_values_come_back_as_they_were(opened: Opened) -> None:
    things = [
        thing(1, "é\U0001f600 'x' %s ? \\", (1 << 63) - 1, bytes(range(256))),
        thing(2, "", -(1 << 63), b""),
        thing(1 << 40, "wide", 3, b"\0"),
    ]
    assert rows(filled(opened, things)) == things


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
def test_a_number_beyond_64_bits_is_refused(opened: Opened, value: int) -> None:
    database = filled(opened)
    with pytest.raises(OverflowError), database.write() as tx:
        tx.run(ADD, *thing(1, "", value))
    assert rows(database) == []


def test_text_that_is_not_unicode_is_refused(opened: Opened) -> None:
    database = filled(opened)
    with pytest.raises(UnicodeEncodeError), database.write() as tx:
        tx.run(ADD, *thing(1, "\ud800"))
    assert rows(database) == []


def test_text_is_sorted_by_its_bytes(opened: Opened) -> None:
    names = ["b", "a", "B", "é", "z", "_", "\U0001f600", "ﬀ", "a b", "ab"]
    database = filled(opened, [thing(n, name) for n, name in enumerate(names)])
    with database.read() as tx:
        assert [row[0] for row in tx.all(SORTED)] == sorted(names)


def test_a_row_that_exists_is_kept_replaced_or_renamed(opened: Opened) -> None:
    database = filled(opened, [thing(1, "one", 1)])
    with database.write() as tx:
        assert tx.run(ADD_NEW, *thing(1, "two", 2)) == 0
        assert tx.run(ADD_NEW, *thing(2, "two", 2)) == 1
    assert rows(database) == [thing(1, "one", 1), thing(2, "two", 2)]
    with database.write() as tx:
        tx.run(PUT, *thing(1, "uno", 5))
        tx.run_many(RENAME, [thing(2, "due", 7), thing(3, "tre", 7)])
    assert rows(database) == [thing(1, "uno", 5), thing(2, "due", 2), thing(3, "tre", 7)]


def test_many_rows_at_once_are_as_one_by_one(opened: Opened) -> None:
    things = [thing(n, f"é{{,\"\\'{n}", n << 40, bytes([n, 0, 255])) for n in range(50)]
    database = filled(opened, things)
    assert rows(database) == things
    with database.write() as tx:
        tx.run_many(ADD_NEW, [thing(n, "new") for n in (3, 60, 60, 61, 62)])
        tx.run_many(RENAME, [thing(n, f"last {place}") for place, n in enumerate([7, 7, 7, 7, 8])])
    known = {row[0]: row[1] for row in rows(database)}
    assert (len(known), known[60], known[3]) == (53, "new", things[3][1])
    assert (known[7], known[8]) == ("last 3", "last 4")


@pytest.mark.parametrize("value", [1 << 63, "\ud800"])
def test_many_rows_with_one_that_cannot_be_are_refused(opened: Opened, value: object) -> None:
    database = filled(opened)
    bad = thing(9, "", value) if isinstance(value, int) else (9, value, 0, b"")
    with pytest.raises((OverflowError, UnicodeEncodeError)), database.write() as tx:
        tx.run_many(ADD, [*(thing(n) for n in range(8)), bad])
    assert rows(database) == []


def test_a_statement_says_how_many_rows_it_touched(opened: Opened) -> None:
    database = filled(opened, [thing(n, "", n) for n in range(5)])
    with database.write() as tx:
        assert tx.run(RAISE, 3, 1) == 2
        assert tx.run(RAISE, -1, 1) == 0
        tx.run_many(RAISE, [])
    assert [row[2] for row in rows(database)] == [1, 1, 3, 3, 4]


def test_lists_of_any_length(opened: Opened) -> None:
    count = 3 * MOST
    database = filled(opened, [thing(n, f"n{n}", n) for n in range(count)])
    with database.write() as tx:
        for length in (0, 1, 3, MOST, MOST + 1, count):
            found = sorted(row[0] for row in SOME.all(tx, range(length)))
            assert found == list(range(length))
        assert sorted(NAMED.all(tx, [f"n{n}" for n in range(10)], 5)) == [(6,), (7,), (8,), (9,)]
        assert DROP.run(tx, list(range(MOST + 3))) == MOST + 3
        assert len(SOME.all(tx, range(count))) == count - MOST - 3


def test_a_query_built_for_the_call(opened: Opened) -> None:
    database = filled(opened, [thing(n, f"50% n{n}") for n in range(3)])
    sql = "SELECT id FROM thing WHERE name LIKE '50\\%%' ESCAPE '\\' AND id > ? ORDER BY id LIMIT ?"
    with database.read() as tx:
        assert tx.query(sql, (0, 1)) == [(1,)]
        assert tx.query(sql, (5, 1)) == []


def test_a_reader_sees_one_state_throughout(opened: Opened) -> None:
    writer = filled(opened, [thing(1)])
    reader = opened()
    with reader.read() as tx:
        before = tx.all(ALL)
        with writer.write() as other:
            other.run(ADD, *thing(2))
        assert tx.all(ALL) == before == [thing(1)]
    assert len(rows(reader)) == 2


def test_writers_queue_and_none_misses_what_another_wrote(opened: Opened) -> None:
    filled(opened, [thing(1)]).close()
    read = Statement(select(THING.c.of))
    write = Statement(update(THING).values(of=bindparam("of_")), "of_")

    def count_up() -> None:
        database = opened()
        for _ in range(40):
            with database.write() as tx:
                tx.run(write, tx.all(read)[0][0] + 1)

    threads = [threading.Thread(target=count_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(opened())[0][2] == 120


def test_closing_twice_is_harmless(opened: Opened) -> None:
    database = filled(opened)
    database.close()
    database.close()
    assert rows(opened()) == []
