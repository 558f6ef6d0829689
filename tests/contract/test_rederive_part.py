"""Some messages under another mapping, on every engine: what they make is as a whole replay has it.

And what they do not make stays as it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.core.clock import SystemClock
from engine.core.failpoint import arm, disarm
from engine.core.lexeme import decode
from engine.core.values import HL7_V2, Envelope
from engine.database.protocol import Database
from engine.database.statement import Statement
from engine.journal.binding import bind
from engine.journal.sqlite import SqliteJournal, found_journal
from engine.mapping.library import Library
from engine.mapping.plan import Plan, compile_plan
from engine.pipeline.batch import Surroundings, Worker
from engine.pipeline.in_force import Fixed
from engine.pipeline.ledger import read_account
from engine.pipeline.rederive.part import Difference, Part, choose, differences
from engine.pipeline.rederive.work import Replay
from engine.pipeline.rederive.work import Surroundings as Around
from engine.store.codes import NAMES
from engine.store.tables import BODY, LIVE, RESOURCE
from tests.contract.test_activations import PROFILE, RECONCILING, SITE
from tests.contract.test_rederive import SHADOWS

MAPS = """map: v1
kind: message
structure: ADT_A01
triggers: [ADT^A08]
make:
  - Patient: {map: PID-Patient, from: PID}
  - AllergyIntolerance: {map: AL1-AllergyIntolerance, from: AL1}
link: {patient: Patient}
---
map: v1
kind: resource
from: PID
to: Patient
Patient:
  name: [{label: legal, from: PID-5}]
  birthDate: PID-7
---
map: v1
kind: resource
from: AL1
to: AllergyIntolerance
key: [Patient, AL1-3]
skip: AL1-2 = "XX"
AllergyIntolerance:
  clinicalStatus: "=http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical|active"
  code: {from: AL1-3, map: {A: a, B: b}, unmapped: keep}
