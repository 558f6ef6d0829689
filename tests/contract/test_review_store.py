"""What the store and the index owe a hospital: the right patient, exact accounts, bounded work.

Findings of a review, each as small as it can be shown. A strict xfail turns into a failure when
the finding is mended; then the mark goes and the test stays.
"""

import asyncio
import fcntl
import os
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import mpi.evidence
from engine.app import compile_plans, prepare_storage, reconciling, region_of
from engine.core.clock import SystemClock
from engine.core.fault import FaultError
from engine.core.lap import untimed
from engine.core.values import HL7_V2, Alias, Entry, Envelope, PatientKey
from engine.database.fault import FULL
from engine.database.metadata import STORE
from engine.database.sqlite import DIALECT, SqliteDatabase
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from engine.demo.hl7 import message, segment
from engine.formats.hl7v2.parse import parse
from engine.pipeline.commit import Writing, commit
from engine.pipeline.prepare import prepare
from engine.roles import supervisor
from engine.roles.notice import Notice, post
from engine.security.keys import RegionKey
from engine.store.codes import code_of
from mpi.component import component
from mpi.desk import desk_on
from mpi.flush import flush
from mpi.golden import follow, rebuild
from mpi.links import Said
from mpi.prefetch import prefetch
from mpi.resolve import News, Occasion, resolve, take_in
from mpi.rows import MOST_SHARING
from mpi.sight import sight_of

KEY = RegionKey(bytes(32))
REGION = region_of(Path("samples/region.yaml"))
PLANS = compile_plans(REGION, KEY)
RECONCILING = reconciling(REGION, KEY)
START_US = 1_790_000_000_000_000
DAY_US = 24 * 3600 * 1_000_000
MORNING = "20260914060000"
OBSERVATION = code_of("Observation")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "store.db")
    opened.create(STORE)
    yield opened
    opened.close()


def adt(numbers: str, name: str, born: str, **more: str) -> bytes:
    """Write an A08 of Mercy; `when`, `control_id` and `street` have defaults."""
    when = more.get("when", MORNING)
    head = {2: "^~\\&", 3: "EPIC", 4: "MERCY", 7: when, 9: "ADT^A08^ADT_A01"}
    head |= {10: more.get("control_id", "C1"), 11: "P", 12: "2.5.1"}
    home = f"{more.get('street', '12 LANTERN LN')}^^ALDER FORK^WI^53099^US^P"
    who = {1: "1", 3: numbers, 5: name, 7: born, 8: "F", 11: home}
    return message(segment("MSH", head), segment("EVN", {1: "A08", 2: when}), segment("PID", who))


def play(store: SqliteDatabase, body: bytes, position: int, received_us: int = START_US) -> None:
    said = parse(body)
    lane = PLANS["mercy"].lane(said)
    envelope = Envelope(
        "mercy-hl7", "mercy", HL7_V2, body, received_us, said.control_id.strip(), lane
    )
    entry = Entry(position, 0, envelope)
    commit(writing(store), [prepare(entry, PLANS)], (), position)


def writing(store: SqliteDatabase) -> Writing:
    return Writing(store, RECONCILING, SystemClock(), untimed)


def rows(store: SqliteDatabase, sql: str) -> list[Row]:
    with store.read() as tx:
        return tx.query(sql, ())


def states(store: SqliteDatabase) -> list[str]:
    return [row[0] for row in rows(store, "SELECT state FROM ledger ORDER BY position")]


def people(store: SqliteDatabase) -> int:
    return len(rows(store, "SELECT DISTINCT person FROM member"))


@pytest.mark.parametrize("stand_in", ["999-99-9999^^^SSA^SS", "UNKNOWN^^^MERCY^MR", "0^^^MERCY^MR"])
def test_a_stand_in_number_does_not_make_strangers_one(
    store: SqliteDatabase, stand_in: str
) -> None:
    play(store, adt(f"1001^^^EPI^EPI~{stand_in}", "FALKENRATH^IMOGEN", "19610402"), 1)
    other = adt(f"1002^^^EPI^EPI~{stand_in}", "OYELARAN^NADIA", "19880705", control_id="C2")
    play(store, other, 2)
    assert people(store) == 2


