"""Stewards, merge chains, shared identifiers and twins in any interleaving: the same store.

Wider than `test_interleaving` where that one is blind: decisions are journal entries among the
messages, acts are undone (also before they are processed in their own partition), records share
identifiers, source times collide. After each run the projections are computed anew and compared.
"""

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app import compile_plans, reconciling, region_of
from engine.core.lexeme import decode
from engine.core.values import DECISION, HL7_V2, Envelope
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.database.transaction import Transaction
from engine.demo import ecw, epic
from engine.demo.chart import Chart, Event
from engine.demo.people import Address, Invented
from engine.formats.hl7v2.parse import parse
from engine.journal.binding import bind
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.pipeline.batch import LEASE_US, Surroundings, Worker
from engine.pipeline.decision import Decision, Party
from engine.pipeline.in_force import Fixed
from engine.pipeline.ledger import Account
from engine.security.keys import RegionKey
from engine.store.codes import PATIENT
from engine.store.put import source_patients
from engine.store.stamps import times
from engine.store.tables import LIVE
from mpi.survivorship import Member, golden

KEY = RegionKey(bytes(32))
REGION = region_of(Path("samples/region.yaml"))
PLANS = compile_plans(REGION, KEY)
RECONCILING = reconciling(REGION, KEY)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - faster where it exists
START_US = 1_790_000_000_000_000
MORNING = {  # one moment, in the local time of each site, as it is sent
    "mercy": datetime(2026, 9, 14, 6, 0, 0),  # noqa: DTZ001
    "hilltop": datetime(2026, 9, 14, 5, 0, 0),  # noqa: DTZ001
}

RESOURCES = "SELECT type, id, site, state, bytes FROM resource JOIN body USING (bid)"
IDENTITIES = "SELECT record, survivor, person, site, local_id FROM identity"
SHOWN = (
    "SELECT r.record, v.person FROM resource r JOIN version v USING (rid)"
    " WHERE v.version = r.version AND r.record <> '' AND r.type <> ?"
)
REWIND = """
    UPDATE "offset" SET position = 0, claimed = 0, fence = fence + 1, owner = ''
    WHERE partition = ?"""


def _person(number: int, given: str, born: date, **more: Any) -> Invented:
    home = Address("12 Lantern Ln", "Alder Fork", "53099")
    named = number, "Falkenrath", given, "Q", "", "F", born
    return replace(Invented(*named, f"66612{number:04d}", "6085550111", "", home), **more)


PERSONS_KNOWN = (
    _person(1, "Imogen", date(1961, 4, 2)),
    _person(2, "Imogen", date(1961, 4, 2), ssn="", phone="", family="Falkenrath-Eklund"),
    _person(3, "Nadia", date(1988, 7, 5), twin_order=1, ssn=""),
    _person(4, "Nadine", date(1988, 7, 5), twin_order=2, ssn=""),
    _person(5, "Ursula", date(1940, 1, 9), phone="4145550122"),
)
MOVED = (Address("77 Juniper Ln", "Cedar Hollow", "53098"), "2625550144")
SENDERS: dict[str, Callable[[Chart, Event], bytes]] = {"mercy": epic.render, "hilltop": ecw.render}
CHARTS = (
    *(("mercy", str(900_400_000 + n), f"E{n % 3}") for n in range(4)),
    *(("hilltop", str(20_000 + n), f"HT-{n % 2}") for n in range(3)),
)
"""Site, local id and other identifier: some share the latter, so the source says they are one."""
LONELY = tuple((site, local, f"{other}-{local}") for site, local, other in CHARTS)


@dataclass(frozen=True)
class Sent:
    """A message: of chart `chart` about person `who`, `minute` minutes into the morning."""

    chart: int
    who: int
    trigger: str
    minute: int
    moved: bool = False
    clears: bool = False
    gone: int = -1  # A40: the chart that is no longer used
    shares: bool = False  # sends the identifier it has in common with another chart


@dataclass(frozen=True)
class Decided:
    """A steward's act on two charts, or `undo` of the entry at position `of`."""

    act: str
    a: int
    b: int
    second: int
    of: int = 0


Act = Sent | Decided


@st.composite
def days(draw: st.DrawFn) -> list[Act]:
    """A small day: few charts, few moments, so that everything meets everything."""
    acts: list[Act] = []
    shares = draw(st.booleans())
    charts = st.integers(0, len(CHARTS) - 1)
    mercy = st.integers(0, 3)
    for position in range(1, draw(st.integers(4, 22))):
        kind = draw(st.sampled_from("mmmmkkdddu"))
        said = [n for n, act in enumerate(acts, 1) if isinstance(act, Decided) or act.gone >= 0]
        if kind == "u" and said:
            acts.append(Decided("undo", 0, 0, position, of=draw(st.sampled_from(said))))
        elif kind == "d":
            a, b = draw(st.lists(charts, min_size=2, max_size=2, unique=True))
            act = draw(st.sampled_from(["link", "unlink", "never"]))
            acts.append(Decided(act, a, b, draw(st.integers(1, 5))))
        elif kind == "k":
            a, b = draw(st.lists(mercy, min_size=2, max_size=2, unique=True))
            acts.append(Sent(a, draw(who), "ADT^A40", draw(minutes), gone=b, shares=shares))
        else:
            trigger = draw(st.sampled_from(["ADT^A04", "ADT^A08"]))
            flags = draw(st.booleans()), draw(st.sampled_from([False, False, True]))
            acts.append(
                Sent(draw(charts), draw(who), trigger, draw(minutes), *flags, shares=shares)
            )
    return acts


