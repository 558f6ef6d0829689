"""One worker over a real journal and store: outcomes, poison, duplicates, provenance."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import update

from engine.app import compile_plans, reconciling, region_of
from engine.core import failpoint
from engine.core.values import HL7_V2, Envelope
from engine.database.inserting import inserting
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.database.statement import Statement
from engine.formats.hl7v2.parse import parse
from engine.journal.binding import bind
from engine.journal.offset_tables import OFFSET
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.mapping.library import read_library
from engine.pipeline.batch import Surroundings, Worker
from engine.pipeline.decide import outcome, submit
from engine.pipeline.decision import Decision, Party
from engine.pipeline.in_force import Fixed
from engine.pipeline.ledger import Account, read_account
from engine.pipeline.messages import Wanted, messages
from engine.pipeline.plans import keep_plans
from engine.pipeline.provenance import Provenances
from engine.pipeline.status import status
from engine.pipeline.tables import TRIAL
from engine.r4.validate import validate
from engine.security.keys import RegionKey
from engine.store.membership import persons_of
from engine.store.read import UNIFIED, read

KEY = RegionKey(bytes(32))
REGION = region_of(Path("samples/region.yaml"))
PLANS = compile_plans(REGION, KEY)
START_US = 1_790_000_000_000_000
STALL = Statement(update(OFFSET).values(stalls=1))
TRIED = inserting(TRIAL, "position", "tries")

ADT = (
    "MSH|^~\\&|EPIC|MERCY|CONCORD|NORTH|{time}||ADT^A08^ADT_A01|{control}|P|2.5.1\r"
    "EVN|A08|{time}\r"
    "PID|1||E{number}^^^MERCY^MR~90{number}^^^EPI^EPI||{family}^Ottoline||19620504|F\r"
    "PV1|1|O\r"
)


@dataclass
class Bench:
    """A journal, a store and a worker."""

    journal: SqliteJournal
    store: SqliteDatabase
    time_us: int = START_US
    told: list[Account] = field(default_factory=list)

    def now_us(self) -> int:
        self.time_us += 1000
        return self.time_us

    def _done(self, accounts: Sequence[Account]) -> None:
        self.told += accounts

    def deliver(self, *bodies: str, control: bool = True) -> list[int]:
        envelopes = []
        for body in bodies:
            message = parse(body.encode())
            envelopes.append(
                Envelope(
                    channel="mercy-hl7",
                    site="mercy",
                    media_type=HL7_V2,
                    body=body.encode(),
                    received_us=self.now_us(),
                    control_id=message.control_id if control else "",
                    lane=PLANS["mercy"].lane(message),
                )
            )
        return self.journal.append(envelopes)

    def worker(self, most: int = 50) -> Worker:
        return Worker(
            Surroundings(
                owner=f"worker-{self.now_us()}",
                journal=self.journal,
                database=self.store,
                plans=Fixed(PLANS),
                reconciling=reconciling(REGION, KEY),
                clock=self,
                done=self._done,
                wanted=64,
                ticks_us=self.now_us,
                most=most,
            )
        )

    def work_off(self) -> None:
        worker = self.worker()
        while worker.step():
            pass
        worker.stop()

    def state(self, position: int) -> tuple[str, str]:
        with self.store.read() as tx:
            account = read_account(tx, position)
        assert account is not None
        return account.state, account.code


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found_journal(tmp_path, _plain, instance="test", partitions=4)
    journal = SqliteJournal(tmp_path, _plain)
    store = SqliteDatabase(tmp_path / "store.db")
    store.create(STORE)
    with store.write() as tx:
        bind(tx, journal.identity(), 0)
        keep_plans(tx, PLANS, read_library(Path("mappings")), START_US)
    yield Bench(journal, store)
    failpoint.disarm()
    journal.close()
    store.close()


def _plain(_: str) -> None:
    return None


def adt(
    number: int = 1001, control: str = "1", minute: int = 10, family: str = "Vandermeer"
) -> str:
    return ADT.format(number=number, control=control, time=f"2026091410{minute}00", family=family)


def test_a_message_is_written_and_said_again_changes_nothing(bench: Bench) -> None:
    first, second = bench.deliver(adt(), adt(control="2"))
    bench.work_off()
    assert bench.state(first) == bench.state(second) == ("written", "")
    with bench.store.read() as tx:
        account = read_account(tx, second)
    assert account is not None
    assert account.changed == 0
    assert status(bench.store, bench.journal).pending == 0


def test_the_same_bytes_again_are_a_duplicate_whatever_came_between(bench: Bench) -> None:
    positions = bench.deliver(adt(), adt(control="2", minute=11), adt())
    bench.work_off()
    assert [bench.state(position)[0] for position in positions] == [
        "written",
        "written",
        "duplicate",
    ]


def test_the_same_control_id_with_other_bytes_is_another_message(bench: Bench) -> None:
    """And the sender's fault: it is noted with each but the first."""
    positions = bench.deliver(adt(), adt(family="Vandermeer-Ochs"), adt(control="2", minute=11))
    bench.work_off()
    assert [bench.state(position)[0] for position in positions] == ["written"] * 3
    positions += bench.deliver(adt(family="Ochs"))
    bench.work_off()
    codes = {one.position: {note.code for note in one.notes} for one in bench.told}
    reused = [at for at in positions if "control-id-reused" in codes[at]]
    assert reused == [positions[1], positions[3]]