def test_a_clock_far_ahead_does_not_shut_out_what_comes_later(store: SqliteDatabase) -> None:
    number = "1001^^^EPI^EPI"
    play(store, adt(number, "FALKENRATH^IMOGEN", "19610402", when="20991231235900"), 1)
    moved = adt(
        *(number, "FALKENRATH^IMOGEN", "19610402"),
        when="20260923060000",
        street="77 JUNIPER LN",
        control_id="C2",
    )
    play(store, moved, 2, START_US + 3 * DAY_US)
    text = rows(store, "SELECT bytes FROM resource JOIN body USING (bid) WHERE site = ''")
    assert b"JUNIPER" in text[0][0]
    assert states(store) == ["written", "written"]


def test_every_repetition_without_a_control_id_is_one(store: SqliteDatabase) -> None:
    body = adt("1001^^^EPI^EPI", "FALKENRATH^IMOGEN", "19610402", control_id="")
    for position in (1, 2, 3):
        play(store, body, position)
    assert states(store) == ["written", "duplicate", "duplicate"]


def test_what_was_quarantined_can_be_sent_again(
    store: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mapping is mended, and the site sends the message once more: it is not a duplicate."""
    body = adt("1001^^^EPI^EPI", "FALKENRATH^IMOGEN", "19610402")
    with monkeypatch.context() as broken:
        broken.delitem(PLANS, "mercy")
        envelope = Envelope("mercy-hl7", "mercy", HL7_V2, body, START_US, "C1", "EPI:1001")
        batch = [prepare(Entry(1, 0, envelope), PLANS)]
        commit(writing(store), batch, (), 1)
    play(store, body, 2)
    assert states(store) == ["quarantined", "written"]


def test_deliveries_are_forgotten_after_their_window(store: SqliteDatabase) -> None:
    play(store, adt("1001^^^EPI^EPI", "FALKENRATH^IMOGEN", "19610402"), 1)
    late = adt("1001^^^EPI^EPI", "FALKENRATH^IMOGEN", "19610402", control_id="C2")
    play(store, late, 2, START_US + 30 * DAY_US)
    assert len(rows(store, "SELECT position FROM delivery")) == 1


def test_reading_the_journal_again_keeps_the_accounts(store: SqliteDatabase) -> None:
    first = adt("1001^^^EPI^EPI", "FALKENRATH^IMOGEN", "19610402")
    later = adt(
        "1001^^^EPI^EPI", "FALKENRATH^IMOGEN", "19610402", when="20260914070000", control_id="C2"
    )
    for position, body in enumerate((first, later), 1):
        play(store, body, position)
    before = rows(store, "SELECT position, state, changed FROM ledger ORDER BY position")
    for position, body in enumerate((first, later), 1):
        play(store, body, position)
    assert rows(store, "SELECT position, state, changed FROM ledger ORDER BY position") == before


def report(number: str, name: str, control_id: str) -> bytes:
    """Write a result of Mercy under the one filler order number LR-1600001."""
    head = {2: "^~\\&", 3: "Beaker", 4: "MERCY", 7: MORNING, 9: "ORU^R01^ORU_R01"}
    head |= {10: control_id, 11: "P", 12: "2.5.1"}
    order = {1: "1", 2: "1600001^EPC", 3: "LR-1600001^Beaker", 4: "24323-8^Panel^LN"}
    order |= {7: MORNING, 22: MORNING, 25: "F"}
    result = {1: "1", 2: "NM", 3: "2951-2^Sodium^LN", 5: "147", 6: "mmol/L", 11: "F", 14: MORNING}
    who = {1: "1", 3: f"{number}^^^EPI^EPI", 5: name, 7: "19610402", 8: "F"}
    return message(
        segment("MSH", head), segment("PID", who), segment("OBR", order), segment("OBX", result)
    )


def test_a_result_is_not_taken_from_its_patient_unsaid(store: SqliteDatabase) -> None:
    play(store, report("1001", "FALKENRATH^IMOGEN", "C1"), 1)
    play(store, report("1002", "OYELARAN^NADIA", "C2"), 2)
    holders = rows(store, f"SELECT DISTINCT record FROM resource WHERE type = {OBSERVATION}")
    noted = rows(store, "SELECT notes FROM ledger WHERE position = 2 AND notes <> '[]'")
    assert people(store) == 2
    assert len(holders) == 2 or noted or rows(store, "SELECT kind FROM task")


@dataclass
class Recording:
    """A transaction that notes the statements it runs."""

    tx: Transaction
    texts: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def takes_lists(self) -> bool:
        return self.tx.takes_lists

    def urged(self) -> bool:
        return self.tx.urged()

    def _note(self, statement: Statement, values: Sequence[Any]) -> None:
        self.texts[statement.text(DIALECT)] = tuple(statement.arrange(DIALECT, values))

    def run(self, statement: Statement, *values: Any) -> int:
        self._note(statement, values)
        return self.tx.run(statement, *values)

    def run_many(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        given = list(rows)
        if given:
            self._note(statement, given[0])
        self.tx.run_many(statement, given)

    def one(self, statement: Statement, *values: Any) -> Row | None:
        self._note(statement, values)
        return self.tx.one(statement, *values)

    def all(self, statement: Statement, *values: Any) -> list[Row]:
        self._note(statement, values)
        return self.tx.all(statement, *values)

    def insert(self, statement: Statement, *values: Any) -> int:
        self._note(statement, values)
        return self.tx.insert(statement, *values)

    def query(self, sql: str, values: Sequence[Any]) -> list[Row]:
        return self.tx.query(sql, values)


def _scans(tx: Recording) -> set[str]:
    found = set()
    for text, values in tx.texts.items():
        plan = [str(row[3]) for row in tx.query(f"EXPLAIN QUERY PLAN {text}", values)]
        found |= {step for step in plan if step.startswith("SCAN") and "CONSTANT" not in step}
    return found


def test_a_merge_looks_at_no_whole_table(store: SqliteDatabase) -> None:
    for number in (1, 2):
        name = ("FALKENRATH^IMOGEN", "OYELARAN^NADIA")[number - 1]
        body = adt(f"100{number}^^^EPI^EPI", name, f"196{number}0402", control_id=f"C{number}")
        play(store, body, number)
    (a, one), (b, other) = rows(store, "SELECT record, person FROM member ORDER BY record")
    with store.write() as real:
        tx, at = Recording(real), Occasion(3, START_US)
        said = Said(a, b, "link", "steward", START_US, "steward")
        desk = desk_on(tx)
        news = News("", statements=(said,))
        prefetch(desk, [news], RECONCILING.policy.model)
        resolved = take_in(desk, news, RECONCILING.policy, at)
        flush(desk)
        follow(desk, dict.fromkeys(resolved.moved, 3), START_US)
        rebuild(desk, dict.fromkeys(resolved.touched, 3), RECONCILING.rules, START_US)
        assert resolved.touched == {one, other}
        assert _scans(tx) == set()


def _bring(tx: Transaction, record: str, position: int, **more: Any) -> None:
    news = News("mercy", named=(PatientKey("mercy", record, record),), **more)
    resolve(tx, news, RECONCILING.policy, Occasion(position, START_US))


def test_undoing_a_merge_undoes_all_it_said(store: SqliteDatabase) -> None:
    """An A40 whose PID-3 lists the number that is given up, beside the merge itself."""
    with store.write() as tx:
        _bring(tx, "r1", 1, aliases=(Alias("r1", "urn:mrn", "1"),))
        _bring(tx, "r2", 2, aliases=(Alias("r2", "urn:mrn", "2"),))
        merge = (Said("r1", "r2", "merge", "source", START_US, "mercy"),)
        _bring(tx, "r1", 3, aliases=(Alias("r1", "urn:mrn", "2"),), statements=merge)
        one = tx.query("SELECT DISTINCT person FROM identity", ())
        resolve(tx, News("", undoes=3), RECONCILING.policy, Occasion(4, START_US))
        two = tx.query("SELECT DISTINCT person FROM identity", ())
    assert len(one) == 1
    assert len(two) == 2


def test_records_that_share_a_number_cost_no_square(store: SqliteDatabase) -> None:
    with store.write() as tx:
        for number in range(MOST_SHARING):
            record = f"r{number:02d}"
            _bring(tx, record, number + 1, aliases=(Alias(record, "urn:mrn", "8"),))
        found = component(desk_on(tx), ["r00"], RECONCILING.policy.model)
        one = tx.query("SELECT DISTINCT person FROM identity", ())
        _bring(tx, "r99", 99, aliases=(Alias("r99", "urn:mrn", "8"),))
        many = tx.query("SELECT DISTINCT person FROM identity", ())
    assert len(found.people) == MOST_SHARING
    assert len(found.statements) <= 2 * MOST_SHARING
    assert len(one) == 1
    assert len(many) == MOST_SHARING + 1  # nobody is whoever it is that all of them are


@pytest.mark.xfail(strict=True, reason="which candidates are compared depends on who was there")
def test_a_capped_block_does_not_depend_on_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mpi.evidence, "MOST_CANDIDATES", 2)
    body = {
        "name": [{"family": "Falkenrath", "given": ["Imogen"]}],
        "birthDate": "1961-04-02",
        "gender": "female",
        "telecom": [{"system": "phone", "value": "608-555-0111"}],
    }
    records = [f"r{number}" for number in range(5)]
    edges = []
    for order in (records, records[::-1]):
        opened = SqliteDatabase(tmp_path / f"{order[0]}.db")
        opened.create(STORE)
        with opened.write() as tx:
            for record in order:
                _bring(tx, record, records.index(record) + 1, patients={record: sight_of(body)})
            edges.append(set(tx.query("SELECT a, b FROM edge", ())))
        opened.close()
    assert edges[0] == edges[1]


@pytest.mark.slow
def test_a_stuck_writer_makes_the_others_busy(store: SqliteDatabase) -> None:
    """As a process under SIGSTOP, or one that hangs in its transaction."""
    stuck = os.open(store.path.with_name(store.path.name + ".lock"), os.O_RDWR)
    fcntl.flock(stuck, fcntl.LOCK_EX)
    faults: list[str] = []

    def wait() -> None:
        try:
            with store.write():
                faults.append("none")
        except FaultError as error:
            faults.append(error.fault.code)

    waiting = threading.Thread(target=wait)
    waiting.start()
    waiting.join(14)  # the promised busy_timeout is 10 s
    told = list(faults)
    os.close(stuck)
    waiting.join()
    assert told == ["database-busy"]


def test_the_supervisor_outlives_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = SimpleNamespace(pid=1, returncode=1, poll=lambda: 1, wait=lambda _: 1)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: dead)
    monkeypatch.setattr(supervisor, "role_names", lambda _: [("worker", "worker-1")])
    monkeypatch.setattr(supervisor, "Voice", lambda *_: SimpleNamespace(emit=lambda _: None))
    monkeypatch.setattr(supervisor, "open_store", _full)
    region = replace(REGION, data_folder=tmp_path)
    (tmp_path / "run").mkdir()
    post(tmp_path / "run", Notice("worker-1", 1, START_US, {}, "host:1:1"))
    stop = threading.Event()
    threading.Timer(0.4, stop.set).start()
    supervisor.Supervisor(region, KEY).run(stop)
    assert stop.is_set()


def _full(*_: object) -> SqliteDatabase:
    raise FaultError(FULL)


def test_the_api_counts_its_backlog_while_it_is_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.roles import api  # noqa: PLC0415 - its voice changes the process's hooks

    faults: list[str] = []

    async def serve(endpoint: Any, *_: object) -> None:
        def publish() -> None:  # what the voice's thread does each second, and /metrics when asked
            try:
                endpoint.metrics()
            except Exception as error:  # noqa: BLE001 - whatever the driver says of it
                faults.append(type(error).__name__)

        with endpoint.database.read():
            await asyncio.gather(asyncio.to_thread(publish), asyncio.to_thread(publish))  # noqa: TID251

    monkeypatch.setattr(api, "create_app", lambda endpoint: endpoint)
    monkeypatch.setattr(api, "serve", serve)
    monkeypatch.setattr(api, "lowest", _slowly)
    region = replace(REGION, data_folder=tmp_path)
    prepare_storage(region, KEY, PLANS)
    asyncio.run(api.run_api(region, KEY, PLANS, asyncio.Event()))
    assert faults == []


def _slowly(_: object) -> int:
    time.sleep(0.2)
    return 0
