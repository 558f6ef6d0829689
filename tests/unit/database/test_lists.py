from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, bindparam, delete, insert, select

from engine.database.lists import MOST, ListStatement
from engine.database.sqlite import SqliteDatabase
from engine.database.statement import Statement

METADATA = MetaData()
THING = Table("thing", METADATA, Column("id", Integer, primary_key=True))
ADD = Statement(insert(THING).values(id=bindparam("id")), "id")
SOME = ListStatement(lambda keys: select(THING.c.id).where(THING.c.id.in_(keys)))
DROP = ListStatement(lambda keys: delete(THING).where(THING.c.id.in_(keys)))


def test_lists_of_any_length_are_read_and_deleted(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "store.db")
    database.create(METADATA)
    with database.write() as tx:
        tx.run_many(ADD, [(number,) for number in range(3 * MOST)])
        for length in (0, 1, 3, MOST, MOST + 1, 3 * MOST):
            assert sorted(row[0] for row in SOME.all(tx, range(length))) == list(range(length))
        assert DROP.run(tx, list(range(MOST + 3))) == MOST + 3
        assert len(SOME.all(tx, range(3 * MOST))) == 2 * MOST - 3
