"""Any order and any batching of the same writes leave the same content and the same index."""

import itertools
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine.store.search.tables
import engine.store.tables  # noqa: F401 - declares the tables
from engine.core.lexeme import Number, decode
from engine.core.values import Contribution
from engine.database.metadata import STORE
from engine.database.postgres import PostgresDatabase
from engine.database.protocol import Database
from engine.database.sqlite import SqliteDatabase
from engine.database.transaction import Transaction
from engine.store.codes import name_of
from engine.store.membership import Membership, assign, relink
from engine.store.put import Write, put, remove
from engine.store.read import UNIFIED, history
from engine.store.search.extract import Rows, extract

RECORDS = [str(uuid.UUID(int=n)) for n in range(1, 4)]
ABOUT = [str(uuid.UUID(int=n)) for n in range(10, 14)]
NEW_RECORDS = 100


@st.composite
def writes(draw: st.DrawFn) -> list[Write]:
    made = []
    for position in range(1, draw(st.integers(2, 14))):
        about, record = draw(st.sampled_from(ABOUT)), draw(st.sampled_from(RECORDS))
        members: dict[str, Any] = {
            "status": draw(st.sampled_from(["final", "preliminary"])),
            "code": {"coding": [{"code": draw(st.sampled_from("ab"))}]},
            "subject": {"reference": f"Patient/{record}"},
            "valueQuantity": {"value": Number(draw(st.sampled_from(["1.0", "1.00", "7"])))},
            "effectiveDateTime": draw(st.sampled_from(["2024-01-01", "2025"])),
        }
        kept = draw(st.sets(st.sampled_from(sorted(members))))
        body = {
            "resourceType": "Observation",
            "id": about,
            "meta": {"source": f"urn:{position % 2}"},
        }
        body |= {name: value for name, value in members.items() if name in kept}
        mode = draw(st.sampled_from(["merge", "replace"]))
        rank = draw(st.integers(0, 1))
        told = Contribution("Observation", about, body, record, mode, rank=rank)
        made.append(Write(told, "mercy", draw(st.integers(1, 4)), position))
    return made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Database, Database]]:
    """A database on SQLite, and another on either engine: they must not differ either."""
    folder = Path(tmp_path_factory.mktemp("orders"))
    other: Database
    if request.param == "postgresql":
        uri = request.getfixturevalue("postgres_uri")
        other = PostgresDatabase(uri, schema=f"orders_{os.getpid()}")
    else:
        other = SqliteDatabase(folder / "two.db")
    pair = SqliteDatabase(folder / "one.db"), other
    for database in pair:
        database.create(STORE)
    yield pair
    for database in pair:
        database.close()


def clear(tx: Transaction) -> None:
    for table in reversed(STORE.sorted_tables):
        if table.name.startswith("search_") or table.name in {"resource", "body", "version"}:
            tx.query(f"DELETE FROM {table.name}", ())


def play(database: Database, said: Sequence[Write], cuts: Sequence[int]) -> None:
    """Write `said` in batches that end at `cuts`."""
    with database.write() as tx:
        clear(tx)
    edges = [0, *sorted(cut for cut in cuts if cut < len(said)), len(said)]
    for start, end in itertools.pairwise(edges):
        with database.write() as tx:
            put(tx, said[start:end], 1000 + end)


def content(tx: Transaction) -> list[tuple[Any, ...]]:
    sql = (
        "SELECT r.id, r.record, r.stamps, b.bytes, b.refs FROM resource r JOIN body b"
        " ON b.bid = r.bid ORDER BY r.id"
    )
    return tx.query(sql, ())


def index(tx: Transaction) -> dict[str, set[tuple[Any, ...]]]:
    columns = {
        "terms": "t.param, t.value, r.id FROM search_term t",
        "dates": "t.param, t.low_us, t.high_us, r.id FROM search_date t",
        "clinical": "t.record, t.type, t.code, t.low_us, r.id FROM search_clinical t",
    }
    return {
        name: set(tx.query(f"SELECT {text} LEFT JOIN resource r ON r.rid = t.rid", ()))
        for name, text in columns.items()
    }


