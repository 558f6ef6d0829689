from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, bindparam, insert, select

from engine.core.fault import FaultError
from engine.database.protocol import Database
from engine.database.sqlite import DIALECT, SqliteDatabase
from engine.database.statement import Statement

METADATA = MetaData()
THING = Table(
    "thing", METADATA, Column("id", Integer, primary_key=True), Column("body", LargeBinary)
)
ADD = Statement(insert(THING).values(body=bindparam("body")), "body")
READ = Statement(select(THING.c.body).where(THING.c.id == bindparam("key")), "key")
KEY = bytes(range(32))


def opened(folder: Path, key: bytes | None = KEY) -> SqliteDatabase:
    database = SqliteDatabase(folder / "store.db", key)
    database.create(METADATA)
    return database


def test_a_committed_row_is_read_by_another_connection(tmp_path: Path) -> None:
    writer: Database = opened(tmp_path)
    reader = opened(tmp_path)
    with writer.write() as tx:
        key = tx.insert(ADD, b"one")
    with reader.read() as tx:
        assert tx.one(READ, key) == (b"one",)


def test_an_exception_rolls_everything_back(tmp_path: Path) -> None:
    database = opened(tmp_path)
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        tx.insert(ADD, bytes(1 // (tx.insert(ADD, b"lost") - 1)))
    with database.read() as tx:
        assert tx.one(READ, 1) is None


def test_the_file_holds_no_plain_text(tmp_path: Path) -> None:
    database = opened(tmp_path)
    with database.write() as tx:
        tx.insert(ADD, b"MARGUERITE")
    database.close()
    assert all(b"MARGUERITE" not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_wrong_key_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(FaultError, match="wrong-key"):
        SqliteDatabase(tmp_path / "store.db", bytes(32))


def test_a_statement_names_exactly_its_parameters() -> None:
    with pytest.raises(ValueError, match="do not occur"):
        Statement(select(THING.c.body).where(THING.c.id == bindparam("key")), "other").text(DIALECT)


def test_constants_of_a_statement_stay_in_place() -> None:
    fixed = Statement(
        select(THING.c.id).where(THING.c.id == 7, THING.c.body == bindparam("b")), "b"
    )
    assert list(fixed.arrange(DIALECT, (b"x",))) == [7, b"x"]


def test_a_repeated_parameter_is_given_once() -> None:
    both = Statement(
        select(THING.c.id).where(
            (THING.c.id > bindparam("floor")) | (THING.c.body == bindparam("body")),
            THING.c.id != bindparam("floor"),
        ),
        "body",
        "floor",
    )
    assert list(both.arrange(DIALECT, (b"x", 3))) == [3, b"x", 3]
