"""A batch on one desk leaves the index as its messages one by one do, to the row."""

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.values import Alias, PatientKey
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from mpi.desk import desk_on
from mpi.flush import flush
from mpi.links import Said
from mpi.model import load_model
from mpi.prefetch import prefetch
from mpi.resolve import News, Occasion, Policy, resolve, take_in
from mpi.sight import sight_of

MODEL = load_model(Path("mpi/data/model-default.yaml").read_text(encoding="utf-8"))
POLICY = Policy(MODEL, lambda founder: f"E-{founder}")
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - faster where it exists
RECORDS = ("a", "b", "c", "d", "e")
TABLES = {
    "identity": "*",
    "alias": "*",
    "block_key": "*",
    "edge": "*",
    "statement": "*",
    "withdrawal": "*",
    "person": "*",
    "task": "*",
    "link_log": "position, record, before, after, at_us",
}
Dump = dict[str, list[tuple[Any, ...]]]


def _body(given: str, birth: str, phone: str) -> dict[str, Any]:
    return {
        "name": [{"family": "Falkenrath", "given": [given]}],
        "birthDate": birth,
        "gender": "female",
        "telecom": [{"system": "phone", "value": phone}] if phone else [],
    }


SIGHTS = [
    sight_of(_body(given, birth, phone))
    for given in ("Imogen", "Nadia")
    for birth in ("1961-04-02", "1961-04-03")
    for phone in ("", "608-555-0111")
]


def _key(record: str) -> PatientKey:
    return PatientKey("mercy", record, record.upper())


def _said(a: str, b: str, kind: str) -> Said:
    return Said(a, b, kind, "source" if kind == "merge" else "steward", 7, "someone")


arrivals = st.builds(
    lambda record, sight, numbers: News(
        "mercy",
        named=(_key(record),),
        aliases=tuple(Alias(record, "urn:mrn", number) for number in numbers),
        patients={record: sight},
    ),
    st.sampled_from(RECORDS),
    st.sampled_from(SIGHTS),
    st.lists(st.sampled_from(["17", "18"]), max_size=2, unique=True),
)
declarations = st.builds(
    lambda kind, pair: News(
        "mercy",
        named=(_key(pair[0]), _key(pair[1])),
        statements=(_said(pair[0], pair[1], kind),),
    ),
    st.sampled_from(["merge", "link", "unlink", "never"]),
    st.permutations(RECORDS).map(lambda some: (some[0], some[1])),
)
undos = st.builds(lambda of: News("", undoes=of, actor="steward"), st.integers(1, 12))
news = st.lists(st.one_of(arrivals, arrivals, declarations, undos), min_size=1, max_size=12)


def _dump(store: SqliteDatabase) -> Dump:
    with store.read() as tx:
        return {
            table: sorted(tx.query(f"SELECT {columns} FROM {table}", ()))
            for table, columns in TABLES.items()
        }


def _one_by_one(store: SqliteDatabase, told: Sequence[News]) -> None:
    for position, one in enumerate(told, 1):
        with store.write() as tx:
            resolve(tx, one, POLICY, Occasion(position, 0))


def _in_batches(store: SqliteDatabase, told: Sequence[News], sizes: Sequence[int]) -> None:
    start = 0
    for size in sizes:
        batch = told[start : start + size]
        with store.write() as tx:
            desk = desk_on(tx)
            prefetch(desk, batch, MODEL)
            for position, one in enumerate(batch, start + 1):
                take_in(desk, one, POLICY, Occasion(position, 0))
            flush(desk)
        start += size


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=news, cuts=st.sets(st.integers(1, 11)))
def test_batches_leave_what_single_messages_leave(told: list[News], cuts: set[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(told)), len(told)]
    sizes = [end - start for start, end in pairwise(edges)]
    dumps = []
    for play in (_one_by_one, lambda store, told: _in_batches(store, told, sizes)):
        with tempfile.TemporaryDirectory(dir=MEMORY) as made:
            store = SqliteDatabase(Path(made) / "store.db")
            store.create(STORE)
            play(store, told)
            dumps.append(_dump(store))
            store.close()
    assert dumps[0] == dumps[1]
