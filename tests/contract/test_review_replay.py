"""What a replay owes those of whom nothing but results is known, and steward's decisions.

Findings of a review, each as small as it can be shown.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.values import FHIR_JSON, Envelope
from engine.database.protocol import Database
from engine.mapping.plan import Plan
from engine.store.codes import code_of
from engine.store.tables import LIVE
from tests.contract.test_rederive import SITE, Place, drain, outcome
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
