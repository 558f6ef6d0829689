"""Which plan maps an entry, on every engine: the last one that was activated before it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import delete

from engine.app import reconciling, region_of
from engine.core.clock import SystemClock
from engine.core.failpoint import arm, disarm
from engine.core.fault import FaultError
from engine.core.lap import untimed
from engine.core.values import ACTIVATION, HL7_V2, Envelope
from engine.database.protocol import Database
from engine.database.statement import Statement
from engine.journal.binding import bind
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.mapping.library import Library
from engine.mapping.plan import compile_plan
from engine.mapping.site import SiteProfile
from engine.mapping.strata import Strata
from engine.pipeline.activation import RELOAD, Activation, Libraries, SitePlan, library_of
from engine.pipeline.activation_tables import ACTIVATION as TABLE
from engine.pipeline.activations import (
    Offer,
    activate,
    activations,
    last_activation,
    make_offer,
    newest,
    newest_position,
    offered,
    start_with,
)
from engine.pipeline.batch import Surroundings, Worker
from engine.pipeline.commit import Writing, commit
from engine.pipeline.in_force import Following
from engine.pipeline.ledger import read_account
from engine.pipeline.prepare import prepare
from engine.pipeline.status import status
from engine.security.keys import RegionKey
from tests.chaos.message import Person, control_id, mercy_adt
from tests.small_mapping import small_mapping

KEY = RegionKey(bytes(32))
SITE = "mercy"
SMALL = small_mapping("name: [{label: legal, from: PID-5}]", "birthDate: PID-7", trigger="ADT^A08")
OTHER = "map: v1\nkind: overlay\nchange:\n  PID-Patient: {birthDate: remove}\n"
FORGET = Statement(delete(TABLE))
LIBRARY = Library((("base/all.yaml", SMALL),))
CHANGED = Library((*LIBRARY.files, ("base/other.yaml", OTHER)))
PROFILE = SiteProfile(SITE, "America/Chicago", ("base",), KEY.id_key())
RECONCILING = reconciling(region_of(Path("samples/region.yaml")), KEY)


class Lent:
    """A database that whoever borrowed it does not close."""

    def __init__(self, database: Database) -> None:
        self.write, self.read = database.write, database.read

    def close(self) -> None:
        """Leave it open."""


def compiled(strata: Strata, library: Library, profile: SiteProfile) -> object:
    return compile_plan(library, replace(profile, id_key=KEY.id_key()), strata=strata)


@dataclass
class Place:
    """A journal, a store, and as many workers as a test wants."""

    journal: SqliteJournal
    store: Database

    def follow(self) -> Following:
        opened: Callable[[], Database] = lambda: Lent(self.store)  # type: ignore[assignment,return-value] # noqa: E731
        return Following(opened, compiled, {})  # type: ignore[arg-type]

    def worker(self, name: str = "w", wanted: int = 4) -> tuple[Worker, Following]:
        plans = self.follow()
        around = Surroundings(
            *(name, self.journal, self.store, plans, RECONCILING, SystemClock()),
            lambda _: None,
            wanted,
        )
        plans.refresh()
        return Worker(around), plans

    def send(self, count: int) -> list[int]:
        """Append messages of as many people."""
        clock, told = SystemClock(), []
        for _ in range(count):
            control = control_id()
            body = mercy_adt(Person(control.removeprefix("T")), control)
            envelope = Envelope(
                "mercy-hl7", SITE, HL7_V2, body, clock.now_us(), control, f"MR:{control}"
            )
            told.append(envelope)
        return self.journal.append(told)

    def activate(self, library: Library, since: int | None = None) -> tuple[int, str]:
        """Let a library hold for the site; returns from where, and the plan."""
        plan = compile_plan(library, PROFILE)
        libraries: Libraries = {SITE: library_of(library, PROFILE.chain)}
        now = Activation(RELOAD, "ada", 1, {SITE: SitePlan(plan.id, PROFILE)})
        if since is None:
            with self.store.read() as tx:
                since = newest_position(tx)
        return activate(self.store, self.journal, now, libraries, since), plan.id

    def plan_of(self, position: int) -> str:
        with self.store.read() as tx:
            account = read_account(tx, position)
        return account.plan if account else "pending"

    def plans(self, positions: list[int]) -> set[str]:
        return {self.plan_of(at) for at in positions}


@pytest.fixture
def place(tmp_path: Path, new_store: Callable[[], Database]) -> Iterator[Place]:
    (tmp_path / "journal").mkdir()
    found_journal(tmp_path / "journal", lambda _: None, instance="t", partitions=4)
    made = Place(SqliteJournal(tmp_path / "journal", lambda _: None), new_store())
    with made.store.write() as tx:
        bind(tx, made.journal.identity(), made.journal.head())
    yield made
    disarm()
    made.journal.close()


def drain(*workers: Worker) -> None:
    moved = True
    while moved:
        moved = [worker.step() for worker in workers].count(True) > 0


class Killed(Exception):  # noqa: N818 - what a test raises instead of SIGKILL
    pass


def killed() -> None:
    raise Killed


def interrupted(place: Place, library: Library) -> tuple[int, str]:
    """Activate, and die between journal and store."""
    arm("inside-activation", killed)
    with pytest.raises(Killed):
        place.activate(library)
    disarm()
    return place.journal.head(), compile_plan(library, PROFILE).id


def test_each_entry_is_mapped_by_the_last_activation_before_it(place: Place) -> None:
    _, first = place.activate(LIBRARY)
    one, _ = place.worker()
    before = place.send(3)
    drain(one)
    waiting = place.send(3)
    _, second = place.activate(CHANGED)
    behind = place.send(3)
    drain(one)
    assert (place.plans(before), place.plans(waiting)) == ({first}, {first})
    assert place.plans(behind) == {second} != {first}


def test_who_starts_later_maps_what_waits_by_what_held_then(place: Place) -> None:
    _, first = place.activate(LIBRARY)
    waiting = place.send(3)
    _, second = place.activate(CHANGED)
    behind = place.send(3)
    drain(place.worker()[0])
    assert (place.plans(waiting), place.plans(behind)) == ({first}, {second})


def test_an_activation_whose_maker_was_killed_holds_from_its_place_on(place: Place) -> None:
    _, first = place.activate(LIBRARY)
    one, _ = place.worker("one", 2)
    two, _ = place.worker("two", 2)
    before = place.send(8)
    position, second = interrupted(place, CHANGED)
    behind = place.send(8)
    drain(one, two)
    assert (place.plans(before), place.plans(behind)) == ({first}, {second})
    with place.store.read() as tx:
        held = newest(tx)
    assert held is not None
    assert (held.position, held.activation.plans()) == (position, {SITE: second})


def test_a_store_that_is_older_than_an_activation_learns_of_it(place: Place) -> None:
    _, first = place.activate(LIBRARY)
    place.activate(CHANGED)
    back = place.activate(LIBRARY)
    sent = place.send(2)
    with place.store.write() as tx:
        tx.run(FORGET)
    drain(place.worker()[0])
    with place.store.read() as tx:
        assert len(activations(tx)) == 3
    assert place.plans(sent) == {back[1]} == {first}
    entry = last_activation(place.journal)
    assert entry is not None
    assert entry.position == back[0]


def test_what_cannot_be_read_changes_nothing(place: Place) -> None:
    _, first = place.activate(LIBRARY)
    one, plans = place.worker()
    torn = Envelope("steward", "", ACTIVATION, b'{"act": "reload"', 1)
    (position,) = place.journal.append([torn])
    sent = place.send(2)
    drain(one)
    assert place.plans(sent) == {first}
    assert plans.knows(position)


def test_who_was_overtaken_activates_nothing(place: Place) -> None:
    position, _ = place.activate(LIBRARY)
    place.activate(CHANGED, since=position)
    head = place.journal.head()
    with pytest.raises(FaultError, match="reload-elsewhere"):
        place.activate(LIBRARY, since=position)
    assert place.journal.head() == head


def test_who_reads_no_journal_finds_out_in_the_deed(place: Place) -> None:
    _, first = place.activate(LIBRARY)
    plans = place.follow()
    plans.refresh()
    writing = Writing(place.store, RECONCILING, SystemClock(), untimed, check=plans.check)

    def work(position: int) -> str:
        entry = place.journal.entry(position)
        assert entry is not None
        return commit(writing, [prepare(entry, plans.at(position))], (), 0).accounts[0].plan

    (before,) = place.send(1)
    assert work(before) == first
    _, second = place.activate(CHANGED)
    (behind,) = place.send(1)
    with pytest.raises(FaultError, match="plans-superseded"):
        work(behind)
    plans.refresh()
    assert (work(behind), place.plan_of(behind)) == (second, second)


def test_activations_are_no_messages(place: Place) -> None:
    place.activate(LIBRARY)
    place.activate(CHANGED)
    assert status(place.store, place.journal).pending == 0
    drain(place.worker()[0])
    assert status(place.store, place.journal).states == {}


def test_what_is_offered_is_compiled_before_it_holds(place: Place) -> None:
    place.activate(LIBRARY)
    plans = place.follow()
    plans.refresh()
    plan = compile_plan(CHANGED, PROFILE)
    sites = {SITE: SitePlan(plan.id, PROFILE)}
    libraries = {SITE: library_of(CHANGED, PROFILE.chain)}
    with place.store.write() as tx:
        make_offer(tx, Offer("o", sites), libraries, 1)
    with place.store.read() as tx:
        found = offered(tx)
    assert found is not None
    assert plans.compile(found.sites)
    assert plans.now[SITE].id != plan.id
    place.activate(CHANGED)
    with place.store.read() as tx:
        assert offered(tx) is None
    plans.refresh()
    assert plans.now[SITE].id == plan.id


def test_a_plan_that_cannot_be_compiled_here_leaves_what_held(place: Place) -> None:
    _, first = place.activate(LIBRARY)
    newer = Library((*CHANGED.files, ("base/z.yaml", "map: v9\n")))
    told: list[tuple[str, str]] = []
    libraries = {SITE: library_of(newer, PROFILE.chain)}
    now = Activation(RELOAD, "ada", 1, {SITE: SitePlan("feed" * 6, PROFILE)})
    activate(place.store, place.journal, now, libraries, 1)
    plans = Following(lambda: Lent(place.store), compiled, {}, lambda *one: told.append(one))  # type: ignore[arg-type,return-value]
    with suppress(FaultError):
        plans.refresh()
    assert plans.now[SITE].id == first
    assert told == [(SITE, "feed" * 6)]


class Overtaken(SystemClock):
    """A clock that somebody else starts by, between two looks of the one who asks it."""

    def __init__(self, start: Callable[[], None]) -> None:
        self._start = start

    def now_us(self) -> int:
        self._start()
        return super().now_us()


@pytest.mark.parametrize(("library", "fits"), [(LIBRARY, True), (CHANGED, False)])
def test_two_hosts_start_a_region_at_once(place: Place, library: Library, fits: bool) -> None:
    mine, other = compile_plan(LIBRARY, PROFILE), compile_plan(library, PROFILE)

    def quicker() -> None:
        start_with(place.store, place.journal, {SITE: other}, SystemClock())

    def start() -> None:
        start_with(place.store, place.journal, {SITE: mine}, Overtaken(quicker))

    if fits:
        start()
    else:
        with pytest.raises(FaultError, match="reload-elsewhere"):
            start()
    with place.store.read() as tx:
        held = newest(tx)
    assert held is not None
    assert held.activation.plans() == {SITE: other.id}
