"""The desk over real databases: how few statements a batch costs, and keys that crowds share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.core.values import Alias, PatientKey
from engine.database.inserting import inserting
from engine.database.protocol import Database
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from mpi.blocks import Blocks
from mpi.desk import BY_NUMBER, desk_on
from mpi.flush import flush
from mpi.model import load_model
from mpi.prefetch import prefetch
from mpi.resolve import News, Occasion, Policy, take_in
from mpi.revise import forget
from mpi.rows import MOST_SHARING
from mpi.sight import sight_of
from mpi.tables import ALIAS, BLOCK_KEY, EDGE, IDENTITY

NewStore = Callable[[], Database]

POLICY = Policy(
    load_model(Path("mpi/data/model-default.yaml").read_text(encoding="utf-8")),
    lambda founder: f"E-{founder}",
)
NAMES = ("Aldous", "Berenice", "Crispin", "Dorothea", "Eustace", "Felicity", "Gideon", "Hermia")
PEOPLE = Statement(select(IDENTITY.c.record, IDENTITY.c.person))
KEYED = Statement(select(BLOCK_KEY.c.record).distinct())
EDGES = Statement(select(EDGE.c.a, EDGE.c.b))
SEEN = Statement(select(IDENTITY.c.record, IDENTITY.c.seen))
ADD_KEY = inserting(BLOCK_KEY, "k", "record")
ADD_ALIAS = inserting(ALIAS, "site", "system", "value", "record", "position", again=0)


@pytest.fixture
def database(new_store: NewStore) -> Database:
    return new_store()


@dataclass(slots=True)
class Counting:
    """A transaction that counts what it is asked."""

    tx: Transaction
    asked: int = 0

    @property
    def takes_lists(self) -> bool:
        return self.tx.takes_lists

    def urged(self) -> bool:
        return self.tx.urged()

    def run(self, statement: Statement, *values: Any) -> int:
        self.asked += 1
        return self.tx.run(statement, *values)

    def run_many(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        self.asked += 1
        self.tx.run_many(statement, rows)

    def one(self, statement: Statement, *values: Any) -> Row | None:
        self.asked += 1
        return self.tx.one(statement, *values)

    def all(self, statement: Statement, *values: Any) -> list[Row]:
        self.asked += 1
        return self.tx.all(statement, *values)

    def insert(self, statement: Statement, *values: Any) -> int:
        self.asked += 1
        return self.tx.insert(statement, *values)

    def query(self, sql: str, values: Sequence[Any]) -> list[Row]:
        self.asked += 1
        return self.tx.query(sql, values)


def _news(number: int, site: str) -> News:
    """A registration; the same number at two sites is one person."""
    record = f"{site}-{number:03d}"
    body = {
        "name": [{"family": f"Falkenrath{number // 8}", "given": [NAMES[number % 8]]}],
        "birthDate": f"19{number % 60 + 10}-0{number % 9 + 1}-11",
        "gender": "female",
        "telecom": [{"system": "phone", "value": f"608-555-{100 + number % 100:04d}"}],
    }
    return News(
        site,
        named=(PatientKey(site, record, str(number)),),
        aliases=(Alias(record, f"urn:{site}", str(number)),),
        patients={record: sight_of(body)},
    )


def _take(database: Database, batch: Sequence[News], start: int) -> tuple[int, int]:
    """Return the statements for reading ahead and writing back, and those in between."""
    with database.write() as real:
        tx = Counting(real)
        desk = desk_on(tx)
        prefetch(desk, batch, POLICY.model)
        ahead = tx.asked
        for position, one in enumerate(batch, start):
            take_in(desk, one, POLICY, Occasion(position, 0))
        between = tx.asked - ahead
        flush(desk)
        return tx.asked - between, between


def test_a_batch_costs_few_statements_and_its_messages_none(database: Database) -> None:
    first = _take(database, [_news(number, "mercy") for number in range(48)], 1)
    second = _take(database, [_news(number, "lakeside") for number in range(48)], 100)
    assert first[1] == second[1] == 0
    assert max(first[0], second[0]) < 48
    with database.read() as tx:
        assert len({person for _, person in tx.all(PEOPLE)}) == 48


def test_the_same_again_writes_nothing(database: Database) -> None:
    batch = [_news(number, "mercy") for number in range(8)]
    _take(database, batch, 1)
    with database.write() as real:
        desk = desk_on(real)
        for position, one in enumerate(batch, 1):
            assert take_in(desk, one, POLICY, Occasion(position, 0)).touched == frozenset()
        assert not desk.identities.take_changes().changed
        assert desk.aliases.take_changes().new == []


def test_a_key_that_thousands_share_is_read_in_part(database: Database) -> None:
    crowd = [(1, f"r{number:05d}") for number in range(3000)]
    with database.write() as tx:
        tx.run_many(ADD_KEY, [*crowd, *((key, "alone") for key in range(2, 300))])
    with database.write() as real:
        tx = Counting(real)
        blocks = Blocks(tx)
        found, passed = blocks.together(range(1, 300), 50)
        assert (found, passed) == ({"alone"}, True)
        assert tx.asked < 25
        blocks.drop(1, "r00000")
        assert blocks.together([1], 50) == (set(), True)
        assert blocks.take_changes() == ([], [(1, "r00000")])


def test_who_moves_up_in_a_crowd_is_read_again(database: Database) -> None:
    with database.write() as tx:
        tx.run_many(ADD_KEY, [(1, f"r{number}") for number in range(4)])
    with database.write() as tx:
        blocks = Blocks(tx)
        assert blocks.together([1], 2) == (set(), True)
        blocks.drop(1, "r0")
        blocks.drop(1, "r3")
        assert blocks.together([1], 2) == ({"r1", "r2"}, False)
        blocks.add([1], "r3")
        assert blocks.together([1], 2) == (set(), True)
        assert blocks.take_changes() == ([], [(1, "r0")])


def test_a_number_that_thousands_share_is_read_in_part(database: Database) -> None:
    crowd = [("mercy", "urn:mrn", "8", f"r{number:05d}", 1) for number in range(3000)]
    single = [("mercy", "urn:mrn", f"9{number}", "alone", 1) for number in range(200)]
    with database.write() as tx:
        tx.run_many(ADD_ALIAS, [*crowd, *single])
    with database.write() as tx:
        desk = desk_on(tx)
        desk.aliases.want([row[:3] for row in (crowd[0], *single)], BY_NUMBER)
        crowded = desk.aliases.of(crowd[0][:3], BY_NUMBER)
        assert len(crowded) == MOST_SHARING + 2
        assert [len(desk.aliases.of(row[:3], BY_NUMBER)) for row in single] == [1] * 200


def test_a_record_that_is_forgotten_leaves_no_keys_and_no_edges(database: Database) -> None:
    _take(database, [_news(1, "mercy"), _news(1, "lakeside"), _news(2, "mercy")], 1)
    with database.write() as tx:
        assert forget(tx, ["mercy-001"]) == {"mercy-001"}
    with database.read() as tx:
        assert {row[0] for row in tx.all(KEYED)} == {"lakeside-001", "mercy-002"}
        assert tx.all(EDGES) == []
        assert {row for row in tx.all(SEEN) if not row[1]} == {("mercy-001", "")}
