"""A replay under another mapping ends where that mapping would have led from the start."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from engine import app
from engine.core.clock import SystemClock
from engine.core.fault import FaultError
from engine.core.lexeme import decode
from engine.core.values import FHIR_JSON, HL7_V2, Envelope
from engine.database.protocol import Database
from engine.database.statement import Statement
from engine.demo.delivery import Delivery
from engine.demo.traffic import generate
from engine.formats.hl7v2.parse import parse
from engine.journal.binding import bind
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.pipeline.batch import Surroundings, Worker
from engine.pipeline.in_force import Fixed
from engine.pipeline.ledger import count_states, read_account
from engine.pipeline.rederive.tables import SHADOW, SHADOW_ALIAS
from engine.pipeline.rederive.work import Replay
from engine.pipeline.rederive.work import Surroundings as Around
from engine.security.keys import RegionKey
from engine.store.tables import BODY, LIVE, MEMBER, RESOURCE, VERSION
from mpi.tables import ALIAS, STATEMENT

KEY = RegionKey(bytes(32))
REGION = app.region_of(Path("samples/region.yaml"))
OLD = app.compile_plans(REGION, KEY)
RECONCILING = app.reconciling(REGION, KEY)
SITE = "mercy"
OTHER_MAPPING = """\
map: v1
kind: overlay
change:
  PID-Patient:
    maritalStatus: remove
    multipleBirth: remove
    telecom: remove
    language: {from: PID-15, map: language-bcp47}
"""
UNREADABLE = """\
map: v1
kind: overlay
change:
  OBX-Observation:
    dataAbsentReason: "=http://terminology.hl7.org/CodeSystem/data-absent-reason|unknown|Unknown"
"""
UNLINKING = """\
map: v1
kind: overlay
change:
  ADT_A24: {emit: [{unlink: patients}]}
"""
RESOURCES = Statement(
    select(
        *(RESOURCE.c.type, RESOURCE.c.id, RESOURCE.c.site, RESOURCE.c.record, RESOURCE.c.stamps),
        BODY.c.bytes,
    )
    .join(BODY, BODY.c.bid == RESOURCE.c.bid)
    .where(RESOURCE.c.state == LIVE)
)
MEMBERS = Statement(select(MEMBER.c.record, MEMBER.c.person))
ALIASES = Statement(select(ALIAS))
SAID = Statement(select(STATEMENT))
KINDS = Statement(select(STATEMENT.c.kind))
SHADOWS = Statement(select(SHADOW.c.id).union_all(select(SHADOW_ALIAS.c.record)))
VERSIONS = Statement(select(VERSION.c.rid, VERSION.c.version))


@dataclass(frozen=True)
class Outcome:
    """What a store holds, without what depends on the way there: enterprise ids and versions."""

    resources: dict[tuple[int, str], tuple[str, str, bytes]]
    golden: dict[frozenset[str], object]
    aliases: frozenset[object]
    said: frozenset[object]


def outcome(store: Database) -> Outcome:
    with store.read() as tx:
        rows, members = tx.all(RESOURCES), {row[0]: row[1] for row in tx.all(MEMBERS)}
        aliases, said = frozenset(tx.all(ALIASES)), frozenset(tx.all(SAID))
    people: dict[str, set[str]] = {}
    for record, person in members.items():
        people.setdefault(person, set()).add(record)
    resources = {row[:2]: (row[3], row[4], bytes(row[5])) for row in rows if row[2]}
    golden: dict[frozenset[str], object] = {}
    for row in rows:
        if not row[2]:
            body = decode(bytes(row[5]))
            golden[frozenset(people[row[1]])] = {**body, "id": "", "meta": ""}
    return Outcome(resources, golden, aliases, said)


def kinds(store: Database) -> list[str]:
    """Return the kinds of what was said of records."""
    with store.read() as tx:
        return [row[0] for row in tx.all(KINDS)]


def versions(store: Database) -> int:
    with store.read() as tx:
        return len(tx.all(VERSIONS))


def changed_plan(folder: Path, text: str = OTHER_MAPPING) -> dict[str, Plan]:
    """Compile the plans with one more layer on the site's mapping."""
    shutil.copytree("mappings", folder / "mappings")
    layer = folder / "mappings/site/other"
    layer.mkdir()
    (layer / "overlay.yaml").write_text(text)
    profile = app.site_profile(REGION, SITE, KEY)
    profile = replace(profile, chain=(*profile.chain, "site/other"))
    return {**OLD, SITE: compile_plan(read_library(folder / "mappings"), profile)}


