"""A replay goes along its tables: no step of it reads a table from the beginning again."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.core.values import Alias, PatientKey
from engine.database.metadata import STORE
from engine.database.sqlite import DIALECT, SqliteDatabase
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from engine.pipeline.rederive import fold, shadow
from engine.pipeline.rederive.account import account
from engine.pipeline.rederive.course import ACCOUNT, Course

COURSE = Course("mercy", "plan", ACCOUNT, folded=40, goal=40, cursor="20")


class Explained:
    """Runs statements, and keeps how SQLite finds what they ask for."""

    takes_lists = False

    def __init__(self, inner: Transaction) -> None:
        self.plans: list[str] = []
        self._inner = inner

    def run(self, statement: Statement, *values: Any) -> int:
        self._explain(statement)
        return self._inner.run(statement, *values)

    def run_many(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        self._inner.run_many(statement, rows)

    def one(self, statement: Statement, *values: Any) -> Row | None:
        self._explain(statement)
        return self._inner.one(statement, *values)

    def all(self, statement: Statement, *values: Any) -> list[Row]:
        self._explain(statement)
        return self._inner.all(statement, *values)

    def insert(self, statement: Statement, *values: Any) -> int:
        return self._inner.insert(statement, *values)

    def urged(self) -> bool:
        return self._inner.urged()

    def query(self, sql: str, values: Sequence[Any]) -> list[Row]:
        return self._inner.query(sql, values)

    def _explain(self, statement: Statement) -> None:
        sql = statement.text(DIALECT)
        rows = self._inner.query(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
        self.plans += [row[3] for row in rows]


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Explained]:
    database = SqliteDatabase(tmp_path / "store.db")
    database.create(STORE)
    with database.write() as inner:
        yield Explained(inner)
    database.close()


def test_the_shadow_is_gone_along_by_its_key(tx: Explained) -> None:
    shadow.beyond(tx, "mercy", ("Patient", "a"), 10)
    assert tx.plans == ["SEARCH shadow USING PRIMARY KEY ((id,type)>(?,?))"]


def test_accounts_of_a_stretch_are_found_by_position(tx: Explained) -> None:
    assert fold.lagging(tx, COURSE, fold.Seen()) == 0
    assert account(tx, COURSE, 10) == Course("mercy", "plan", ACCOUNT, 40, 40, "30")
    ledger = [plan for plan in tx.plans if " ledger" in plan]
    assert len(ledger) == 3
    assert all("INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan for plan in ledger)


def test_a_shadow_is_dropped_in_pieces(tx: Explained) -> None:
    keys = [PatientKey("mercy", f"record-{number}", str(number)) for number in range(5)]
    shadow.name(tx, "mercy", keys)
    shadow.note_aliases(tx, "mercy", [(1, Alias(key.record, "s", "v")) for key in keys])
    records = [key.record for key in keys]
    left = []
    while not shadow.forget(tx, "mercy", 2):
        left.append(len(shadow.named(tx, "mercy", records)))
        assert len(shadow.aliases(tx, "mercy", records)) == left[-1]
    assert left == [3, 1, 0]