---
map: v1
kind: identity
patient: [{label: MR, from: 'PID-3[1]'}]
"""
OLD = compile_plan(Library((("base/all.yaml", MAPS),)), PROFILE)
LESS = MAPS.replace("  birthDate: PID-7\n", '  birthDate: {from: PID-7, when: PID-30 = "Y"}\n')
LESS = LESS.replace('AL1-2 = "XX"', 'AL1-2 = "FA"')
NEW = compile_plan(Library((("base/all.yaml", LESS),)), PROFILE)
FOUND = Statement(
    select(RESOURCE.c.type, RESOURCE.c.id, BODY.c.bytes)
    .join(BODY, BODY.c.bid == RESOURCE.c.bid)
    .where(RESOURCE.c.state == LIVE, RESOURCE.c.site == SITE)
)


@dataclass
class Place:
    """A journal and a store that a worker feeds."""

    journal: SqliteJournal
    store: Database
    sent: int = 0

    def send(self, number: str, born: str, more: str = "", allergy: str = "") -> int:
        self.sent += 1
        lines = [
            f"MSH|^~\\&|A|B|C|D|2026091408{self.sent:02d}00||ADT^A08^ADT_A01|{self.sent}|P|2.5.1",
            f"PID|1||{number}||DOE^{number}||{born}" + (f"{'|' * 23}{more}" if more else ""),
            *([f"AL1|1|{allergy}|A"] if allergy else []),
        ]
        body = ("\r".join(lines) + "\r").encode()
        envelope = Envelope(
            "hl7", SITE, HL7_V2, body, 1_790_000_000_000_000, str(self.sent), number
        )
        return self.journal.append([envelope])[0]

    def work(self, plan: Plan) -> None:
        around = Surroundings(
            *("w", self.journal, self.store, Fixed({SITE: plan}), RECONCILING, SystemClock()),
            lambda _: None,
            4,
        )
        worker = Worker(around)
        while worker.step():
            pass
        worker.stop()

    def replay(self, mark: str = "") -> Replay:
        return Replay(Around(self.journal, self.store, NEW, RECONCILING, SystemClock()), mark)

    def part(self, *positions: int) -> None:
        chosen = choose(self.store, self.journal, positions, NEW, lambda _: OLD)
        replay = self.replay(chosen.mark)
        *_, course = replay.folding()
        *_, course = Part(replay, chosen).steps(course)
        replay.end(course)

    def preview(self, *positions: int) -> list[Difference]:
        chosen = choose(self.store, self.journal, positions, NEW, lambda _: OLD)
        replay = self.replay(chosen.mark)
        *_, course = replay.folding()
        found = list(differences(self.store, SITE, chosen))
        replay.end(course)
        return found

    def people(self) -> dict[str, str]:
        """Return the birth dates by name."""
        return {
            body["name"][0]["given"][0]: body.get("birthDate", "")
            for kind, body in self.bodies()
            if kind == "Patient"
        }

    def bodies(self) -> list[tuple[str, dict[str, Any]]]:
        with self.store.read() as tx:
            return [(NAMES[kind], decode(bytes(text))) for kind, _, text in tx.all(FOUND)]

    def count(self, kind: str) -> int:
        return sum(one == kind for one, _ in self.bodies())

    def plan(self, position: int) -> str:
        with self.store.read() as tx:
            account = read_account(tx, position)
        assert account is not None
        return account.plan


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


def test_only_what_the_chosen_make_is_derived_again(place: Place) -> None:
    one, two = place.send("11", "19610307", allergy="DA"), place.send("22", "19620307")
    place.send("33", "19630307")
    place.work(OLD)
    place.part(one, two)
    assert place.people() == {"11": "", "22": "", "33": "1963-03-07"}
    assert place.count("AllergyIntolerance") == 1
    assert [place.plan(at) for at in (one, two, two + 1)] == [NEW.id, NEW.id, OLD.id]
    with place.store.read() as tx:
        assert tx.all(SHADOWS) == []


def test_what_others_said_of_it_comes_back(place: Place) -> None:
    """The chosen message does not say the date any more; an older one, not chosen, still does."""
    place.send("11", "19610307", "Y")
    newest = place.send("11", "19620307")
    place.work(OLD)
    assert place.people() == {"11": "1962-03-07"}
    place.part(newest)
    assert place.people() == {"11": "1961-03-07"}


def test_what_is_no_longer_produced_is_deleted(place: Place) -> None:
    one = place.send("11", "19610307", "Y", allergy="FA")
    place.send("22", "19610307", "Y", allergy="FA")
    place.work(OLD)
    place.part(one)
    assert place.count("AllergyIntolerance") == 1
    assert place.people() == {"11": "1961-03-07", "22": "1961-03-07"}


def test_a_preview_writes_nothing(place: Place) -> None:
    one = place.send("11", "19610307", allergy="FA")
    place.work(OLD)
    before = place.bodies()
    found = {difference.key[0]: difference for difference in place.preview(one)}
    assert (found["Patient"].kind, found["Patient"].elements) == ("changed", ("birthDate",))
    assert found["AllergyIntolerance"].kind == "removed"
    assert place.bodies() == before
    assert place.plan(one) == OLD.id


def test_twice_changes_nothing(place: Place) -> None:
    one = place.send("11", "19610307", allergy="FA")
    place.work(OLD)
    place.part(one)
    before = place.bodies()
    place.part(one)
    assert place.bodies() == before
    assert place.preview(one) == []


def test_a_killed_one_goes_on(place: Place) -> None:
    sent = [place.send(f"{number}", "19610307", allergy="FA") for number in range(11, 31)]
    place.work(OLD)

    class Killed(Exception):  # noqa: N818 - what a test raises instead of SIGKILL
        pass

    def killed() -> None:
        raise Killed

    arm("replay-chunk", killed)
    with pytest.raises(Killed):
        place.part(*sent)
    disarm()
    place.part(*sent)
    assert place.count("AllergyIntolerance") == 0
    assert set(place.people().values()) == {""}
    assert {place.plan(at) for at in sent} == {NEW.id}


def test_another_choice_and_a_whole_replay_begin_anew(place: Place) -> None:
    one, two = place.send("11", "19610307"), place.send("22", "19620307")
    place.work(OLD)
    *_, _ = place.replay("part:1").folding()
    place.part(two)
    assert place.people() == {"11": "1961-03-07", "22": ""}
    *_, _ = place.replay("part:1").folding()
    for _ in place.replay().steps():
        pass
    assert place.people() == {"11": "", "22": ""}
    assert place.plan(one) == NEW.id