class Place:
    """A journal with a day of traffic, and stores that work it off."""

    def __init__(self, folder: Path, new_store: Callable[[], Database]) -> None:
        found_journal(folder, lambda _: None, instance="t", partitions=4)
        self.journal = SqliteJournal(folder, lambda _: None)
        self.new_store = new_store
        self.sent = list[Delivery]()

    def send(self, deliveries: list[Delivery]) -> None:
        self.sent += deliveries
        self.journal.append([self._envelope(one) for one in deliveries])

    def _envelope(self, delivery: Delivery) -> Envelope:
        lane = OLD[delivery.site].lane(parse(delivery.body))
        at = 1_790_000_000_000_000 + len(self.sent)
        channel = f"{delivery.site}-hl7"
        return Envelope(
            channel, delivery.site, HL7_V2, delivery.body, at, delivery.control_id, lane
        )

    def opened(self, plans: dict[str, Plan]) -> tuple[Database, Worker]:
        store = self.new_store()
        with store.write() as tx:
            bind(tx, self.journal.identity(), self.journal.head())
        return store, self.worker(store, plans)

    def worker(self, store: Database, plans: dict[str, Plan]) -> Worker:
        around = Surroundings(
            "w", self.journal, store, Fixed(plans), RECONCILING, SystemClock(), lambda _: None, 4
        )
        return Worker(around)

    def replay(self, store: Database, plans: dict[str, Plan], *, failing: bool = False) -> Replay:
        clock = SystemClock()
        return Replay(Around(self.journal, store, plans[SITE], RECONCILING, clock, failing))


def drain(worker: Worker) -> None:
    while worker.step():
        pass
    worker.stop()


@pytest.fixture
def place(tmp_path: Path, new_store: Callable[[], Database]) -> Iterator[Place]:
    (tmp_path / "journal").mkdir()
    made = Place(tmp_path / "journal", new_store)
    yield made
    made.journal.close()


def traffic(count: int, seed: int = 11) -> list[Delivery]:
    return [one for one in generate(seed, count).deliveries if not one.refused]


def test_a_replay_ends_where_the_mapping_would_have_led(place: Place, tmp_path: Path) -> None:
    new = changed_plan(tmp_path)
    place.send(traffic(100))
    store, worker = place.opened(dict(OLD))
    drain(worker)
    before = outcome(store)
    fresh, worker = place.opened(new)
    drain(worker)
    last = list(place.replay(store, new).steps())[-1]
    after = outcome(store)
    assert after == outcome(fresh)
    assert after.resources != before.resources
    assert last.changed > 0
    with store.read() as tx:
        assert tx.all(SHADOWS) == []
        found = [read_account(tx, at + 1) for at in range(len(place.sent))]
    assert {one.plan for one in found if one and one.site == SITE and one.state == "written"} == {
        new[SITE].id
    }


def test_a_replay_under_the_same_mapping_writes_nothing(place: Place) -> None:
    place.send(traffic(100))
    store, worker = place.opened(dict(OLD))
    drain(worker)
    before, history = outcome(store), versions(store)
    last = list(place.replay(store, dict(OLD)).steps())[-1]
    assert outcome(store) == before
    assert versions(store) == history
    assert (last.changed, last.created, last.removed) == (0, 0, 0)


