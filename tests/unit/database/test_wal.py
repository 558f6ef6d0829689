import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, bindparam, insert

from engine.core.fault import FaultError
from engine.database.fault import BUSY
from engine.database.sqlite import SqliteDatabase
from engine.database.statement import Statement
from engine.database.turn import Turn

METADATA = MetaData()
LINE = Table("line", METADATA, Column("n", Integer, primary_key=True), Column("text", LargeBinary))
ADD = Statement(insert(LINE).values(text=bindparam("text")), "text")
LOG_PAGES = 40
PAGE_BYTES = 4096


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    found = SqliteDatabase(tmp_path / "a.db", page_bytes=PAGE_BYTES, log_pages=LOG_PAGES)
    found.create(METADATA)
    yield found
    found.close()


def log_pages(database: SqliteDatabase) -> int:
    return Path(f"{database.path}-wal").stat().st_size // PAGE_BYTES


def write(database: SqliteDatabase, times: int) -> None:
    for _ in range(times):
        with database.write() as tx:
            tx.run(ADD, os.urandom(3000))


def test_the_log_does_not_grow_for_ever(database: SqliteDatabase) -> None:
    write(database, 300)
    assert LOG_PAGES <= log_pages(database) <= 2 * LOG_PAGES


def test_a_reader_keeps_the_log_and_its_end_lets_it_go(database: SqliteDatabase) -> None:
    reader = SqliteDatabase(database.path)
    with reader.read() as tx:
        assert tx.query("SELECT count(*) FROM line", ()) == [(0,)]
        write(database, 100)
        assert log_pages(database) > 2 * LOG_PAGES
        assert tx.query("SELECT count(*) FROM line", ()) == [(0,)]
    reader.close()
    grown = log_pages(database)
    write(database, 100)
    assert log_pages(database) <= grown + LOG_PAGES


def test_a_writer_that_hangs_voids_no_commit(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    take = Turn.take

    def busy_behind_a_commit(turn: Turn) -> None:
        taken.append(1)
        if len(taken) > 1:
            raise FaultError(BUSY)
        take(turn)

    write(database, LOG_PAGES // 3)
    monkeypatch.setattr(Turn, "take", busy_behind_a_commit)
    with database.write() as tx:
        for _ in range(2 * LOG_PAGES):
            tx.run(ADD, os.urandom(3000))
    assert len(taken) == 2
    with database.read() as tx:
        assert tx.query("SELECT count(*) FROM line", ()) == [(2 * LOG_PAGES + LOG_PAGES // 3,)]
