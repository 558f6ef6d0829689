"""What a replay owes those of whom nothing but results is known, and steward's decisions.

Findings of a review, each as small as it can be shown.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.clock import SystemClock
from engine.core.fault import Category, Fault, FaultError
from engine.core.lap import untimed
from engine.core.values import FHIR_JSON, Envelope
from engine.database.protocol import Database
from engine.database.transaction import Transaction
from engine.formats.fhir_request import Request, wrapped
from engine.mapping.plan import Plan
from engine.pipeline.commit import Writing, commit
from engine.pipeline.prepare import Prepared, prepare
from engine.pipeline.rederive import shadow, work
from engine.pipeline.rederive.course import FOLD
from engine.store.codes import code_of
from engine.store.tables import LIVE
from tests.contract.test_rederive import RECONCILING, SITE, Place, drain, outcome
from tests.unit.mapping.fhir_documents import FILES, IDENTITY, observation, patient, plan_of

OLD = plan_of(FILES)
BY_CHART = IDENTITY.replace("{label: fhir, from: id}", "{label: chart, from: 'concat(\"C\", id)'}")
NEW = plan_of({**FILES, "base/identity.yaml": BY_CHART})


@pytest.fixture
def place(tmp_path: Path, new_store: Callable[[], Database]) -> Iterator[Place]:
    (tmp_path / "journal").mkdir()
    made = Place(tmp_path / "journal", new_store)
    yield made
    made.journal.close()


def post(place: Place, *resources: dict[str, Any]) -> None:
    at = 1_790_000_000_000_000
    place.journal.append(
        [
            Envelope(
                "mercy-fhir",
                SITE,
                FHIR_JSON,
                body := json.dumps(one).encode(),
                at,
                "",
                OLD.lane_of_resource(json.loads(body)),
            )
            for one in resources
        ]
    )


def plans(plan: Plan) -> dict[str, Plan]:
    return {SITE: plan}


def test_a_result_belongs_to_somebody_at_every_step_of_a_replay(place: Place) -> None:
    """The new mapping calls the patient otherwise; a replay may stop and take hours to go on."""
    post(place, observation())
    store, worker = place.opened(plans(OLD))
    drain(worker)
    fresh, worker = place.opened(plans(NEW))
    drain(worker)
    for course in place.replay(store, plans(NEW)).steps():
        assert (course.phase, _unowned(store)) == (course.phase, [])
    assert outcome(store).resources == outcome(fresh).resources
    assert outcome(store).aliases == outcome(fresh).aliases


def test_a_record_that_is_only_merged_away_is_known_after_a_replay(place: Place) -> None:
    """Nothing is known of it but that it has become another one."""
    link = {"type": "replaces", "other": {"reference": "Patient/p9"}}
    post(place, patient(link=[link]))
    store, worker = place.opened(plans(OLD))
    drain(worker)
    fresh, worker = place.opened(plans(NEW))
    drain(worker)
    list(place.replay(store, plans(NEW)).steps())
    here, there = (_merged_away(one) for one in (store, fresh))
    assert here == there != []


def _merged_away(store: Database) -> list[Any]:
    with store.read() as tx:
        return tx.query("SELECT record FROM identity WHERE survivor <> ''", ())


def _unowned(store: Database) -> list[Any]:
    """Results that nobody has in the unified view."""
    with store.read() as tx:
        return tx.query(
            "SELECT r.id FROM resource r JOIN version v ON v.rid = r.rid AND v.version = r.version"
            f" WHERE v.person = '' AND r.state = {LIVE} AND r.type = {code_of('Observation')}",
            (),
        )


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_who_falls_behind_another_replay_of_the_site_deletes_nothing(
    place: Place, steps: int
) -> None:
    """An operator takes a slow replay for a dead one, and starts another."""
    post(place, *(observation(id=f"o.lab-{n}") for n in range(3)), patient())
    store, worker = place.opened(plans(OLD))
    drain(worker)
    slow = place.replay(store, plans(NEW)).steps()
    for _ in range(steps):
        next(slow)
    list(place.replay(store, plans(NEW)).steps())
    done = outcome(store)
    with pytest.raises(FaultError) as caught:
        list(slow)
    assert (caught.value.fault.code, outcome(store)) == ("replay-elsewhere", done)


def test_a_replay_another_mapping_began_to_clear_away_begins_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while it drops the shadow of a replay that was never finished."""
    post(place, *(observation(id=f"o.lab-{n}") for n in range(3)), patient())
    store, worker = place.opened(plans(OLD))
    drain(worker)
    fresh, worker = place.opened(plans(NEW))
    drain(worker)
    unfinished = place.replay(store, plans(NEW)).steps()
    for _ in range(3):
        next(unfinished)
    monkeypatch.setattr(work, "_MOST", 1)
    clearing = place.replay(store, plans(OLD))
    with monkeypatch.context() as killed:
        killed.setattr(shadow, "forget", _killed_at_the_second())
        with pytest.raises(KeyboardInterrupt):
            clearing.begin()
    list(place.replay(store, plans(NEW)).steps())
    assert outcome(store).resources == outcome(fresh).resources