who = st.integers(0, len(PERSONS_KNOWN) - 1)
minutes = st.integers(1, 6)


def _chart(number: int, person: Invented, *, shares: bool) -> Chart:
    _, local_id, other_id = (CHARTS if shares else LONELY)[number]
    return Chart(person, person, local_id, other_id)


def _body(act: Sent, position: int) -> tuple[str, str, bytes]:
    site = CHARTS[act.chart][0]
    person = PERSONS_KNOWN[act.who]
    if act.moved:
        person = replace(person, address=MOVED[0], phone=MOVED[1])
    gone = _chart(act.gone, person, shares=act.shares) if act.gone >= 0 else None
    control_id = f"C{position:05d}"
    when = MORNING[site] + timedelta(minutes=act.minute)
    event = Event(act.trigger, when, control_id, clears_phone=act.clears, merged=gone)
    return site, control_id, SENDERS[site](_chart(act.chart, person, shares=act.shares), event)


def _party(number: int) -> Party:
    """The record of a chart, as the patient key rule of its site names it."""
    site, _, body = _body(Sent(number, 0, "ADT^A04", 1), 1)
    key = PLANS[site].map(parse(body), START_US).patients[0]
    return Party(key.site, key.record, key.local_id)


PARTIES = [_party(number) for number in range(len(CHARTS))]


def envelope(act: Act, position: int, lane: str | None) -> Envelope:
    received_us = START_US + position
    if isinstance(act, Decided):
        a, b = (None, None) if act.of else (PARTIES[act.a], PARTIES[act.b])
        decision = Decision(act.act, "steward", "", START_US + act.second, a, b, act.of)
        return Envelope(
            "steward", "", DECISION, decision.to_bytes(), received_us, lane=lane or "steward"
        )
    site, control_id, body = _body(act, position)
    known = PLANS[site].lane(parse(body)) if lane is None else lane
    return Envelope(f"{site}-hl7", site, HL7_V2, body, received_us, control_id, known)


@dataclass
class TickingClock:
    time_us: int = START_US

    def now_us(self) -> int:
        self.time_us += 10
        return self.time_us


@dataclass(frozen=True)
class Schedule:
    """How a run goes about the same journal."""

    partitions: int = 1
    workers: int = 1
    most: int = 1
    scatter: bool = False  # lanes at random instead of by patient
    rewinds: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    people: frozenset[frozenset[str]]
    merged: frozenset[tuple[str, str]]
    tasks: frozenset[tuple[object, ...]]
    sources: dict[tuple[int, str], bytes]
    goldens: dict[str, bytes]
    stale: tuple[str, ...] = field(compare=False)  # golden records that are not what they should be
    astray: tuple[str, ...] = field(compare=False)  # retired ids that lead to another person


def _ignore(accounts: Sequence[Account]) -> None:
    assert accounts


def run(acts: Sequence[Act], schedule: Schedule) -> Outcome:
    chance = random.Random(schedule.seed)
    with tempfile.TemporaryDirectory(dir=MEMORY) as made:
        here = Path(made)
        found_journal(here, lambda _: None, instance="test", partitions=schedule.partitions)
        journal = SqliteJournal(here, lambda _: None)
        given = journal.append(
            [
                envelope(act, position, str(chance.random()) if schedule.scatter else None)
                for position, act in enumerate(acts, 1)
            ]
        )
        assert given == list(range(1, len(acts) + 1))
        store = SqliteDatabase(here / "store.db")
        store.create(STORE)
        with store.write() as tx:
            bind(tx, journal.identity(), journal.head())
        _work_off(journal, store, schedule, chance)
        with store.read() as tx:
            outcome = snapshot(tx, len(acts))
        journal.close()
        store.close()
    return outcome


def _work_off(
    journal: SqliteJournal, store: SqliteDatabase, schedule: Schedule, chance: random.Random
) -> None:
    clock = TickingClock()
    workers = [
        Worker(
            Surroundings(
                owner=f"worker-{number}",
                journal=journal,
                database=store,
                plans=Fixed(PLANS),
                reconciling=RECONCILING,
                clock=clock,
                done=_ignore,
                wanted=schedule.partitions,
                most=schedule.most,
                ticks_us=clock.now_us,
            )
        )
        for number in range(schedule.workers)
    ]
    rewinds, steps, idle = schedule.rewinds, 0, 0
    while rewinds or idle < 4 or _lowest(store) < journal.head():
        assert (steps := steps + 1) < 20_000, "the workers do not come to an end"
        idle = 0 if chance.choice(workers).step() else idle + 1
        clock.time_us += LEASE_US // 20 if idle else 0
        if idle >= 4 and rewinds:
            rewinds, idle = rewinds - 1, 0
            with store.write() as tx:
                tx.query(REWIND, (chance.randrange(schedule.partitions),))


