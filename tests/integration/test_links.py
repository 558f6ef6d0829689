"""A24 and A37 through a worker: two numbers of one person, and that they are none."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from engine.app import compile_plans, reconciling, region_of
from engine.core.values import HL7_V2, Envelope
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.formats.hl7v2.parse import parse
from engine.journal.binding import bind
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.mapping.library import read_library
from engine.pipeline.batch import Surroundings, Worker
from engine.pipeline.decide import submit
from engine.pipeline.decision import Decision
from engine.pipeline.in_force import Fixed
from engine.pipeline.plans import keep_plans
from engine.security.keys import RegionKey
from engine.store.membership import persons_of

KEY = RegionKey(bytes(32))
REGION = region_of(Path("samples/region.yaml"))
PLANS = compile_plans(REGION, KEY)
START_US = 1_790_000_000_000_000
PIDS = {
    "one": "PID|1||E1^^^MERCY^MR||Vandermeer^Ottoline||19620504|F",
    "two": "PID|1||E2^^^MERCY^MR||Okonkwo^Ebele||19911123|M",
}


def message(kind: str, minute: int, *pids: str) -> str:
    time = f"2026091410{minute:02}00"
    head = f"MSH|^~\\&|EPIC|MERCY|CONCORD|NORTH|{time}||{kind}|{kind}{minute}|P|2.5.1"
    return "\r".join((head, f"EVN|{kind[4:]}|{time}", *(PIDS[name] for name in pids), ""))


ADMITTED = (message("ADT^A08", 1, "one"), message("ADT^A08", 2, "two"))
LINKED, LINKED_AGAIN = (message("ADT^A24", n, "one", "two") for n in (10, 30))
UNLINKED = message("ADT^A37", 20, "two", "one")


class Bench:
    """A journal, a store and a worker on a clock that ticks."""

    def __init__(self, folder: Path) -> None:
        found_journal(folder, _plain, instance="test", partitions=4)
        self.journal = SqliteJournal(folder, _plain)
        self.store = SqliteDatabase(folder / "store.db")
        self.store.create(STORE)
        self._time_us = START_US
        with self.store.write() as tx:
            bind(tx, self.journal.identity(), 0)
            keep_plans(tx, PLANS, read_library(Path("mappings")), START_US)

    def now_us(self) -> int:
        self._time_us += 1000
        return self._time_us

    def deliver(self, bodies: Sequence[str]) -> list[int]:
        plan = PLANS["mercy"]
        positions = []
        for body in bodies:
            given = parse(body.encode())
            envelope = Envelope(
                channel="mercy-hl7",
                site="mercy",
                media_type=HL7_V2,
                body=body.encode(),
                received_us=self.now_us(),
                control_id=given.control_id,
                lane=plan.lane(given),
            )
            positions += self.journal.append([envelope])
        self.work_off()
        return positions

    def work_off(self) -> None:
        worker = Worker(
            Surroundings(
                owner=f"worker-{self.now_us()}",
                journal=self.journal,
                database=self.store,
                plans=Fixed(PLANS),
                reconciling=reconciling(REGION, KEY),
                clock=self,
                done=lambda _: None,
                wanted=64,
                ticks_us=self.now_us,
                most=50,
            )
        )
        while worker.step():
            pass
        worker.stop()

    def persons(self) -> dict[str, str]:
        """Return number -> enterprise id of the two."""
        keys = {
            key.local_id: key.record
            for body in ADMITTED
            for key in PLANS["mercy"].map(parse(body.encode()), 0).patients
        }
        with self.store.read() as tx:
            people = persons_of(tx, list(keys.values()))
        return {number: people[record] for number, record in keys.items()}

    def are_one(self) -> bool:
        return len(set(self.persons().values())) == 1

    def close(self) -> None:
        self.journal.close()
        self.store.close()


def _plain(_: str) -> None:
    return None


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_link_joins_and_its_end_parts(bench: Bench) -> None:
    bench.deliver(ADMITTED)
    before = bench.persons()
    assert not bench.are_one()
    bench.deliver([LINKED])
    assert bench.are_one()
    bench.deliver([UNLINKED])
    assert bench.persons() == before
    bench.deliver([LINKED_AGAIN])
    assert bench.are_one()


@pytest.mark.parametrize(
    ("said", "one"),
    [((LINKED, UNLINKED), False), ((LINKED_AGAIN, UNLINKED), True)],
    ids=["unlinked last", "linked last"],
)
def test_the_order_of_arrival_does_not_show(
    tmp_path: Path, said: tuple[str, str], one: bool
) -> None:
    for number, bodies in enumerate([*permutations((*ADMITTED, *said))][::5]):
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = Bench(folder)
        bench.deliver(bodies)
        assert bench.are_one() is one
        bench.close()


def test_a_steward_can_undo_a_link(bench: Bench) -> None:
    bench.deliver(ADMITTED)
    before = bench.persons()
    (position,) = bench.deliver([LINKED])
    undo = Decision("undo", "s.teward", "two people", START_US, of=position)
    submit(bench.journal, undo, bench)
    bench.work_off()
    assert bench.persons() == before