def test_a_repetition_is_not_blamed_for_its_control_id(bench: Bench) -> None:
    bench.deliver(adt(), adt())
    bench.work_off()
    assert not [note for one in bench.told for note in one.notes if note.where == "MSH-10"]


def test_without_control_id_a_repetition_counts_only_in_a_row(bench: Bench) -> None:
    body, other = adt(control=""), adt(control="", minute=11)
    positions = bench.deliver(body, body, other, body, control=False)
    bench.work_off()
    states = [bench.state(position) for position in positions]
    assert [state for state, _ in states] == ["written", "duplicate", "written", "filtered"]
    assert states[3] == ("filtered", "older")


def test_older_content_is_filtered(bench: Bench) -> None:
    newer, older = bench.deliver(adt(minute=20), adt(control="2", minute=10, family="Ochs"))
    bench.work_off()
    assert bench.state(newer) == ("written", "")
    assert bench.state(older) == ("filtered", "older")


def test_a_bug_in_the_transaction_costs_one_message(bench: Bench) -> None:
    positions = bench.deliver(*(adt(1000 + n, str(n)) for n in range(9)))

    _fail_for(bench, "901004")
    bench.work_off()
    states = [bench.state(position) for position in positions]
    assert [state for state, _ in states] == ["written"] * 4 + ["quarantined"] + ["written"] * 4
    assert states[4][1] == "unexpected-error"


def _fail_for(bench: Bench, local_id: str) -> None:
    """Make the database refuse what concerns one record, as a programming error would."""
    bench.store._connection.execute(
        "CREATE TRIGGER trip BEFORE INSERT ON identity WHEN NEW.local_id = "
        f"'{local_id}' BEGIN SELECT RAISE(ABORT, 'tripped'); END"
    )


def test_who_kills_thrice_is_quarantined_and_the_innocent_are_written(bench: Bench) -> None:
    positions = bench.deliver(*(adt(1000 + n, str(n)) for n in range(5)))
    with bench.store.write() as tx:
        tx.run(STALL)
        tx.run(TRIED, positions[0], 2)
    bench.work_off()
    assert bench.state(positions.pop(0)) == ("quarantined", "killed-the-process")
    assert [bench.state(position)[0] for position in positions] == ["written"] * 4


def test_every_resource_names_the_messages_and_lines_it_came_from(bench: Bench) -> None:
    first, second = bench.deliver(adt(), adt(control="2", minute=11, family="Ochs"))
    bench.work_off()
    provenances = Provenances(bench.journal, Fixed(PLANS), KEY.id_key())
    with bench.store.read() as tx:
        record = PLANS["mercy"].map(parse(adt().encode()), 0).patients[0].record
        person = persons_of(tx, [record])[record]
        told = provenances.of_target(tx, f"Patient/{record}", 0, 10)
        assert [position for position, _ in told] == [first, second]
        assert provenances.of_target(tx, f"Patient/{record}", first, 10)[0][0] == second
        golden = provenances.of_target(tx, f"Patient/{person}", 0, 10)
        assert golden
        body = provenances.read(tx, f"message-{first}")
        by_source = provenances.of_source(tx, f"urn:concord:message:{first}", 0, 10)
        by_control = provenances.of_source(tx, "2", 0, 10)
        assert provenances.read(tx, "message-99999") is None
        assert provenances.of_target(tx, "Nonsense/1", 0, 10) == []
    assert body is not None
    assert [one for _, one in by_source] == [body]
    assert [position for position, _ in by_control] == [second]
    assert validate(body) == []
    lines = [line["valueString"] for line in body["extension"]]
    assert any(re.fullmatch(r"base/segments/PID-Patient\.yaml:\d+", line) for line in lines)
    assert body["policy"] == [f"urn:concord:plan:{PLANS['mercy'].id}"]
    assert f"Patient/{record}/_history/1" in [one["reference"] for one in body["target"]]


def test_a_plan_of_the_past_is_compiled_again_for_its_lines(bench: Bench) -> None:
    position = bench.deliver(adt())[0]
    bench.work_off()
    changed = {"mercy": _another(PLANS["mercy"].id)}
    with bench.store.read() as tx:
        body = Provenances(bench.journal, Fixed(changed), KEY.id_key()).read(
            tx, f"message-{position}"
        )
    assert body is not None
    assert len(body["extension"]) >= 3


def _another(plan_id: str) -> Any:
    """A plan that is not the one which mapped the message."""
    other = PLANS["hilltop"]
    assert other.id != plan_id
    return other