def _killed_at_the_second() -> Callable[..., bool]:
    forget, calls = shadow.forget, list[int]()

    def once(tx: Transaction, site: str, most: int) -> bool:
        calls.append(most)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return forget(tx, site, most)

    return once


def test_a_replay_begins_anew_when_another_mapping_was_at_work_in_between(place: Place) -> None:
    """It was killed, the daemon went back to the old mapping for a day, and then on to the new."""
    post(place, *(observation(id=f"o.lab-{n}") for n in range(3)), patient())
    store, worker = place.opened(plans(OLD))
    drain(worker)
    killed = place.replay(store, plans(NEW)).steps()
    for _ in range(3):
        next(killed)
    post(place, observation(id="o.lab-7"))
    drain(place.worker(store, plans(OLD)))
    list(place.replay(store, plans(NEW)).steps())
    fresh, worker = place.opened(plans(NEW))
    drain(worker)
    assert outcome(store).resources == outcome(fresh).resources


def test_what_a_worker_judges_while_a_replay_is_at_work_stays(place: Place) -> None:
    """A conditional delivery the old mapping could not read, replayed by itself in between."""
    request = Request("POST", "Patient", "", "identifier=urn:mrn%7C7")
    body = wrapped(request, json.dumps(patient()).encode())
    at = 1_790_000_000_000_000
    place.journal.append([Envelope("mercy-fhir", SITE, FHIR_JSON, body, at, "", "p")])
    (entry,) = place.journal.read_on(0, 1, 1 << 20, None).entries
    store, _ = place.opened(plans(NEW))
    writing = Writing(store, RECONCILING, SystemClock(), untimed)
    unread = Fault(Category.INVALID, "bad-value", "the mapping cannot read it", "x")
    commit(writing, [Prepared(entry, fault=unread)], (), 0)
    replay = place.replay(store, plans(NEW)).steps()
    while next(replay).phase == FOLD:
        pass
    commit(writing, [prepare(entry, plans(NEW))], (), 0)
    list(replay)
    assert [kind for kind, _ in outcome(store).resources] == [code_of("Patient")]


def test_a_repetition_that_came_before_what_it_takes_back_is_in_a_replay(place: Place) -> None:
    """A, B, A, and B was worked off last: until then the second A changed nothing."""
    who = [{"reference": f"Patient/{name}"} for name in ("p1", "p2", "p1")]
    post(place, *(observation(subject=one) for one in who))
    store, _ = place.opened(plans(NEW))
    writing = Writing(store, RECONCILING, SystemClock(), untimed)
    first, second, third = place.journal.read_on(0, 3, 1 << 20, None).entries
    accounts = [
        account
        for entry in (first, third, second)
        for account in commit(writing, [prepare(entry, plans(NEW))], (), 0).accounts
    ]
    assert [one.state for one in accounts[:2]] == ["written", "duplicate"]
    before = outcome(store)
    list(place.replay(store, plans(NEW)).steps())
    assert outcome(store) == before