def _lowest(store: SqliteDatabase) -> int:
    with store.read() as tx:
        return int(tx.query('SELECT min(position) FROM "offset"', ())[0][0])


def snapshot(tx: Transaction, count: int) -> Outcome:
    """Everything that matters, without enterprise ids, versions and times; checks projections."""
    states = tx.query("SELECT position, state FROM ledger", ())
    assert sorted(row[0] for row in states) == list(range(1, count + 1))
    assert not [row for row in states if row[1] == "quarantined"]
    members: dict[str, str] = dict(tx.query("SELECT record, person FROM member", ()))
    identities = tx.query(IDENTITIES, ())
    assert members == {row[0]: row[2] for row in identities}
    assert [row for row in tx.query(SHOWN, (PATIENT,)) if row[1] != members[row[0]]] == []
    people: dict[str, set[str]] = {}
    for record, person in members.items():
        people.setdefault(person, set()).add(record)
    names = {person: min(records) for person, records in people.items()}
    contents, goldens, live = {}, {}, {}
    for kind, key, site, state, body in tx.query(RESOURCES, ()):
        if site:
            contents[kind, key] = body
        elif state == LIVE:
            live[key] = body
            goldens[names[key]] = body.replace(key.encode(), names[key].encode())
    return Outcome(
        frozenset(frozenset(records) for records in people.values()),
        frozenset((row[0], row[1]) for row in identities),
        frozenset(tx.query("SELECT kind, a, b, bits FROM task", ())),
        contents,
        goldens,
        _stale(tx, people, live),
        _astray(tx, members),
    )


def _stale(tx: Transaction, people: dict[str, set[str]], live: dict[str, bytes]) -> tuple[str, ...]:
    """Persons whose golden record differs from one built now from their members."""
    known = {row[0]: row for row in tx.query(IDENTITIES, ())}
    sources = source_patients(tx, sorted(known))
    wrong = []
    for person, records in people.items():
        made = [_member(known[one], *sources[one]) for one in sorted(records) if one in sources]
        body = golden(person, made, RECONCILING.rules).body if made else None
        if body != (decode(live[person]) if person in live else None):
            wrong.append(person)
    return tuple(sorted(wrong))


def _member(row: tuple[Any, ...], text: bytes, stamps: str) -> Member:
    body = decode(text)
    return Member(row[0], row[3], row[4], body, times(stamps, "Patient", body), row[1] != "")


def _astray(tx: Transaction, members: dict[str, str]) -> tuple[str, ...]:
    """Retired enterprise ids that do not lead to the person their founder is now."""
    return tuple(
        person
        for person, founder, survivor in tx.query(
            "SELECT person, founder, survivor FROM person", ()
        )
        if survivor and survivor != members[founder]
    )


SCHEDULES = st.builds(
    Schedule,
    partitions=st.integers(1, 6),
    workers=st.integers(1, 3),
    most=st.sampled_from([1, 2, 7, 30]),
    scatter=st.booleans(),
    rewinds=st.integers(0, 2),
    seed=st.integers(0, 2**16),
)
CALM = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@CALM
@given(acts=days(), schedule=SCHEDULES)
def test_any_interleaving_gives_the_same_people(acts: list[Act], schedule: Schedule) -> None:
    one, other = run(acts, schedule), run(acts, Schedule())
    assert one.people == other.people
    assert one.merged == other.merged
    assert one.sources == other.sources
    assert one.tasks == other.tasks
    assert one.goldens == other.goldens
    assert one.stale == other.stale == ()


CONFIRMED: list[Act] = [
    Sent(0, 0, "ADT^A04", 1),
    Sent(4, 0, "ADT^A04", 2, moved=True),
    Sent(0, 0, "ADT^A08", 3),  # says again what it said, but later than the other site
]


def test_a_golden_record_shows_the_address_confirmed_last() -> None:
    assert run(CONFIRMED, Schedule()).stale == ()


def test_golden_records_do_not_depend_on_the_order_of_arrival() -> None:
    late = [CONFIRMED[2], CONFIRMED[0], CONFIRMED[1]]
    straight, shuffled = run(CONFIRMED, Schedule()), run(late, Schedule())
    assert (straight.people, straight.sources) == (shuffled.people, shuffled.sources)
    assert straight.goldens == shuffled.goldens


RELINKED: list[Act] = [
    *(Sent(chart, number, "ADT^A04", 1) for chart, number in ((0, 4), (1, 2), (4, 0))),
    Decided("link", 0, 4, 1),  # by mistake: chart 4 gives up its enterprise id for that of chart 0
    Decided("link", 4, 1, 2),
    Decided("undo", 0, 0, 3, of=4),  # chart 4 is with chart 1 now
]


def test_a_retired_id_leads_to_where_its_record_is() -> None:
    assert run(RELINKED, Schedule()).astray == ()