def test_a_decision_goes_through_the_journal_and_back(bench: Bench) -> None:
    bench.deliver(adt(1001, "1"), adt(2002, "2", family="Somebody"))
    bench.work_off()
    records = [
        PLANS["mercy"].map(parse(body.encode()), 0).patients[0]
        for body in (adt(1001, "1"), adt(2002, "2", family="Somebody"))
    ]
    a, b = (Party(one.site, one.record, one.local_id) for one in records)

    def people() -> int:
        with bench.store.read() as tx:
            return len(set(persons_of(tx, [a.record, b.record]).values()))

    assert people() == 2
    act = submit(bench.journal, Decision("link", "kim", "told so", START_US, a, b), bench)
    assert outcome(bench.store, act) is None
    bench.work_off()
    assert people() == 1
    assert outcome(bench.store, act) is not None
    submit(bench.journal, Decision("undo", "kim", "", START_US, of=act), bench)
    bench.work_off()
    assert people() == 2


def test_a_decision_that_cannot_be_read_is_quarantined(bench: Bench) -> None:
    bad = Decision("link", "kim", "", START_US)
    position = submit(bench.journal, bad, bench)
    bench.work_off()
    assert bench.state(position) == ("quarantined", "bad-decision")


def test_a_mended_message_is_replayed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.delitem(PLANS, "mercy")
        envelope = Envelope("mercy-hl7", "mercy", HL7_V2, adt().encode(), START_US, "1", "EPI:1")
        position = bench.journal.append([envelope])[0]
        bench.work_off()
        assert bench.state(position) == ("quarantined", "no-plan")
    with bench.store.read() as tx:
        assert [one.position for one in messages(tx, Wanted(state="quarantined"))] == [position]
        assert list(messages(tx, Wanted(state="quarantined", site="hilltop"))) == []
    act = submit(bench.journal, Decision("replay", "kim", "", START_US, of=position), bench)
    bench.work_off()
    assert bench.state(position) == bench.state(act) == ("written", "")
    with bench.store.read() as tx:
        assert list(messages(tx, Wanted(state="quarantined"))) == []


def test_what_was_written_is_not_changed_by_a_replay(bench: Bench) -> None:
    first, second = bench.deliver(adt(), adt(control="2", minute=20, family="Ochs"))
    bench.work_off()
    submit(bench.journal, Decision("replay", "kim", "", START_US, of=first), bench)
    bench.work_off()
    assert bench.state(first) == bench.state(second) == ("written", "")
    with bench.store.read() as tx:
        account = read_account(tx, first)
    assert account is not None
    assert account.changed > 0


def test_a_person_left_with_a_number_only_shows_nobody_elses_data(bench: Bench) -> None:
    bodies = {
        PLANS["mercy"].map(parse(body.encode()), 0).patients[0]: body for body in (adt(), adt(2002))
    }
    stub, known = sorted(
        bodies, key=lambda key: key.record
    )  # the stub is named first: its id holds
    a, b = (Party(one.site, one.record, one.local_id) for one in (stub, known))
    act = submit(bench.journal, Decision("link", "kim", "", START_US, a, b), bench)
    bench.deliver(bodies[known])
    bench.work_off()

    def shown() -> str:
        with bench.store.read() as tx:
            person = persons_of(tx, [stub.record])[stub.record]
            found = read(tx, "Patient", person, UNIFIED)
        return "" if found is None or found.deleted else found.body.decode()

    assert "Vandermeer" in shown()
    submit(bench.journal, Decision("undo", "kim", "", START_US, of=act), bench)
    bench.work_off()
    assert "Vandermeer" not in shown()


def test_a_long_document_told_twice_is_one_binary_and_stays_closed(bench: Bench) -> None:
    pdf = b"%PDF-1.4" + bytes(range(256)) * 400
    obx = f"OBX|1|ED|PDF^R||^AP^PDF^Base64^{base64.b64encode(pdf).decode()}||||||F\r"
    head = "MSH|^~\\&|EPIC|MERCY|C|N|20260914101{0}00||{1}|{0}|P|2.5.1\rPID|1||E7^^^MERCY^MR\r"
    notice = head.format(1, "MDM^T02") + "TXA|1|DS|AP|20260914||||||||D1^EHR||||||R\r" + obx
    result = head.format(2, "ORU^R01") + "OBR|1|P1|F1|18842-5^Summary^LN\r" + obx
    bench.deliver(notice, result)
    bench.work_off()
    ids = {
        one.id
        for said in (notice, result)
        for one in PLANS["mercy"].map(parse(said.encode()), 0).contributions
        if one.type == "Binary"
    }
    (ident,) = ids
    with bench.store.read() as tx:
        stored = read(tx, "Binary", ident, UNIFIED)
    assert stored is not None
    body = orjson.loads(stored.body)
    assert base64.b64decode(body["data"]) == pdf
    assert [label["code"] for label in body["meta"]["security"]] == ["R"]
    assert validate(body) == []