def test_a_replay_keeps_the_time_of_each_resource_of_a_bundle(place: Place) -> None:
    body = Path("samples/resources/mercy/09-transaction.json").read_bytes()
    at = 1_792_000_000_000_000
    place.journal.append([Envelope("mercy-fhir", SITE, FHIR_JSON, body, at)])
    store, worker = place.opened(dict(OLD))
    drain(worker)
    before = outcome(store)
    assert len({row[1] for row in before.resources.values()}) > 1  # their stamps
    list(place.replay(store, dict(OLD)).steps())
    assert outcome(store) == before


@pytest.mark.parametrize("every", [1, 3])
def test_a_replay_goes_on_where_it_was_killed_while_traffic_flows(
    place: Place, tmp_path: Path, every: int
) -> None:
    new = changed_plan(tmp_path)
    day = traffic(150)
    place.send(day[:75])
    store, worker = place.opened(dict(OLD))
    drain(worker)
    worker = place.worker(store, new)  # the daemon was restarted with the changed files
    waiting = day[75:]
    done = False
    while not done:
        steps = place.replay(store, new).steps()  # a new life knows only what the store holds
        for _ in range(every + 1):  # the first only says where it stands
            done = next(steps, None) is None
            if waiting:
                place.send(waiting[:4])
                del waiting[:4]
            worker.step()
    place.send(waiting)
    drain(worker)
    fresh, other = place.opened(new)
    drain(other)
    assert outcome(store) == outcome(fresh)


def test_what_is_no_longer_produced_is_deleted_and_comes_back(place: Place, tmp_path: Path) -> None:
    text = "map: v1\nkind: overlay\nchange:\n  PV1-Encounter: {$skip: 'PV1-19 valued'}\n"
    new = changed_plan(tmp_path, text)
    place.send(traffic(120))
    store, worker = place.opened(dict(OLD))
    drain(worker)
    before = outcome(store)
    last = list(place.replay(store, new).steps())[-1]
    assert last.removed > 0
    assert len(outcome(store).resources) == len(before.resources) + last.created - last.removed
    again = list(place.replay(store, dict(OLD)).steps())[-1]
    assert outcome(store) == before
    assert again.created == 0  # they go on from the versions they had
    assert (again.changed, again.removed) == (last.removed + last.changed, last.created)


def test_messages_the_mapping_cannot_read_stop_a_replay_unless_accepted(
    place: Place, tmp_path: Path
) -> None:
    new = changed_plan(tmp_path, UNREADABLE)
    place.send(traffic(100))
    store, worker = place.opened(dict(OLD))
    drain(worker)
    before = outcome(store)
    with pytest.raises(FaultError) as caught:
        list(place.replay(store, new).steps())
    assert caught.value.fault.code == "replay-failing"
    assert outcome(store) == before
    list(place.replay(store, new, failing=True).steps())
    with store.read() as tx:
        assert count_states(tx)["quarantined"] > 0
    list(place.replay(store, dict(OLD)).steps())
    assert outcome(store) == before
    with store.read() as tx:
        assert "quarantined" not in count_states(tx)


def test_a_replay_takes_back_what_was_linked(place: Place, tmp_path: Path) -> None:
    pids = "\r".join(f"PID|{n}||E{n}^^^MERCY^MR||Quill^Tess{n}" for n in (1, 2))
    head = "MSH|^~\\&|EPIC|MERCY|C|N|20260914101000||ADT^A24|7|P|2.5.1\rEVN|A24|20260914101000"
    place.send([Delivery(SITE, "7", f"{head}\r{pids}\r".encode())])
    store, worker = place.opened(dict(OLD))
    drain(worker)
    before = outcome(store)
    assert kinds(store) == ["link"]
    list(place.replay(store, dict(OLD)).steps())
    assert outcome(store) == before
    list(place.replay(store, changed_plan(tmp_path, UNLINKING)).steps())
    assert kinds(store) == ["unlink"]
