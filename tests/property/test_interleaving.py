"""Any partitioning, batching, worker count, crash and replay gives the same store.

One person's data always spans partitions, so nothing may depend on the order in which they are
worked off. The reference is one worker that takes the journal message by message.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, select, update

from engine.app import compile_plans, reconciling, region_of
from engine.core import failpoint
from engine.core.lap import untimed
from engine.core.values import HL7_V2, Envelope
from engine.database.metadata import STORE
from engine.database.postgres import PostgresDatabase
from engine.database.protocol import Database
from engine.database.sqlite import SqliteDatabase
from engine.database.statement import Statement
from engine.demo.delivery import Delivery
from engine.demo.traffic import generate
from engine.formats.hl7v2.parse import parse
from engine.journal.binding import bind
from engine.journal.offset_tables import OFFSET
from engine.journal.offsets import lowest
from engine.journal.postgres import found_postgres_journal, open_postgres_journal
from engine.journal.protocol import Journal
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.pipeline.batch import LEASE_US, Surroundings, Worker
from engine.pipeline.commit import Writing, commit
from engine.pipeline.in_force import Fixed
from engine.pipeline.ledger import Account
from engine.pipeline.prepare import prepare
from engine.security.keys import RegionKey
from engine.store.tables import BODY, MEMBER, RESOURCE
from mpi.tables import IDENTITY, TASK
from tests.property.interrupted import interrupting

KEY = RegionKey(bytes(32))
REGION = region_of(Path("samples/region.yaml"))
PLANS = compile_plans(REGION, KEY)
RECONCILING = reconciling(REGION, KEY)
NUMBERS = count(1)
START_US = 1_790_000_000_000_000

RESOURCES = Statement(
    select(RESOURCE.c.type, RESOURCE.c.id, RESOURCE.c.site, RESOURCE.c.state, BODY.c.bytes).join(
        BODY, BODY.c.bid == RESOURCE.c.bid
    )
)
PEOPLE = Statement(select(MEMBER.c.record, MEMBER.c.person))
MERGED = Statement(select(IDENTITY.c.record, IDENTITY.c.survivor, IDENTITY.c.person))
TASKS = Statement(select(TASK.c.kind, TASK.c.a, TASK.c.b, TASK.c.bits))
STALLS = Statement(select(OFFSET.c.stalls))
REWIND = Statement(
    update(OFFSET)
    .where(OFFSET.c.partition == bindparam("which"))
    .values(position=0, claimed=0, fence=OFFSET.c.fence + 1, owner=""),
    "which",
)


@dataclass
class TickingClock:
    time_us: int = START_US

    def now_us(self) -> int:
        self.time_us += 10
        return self.time_us

    def slow_us(self) -> int:
        """Return a time by which every batch takes long, so that it is written in small pieces."""
        self.time_us += 20_000
        return self.time_us


class KilledError(BaseException):
    """What a SIGKILL leaves behind: nothing of the process, an open transaction rolled back."""


@dataclass(frozen=True)
class Schedule:
    """How a run goes about the same journal."""

    partitions: int = 1
    workers: int = 1
    most: int = 1
    scatter: bool = False  # lanes at random instead of by patient
    crash_rate: float = 0.0
    rewinds: int = 0
    hurried: bool = False  # batches are written in pieces, and end between any two
    prompt_rate: float = 0.0  # how often an entry is worked off without a lease, out of its turn
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    people: frozenset[frozenset[str]]
    merged: frozenset[tuple[str, str]]
    tasks: frozenset[tuple[object, ...]]
    resources: dict[tuple[int, str], bytes]


@contextmanager
def folder() -> Iterator[Path]:
    shared = Path("/dev/shm")  # noqa: S108 - memory-backed where there is one
    path = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def envelope(delivery: Delivery, number: int, lane: str | None) -> Envelope:
    plan = PLANS[delivery.site]
    known = plan.lane(parse(delivery.body)) if lane is None else lane
    return Envelope(
        f"{delivery.site}-hl7",
        delivery.site,
        HL7_V2,
        delivery.body,
        START_US + number,
        delivery.control_id,
        known,
    )


def _ignore(accounts: Sequence[Account]) -> None:
    assert accounts


@dataclass(frozen=True)
class Opened:
    """A new journal and store, and another handle on the store."""

    journal: Journal
    store: Database
    reader: Database

    def close(self) -> None:
        for handle in (self.journal, self.store, self.reader):
            handle.close()


Opening = Callable[[int], AbstractContextManager[Opened]]


@contextmanager
def on_sqlite(partitions: int) -> Iterator[Opened]:
    with folder() as here:
        found_journal(here, lambda _: None, instance="test", partitions=partitions)
        store = here / "store.db"
        opened = Opened(
            SqliteJournal(here, lambda _: None), SqliteDatabase(store), SqliteDatabase(store)
        )
        try:
            yield opened
        finally:
            opened.close()


def on_postgresql(uri: str) -> Opening:
    @contextmanager
    def opening(partitions: int) -> Iterator[Opened]:
        schema = f"run_{os.getpid()}_{next(NUMBERS)}"
        found_postgres_journal(uri, schema, instance="test", partitions=partitions)
        opened = Opened(
            open_postgres_journal(uri, schema),
            PostgresDatabase(uri, schema=schema),
            PostgresDatabase(uri, schema=schema),
        )
        try:
            yield opened
        finally:
            opened.close()

    return opening


def run(deliveries: list[Delivery], schedule: Schedule, opening: Opening = on_sqlite) -> Outcome:
    chance = random.Random(schedule.seed)
    with opening(schedule.partitions) as opened:
        journal, store = opened.journal, opened.store
        journal.append(
            [
                envelope(one, number, str(chance.random()) if schedule.scatter else None)
                for number, one in enumerate(deliveries)
            ]
        )
        store.create(STORE)
        with store.write() as tx:
            bind(tx, journal.identity(), journal.head())
        _work_off(opened, schedule, chance)
        return snapshot(store)


def _work_off(opened: Opened, schedule: Schedule, chance: random.Random) -> None:
    journal, store, reader = opened.journal, opened.store, opened.reader
    clock = TickingClock()
    shared = interrupting(store, lambda: chance.random() < 0.5) if schedule.hurried else store
    hired = 0

    def hire() -> Worker:
        nonlocal hired
        hired += 1
        return Worker(
            Surroundings(
                owner=f"worker-{hired}",
                journal=journal,
                database=shared,
                plans=Fixed(PLANS),
                reconciling=RECONCILING,
                clock=clock,
                done=_ignore,
                wanted=schedule.partitions,
                most=schedule.most,
                ticks_us=clock.slow_us if schedule.hurried else clock.now_us,
            )
        )

    workers = [hire() for _ in range(schedule.workers)]
    rewinds = schedule.rewinds
    steps = idle = 0
    for point, act in _crashes(reader, chance, schedule.crash_rate).items():
        failpoint.arm(point, act)
    try:
        while rewinds or idle < 2 or lowest_offset(store) < journal.head():
            steps += 1
            assert steps < 20_000, "the workers do not come to an end"
            place = chance.randrange(len(workers))
            if chance.random() < schedule.prompt_rate:
                _work_promptly(opened, clock, chance)
            try:
                idle = 0 if workers[place].step() else idle + 1
            except KilledError:
                workers[place] = hire()
                clock.time_us += chance.choice((0, LEASE_US + 1))
            if idle:
                clock.time_us += LEASE_US // 20
            if idle >= 2 and rewinds:
                rewinds -= 1
                with store.write() as tx:
                    tx.run(REWIND, chance.randrange(schedule.partitions))
                idle = 0
    finally:
        failpoint.disarm()


def _work_promptly(opened: Opened, clock: TickingClock, chance: random.Random) -> None:
    """Do what the prompter of the api does, with any entry at any time: before, between, behind."""
    entry = opened.journal.entry(chance.randint(1, opened.journal.head()))
    if entry is not None:
        writing = Writing(opened.store, RECONCILING, clock, untimed)
        with suppress(KilledError):
            commit(writing, [prepare(entry, PLANS)], (), 0)


def lowest_offset(store: Database) -> int:
    with store.read() as tx:
        return lowest(tx)


def _crashes(reader: Database, chance: random.Random, rate: float) -> dict[str, Callable[[], None]]:
    """Kills at named points, but not while a partition stalls: thrice convicts a message."""

    def act() -> None:
        if chance.random() < rate:
            with reader.read() as tx:
                if max(row[0] for row in tx.all(STALLS)) == 0:
                    raise KilledError

    return dict.fromkeys(("before-commit", "inside-merge", "after-commit"), act)


def snapshot(store: Database) -> Outcome:
    """Everything that matters, without enterprise ids, versions and times."""
    with store.read() as tx:
        members = tx.all(PEOPLE)
        identities = tx.all(MERGED)
        tasks = frozenset(tx.all(TASKS))
        resources = tx.all(RESOURCES)
    people: dict[str, set[str]] = {}
    for record, person in members:
        people.setdefault(person, set()).add(record)
    assert {row[0]: row[1] for row in members} == {row[0]: row[2] for row in identities}
    names = {person: min(records) for person, records in people.items()}
    contents = {}
    for kind, key, site, state, body in resources:
        if site:
            contents[kind, key] = body
        elif state == 0:
            name = names[key]
            contents[kind, name + "-golden"] = body.replace(key.encode(), name.encode())
    return Outcome(
        frozenset(frozenset(records) for records in people.values()),
        frozenset((record, survivor) for record, survivor, _ in identities),
        tasks,
        contents,
    )


SCHEDULES = st.builds(
    Schedule,
    partitions=st.integers(1, 8),
    workers=st.integers(1, 4),
    most=st.sampled_from([1, 2, 7, 30]),
    scatter=st.booleans(),
    crash_rate=st.sampled_from([0.0, 0.05, 0.3]),
    rewinds=st.integers(0, 2),
    hurried=st.booleans(),
    prompt_rate=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 2**16),
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(traffic=st.integers(0, 2**16), count=st.integers(20, 90), schedule=SCHEDULES)
def test_any_interleaving_gives_the_same_store(
    traffic: int, count: int, schedule: Schedule
) -> None:
    deliveries = [one for one in generate(traffic, count, 24).deliveries if not one.refused]
    assert run(deliveries, schedule) == run(deliveries, Schedule())


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(traffic=st.integers(0, 2**16), many=st.integers(20, 60), schedule=SCHEDULES)
def test_any_interleaving_on_postgresql_gives_the_store_of_sqlite(
    postgres_uri: str, traffic: int, many: int, schedule: Schedule
) -> None:
    deliveries = [one for one in generate(traffic, many, 24).deliveries if not one.refused]
    found = run(deliveries, schedule, on_postgresql(postgres_uri))
    assert found == run(deliveries, Schedule())


def test_late_messages_of_another_order_give_the_same_store() -> None:
    """The journal itself in another order: what a site sent late does not undo what is newer."""
    deliveries = [one for one in generate(3, 80, 20).deliveries if not one.refused]
    numbered = [one for one in deliveries if one.control_id]
    shuffled = list(numbered)
    random.Random(1).shuffle(shuffled)
    straight, late = run(numbered, Schedule()), run(shuffled, Schedule(partitions=3, workers=2))
    assert late.people == straight.people
    assert late.resources == straight.resources
    assert replace(late, tasks=straight.tasks) == straight