def fresh_index(tx: Transaction) -> dict[str, set[tuple[Any, ...]]]:
    """The index as it should be: of every live resource, from its body."""
    sql = (
        "SELECT r.type, r.id, r.record, b.bytes FROM resource r JOIN body b ON b.bid = r.bid"
        " WHERE r.state = 0"
    )
    wanted: dict[str, set[tuple[Any, ...]]] = {"terms": set(), "dates": set(), "clinical": set()}
    for code, about, record, text in tx.query(sql, ()):
        rows: Rows = extract(name_of(code), record, decode(text))
        for name in wanted:
            wanted[name] |= {(*row, about) for row in getattr(rows, name)}
    return wanted


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=writes(), data=st.data())
def test_order_and_batches_make_no_difference(
    databases: tuple[Database, Database], said: list[Write], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(said))
    again = [*other, *data.draw(st.lists(st.sampled_from(said), max_size=3))]
    cuts = st.lists(st.integers(1, 12), max_size=4)
    play(databases[0], said, data.draw(cuts))
    play(databases[1], again, data.draw(cuts))
    found = []
    for database in databases:
        with database.read() as tx:
            found.append((content(tx), index(tx)))
            assert index(tx) == fresh_index(tx)
    assert found[0] == found[1]


def test_the_index_follows_deletion_and_return(database: Database) -> None:
    told = Contribution(
        "Observation",
        ABOUT[0],
        {"meta": {"source": "urn:a"}, "status": "final", "code": {"coding": [{"code": "a"}]}},
        RECORDS[0],
        "merge",
    )
    later = Contribution(
        "Observation", ABOUT[0], {"meta": {}, "status": "amended"}, RECORDS[0], "merge"
    )
    with database.write() as tx:
        put(tx, [Write(told, "mercy", 1, 1)], 1)
        assert remove(tx, [("Observation", ABOUT[0]), ("Observation", ABOUT[1])], 2, 2) == 1
        assert remove(tx, [("Observation", ABOUT[0])], 3, 3) == 0
        assert index(tx) == {"terms": set(), "dates": set(), "clinical": set()}
        gone = history(tx, "Observation", ABOUT[0], UNIFIED)
        assert next((s.version, s.deleted, s.body) for s in gone) == (2, True, b"")
        [back] = put(tx, [Write(later, "mercy", 5, 5)], 5)
        assert (back.outcome, back.version) == ("updated", 3)
        assert index(tx) == fresh_index(tx) != {}
        current = history(tx, "Observation", ABOUT[0], UNIFIED)[0]
    assert b"amended" in current.body
    assert b"code" not in current.body


def test_a_record_nobody_assigned_is_left_alone_by_relink(database: Database) -> None:
    body = {"meta": {"source": "urn:a"}, "subject": {"reference": f"Patient/{RECORDS[0]}"}}
    told = Contribution("Observation", ABOUT[0], body, RECORDS[0])
    with database.write() as tx:
        put(tx, [Write(told, "mercy", 1, 1)], 1)
        assert relink(tx, [RECORDS[0], RECORDS[1]], 1, 1) == 0
        assert relink(tx, [RECORDS[0]], 2, 2) == 0


def test_a_relink_of_many_records_changes_each_resource_once(database: Database) -> None:
    records = [str(uuid.UUID(int=1000 + n)) for n in range(NEW_RECORDS * 4)]
    person = str(uuid.UUID(int=7))
    said = [
        Write(
            Contribution(
                "Observation",
                str(uuid.UUID(int=5000 + n)),
                {"meta": {"source": "urn:a"}, "subject": {"reference": f"Patient/{record}"}},
                record,
            ),
            "mercy",
            1,
            1,
        )
        for n, record in enumerate(records)
    ]
    with database.write() as tx:
        assign(tx, [Membership(record, record, "mercy", "") for record in records])
        put(tx, said, 1)
        assign(tx, [Membership(record, person, "mercy", "") for record in records])
        assert relink(tx, records, 2, 2) == len(records)
        versions = tx.query("SELECT DISTINCT version, updated_us, person FROM version", ())
        current = tx.query("SELECT DISTINCT version, updated_us FROM resource", ())
    assert {row[0] for row in versions} == {1, 2}
    assert [row for row in versions if row[0] == 2] == [(2, 2, person)]
    assert current == [(2, 2)]
