"""What a feed of resources owes a hospital: the last statement holds, and a refusal is no delivery.

Findings of a review, each as small as it can be shown.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.app import reconciling
from engine.core.clock import SystemClock
from engine.core.lap import untimed
from engine.core.values import FHIR_JSON, Entry, Envelope
from engine.database.protocol import Database
from engine.formats.fhir_request import Request, wrapped
from engine.pipeline.commit import Writing, commit
from engine.pipeline.ledger import Account
from engine.pipeline.prepare import prepare
from engine.store.read import View, read
from tests.integration.feed.house import KEY, REGION, SITE, ident, prepared
from tests.unit.mapping.fhir_documents import FILES, observation, plan_of

START_US = 1_790_000_000_000_000


@pytest.fixture
def writing(new_store: Callable[[], Database]) -> Writing:
    return Writing(new_store(), reconciling(REGION, KEY), SystemClock(), untimed)


def entry(
    position: int, resource: dict[str, Any], request: Request | None = None, lane: str = "p"
) -> Entry:
    body = json.dumps(resource).encode()
    body = wrapped(request, body) if request else body
    envelope = Envelope("lakeside-fhir", SITE, FHIR_JSON, body, START_US + position, "", lane)
    return Entry(position, 0, envelope)


def patient(name: str = "p1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, **more}


def work(writing: Writing, *entries: Entry) -> list[Account]:
    return list(commit(writing, [prepared(one) for one in entries], (), 0).accounts)


def gender(writing: Writing) -> Any:
    with writing.database.read() as tx:
        found = read(tx, "Patient", ident("Patient", "p1"), View(SITE))
    assert found is not None
    return json.loads(found.body)["gender"]


@pytest.mark.parametrize("order", [(1, 2, 3), (1, 3, 2), (3, 1, 2), (3, 2, 1), (2, 3, 1)])
def test_what_is_said_last_holds_in_whatever_order_it_is_worked_off(
    writing: Writing, order: tuple[int, ...]
) -> None:
    """A, B, A: the prompter finds the store busy at B, which is left to a worker, and goes on."""
    said = {1: "female", 2: "male", 3: "female"}
    for position in order:
        work(writing, entry(position, patient(gender=said[position])))
    assert gender(writing) == "female"


def test_what_was_given_to_another_patient_in_between_is_given_back(writing: Writing) -> None:
    """The same resource, each time in the lane of whom it is about."""
    work(writing, entry(1, patient(gender="female"), lane="X"))
    work(writing, entry(2, patient(gender="male"), lane="Y"))
    work(writing, entry(3, patient(gender="female"), lane="X"))
    assert gender(writing) == "female"


def test_an_update_that_was_refused_is_judged_when_it_comes_again(writing: Writing) -> None:
    """The version it is for was still on its way, and is there when it is sent again."""
    update = Request("PUT", "Patient", "p1", version=2)
    work(writing, entry(1, patient(gender="other")))
    refused = work(writing, entry(3, patient(gender="female"), update))
    assert [(one.state, one.code) for one in refused] == [("filtered", "version-differs")]
    work(writing, entry(2, patient(gender="male"), lane="q"))
    again = work(writing, entry(4, patient(gender="female"), update))
    assert [one.state for one in again] == ["written"]
    assert gender(writing) == "female"


def test_an_update_whose_answer_was_lost_is_no_conflict(writing: Writing) -> None:
    update = Request("PUT", "Patient", "p1", version=1)
    work(writing, entry(1, patient(gender="other")))
    both = [entry(position, patient(gender="male"), update) for position in (2, 3)]
    assert [one.state for one in work(writing, *both)] == ["written", "duplicate"]


@pytest.mark.parametrize("order", [(1, 2, 3), (1, 3, 2), (3, 1, 2)])
def test_a_result_given_back_with_the_time_it_had_is_given_back(
    writing: Writing, order: tuple[int, ...]
) -> None:
    """A, B, A, all with one `lastUpdated`, as from a sender that corrects without changing it."""
    plan = plan_of(FILES)
    names = {1: "p1", 2: "p2", 3: "p1"}
    for position in order:
        name = names[position]
        sent = observation(subject={"reference": f"Patient/{name}"})
        body = json.dumps(sent).encode()
        lane = plan.lane_of_resource(sent)
        envelope = Envelope("mercy-fhir", "mercy", FHIR_JSON, body, START_US + position, "", lane)
        commit(writing, [prepare(Entry(position, 0, envelope), {"mercy": plan})], (), 0)
    told = plan.map_resource(observation(subject={"reference": "Patient/p1"}), START_US)
    (result,) = [one for one in told.contributions if one.type == "Observation"]
    with writing.database.read() as tx:
        found = read(tx, "Observation", result.id, View("mercy"))
    assert found is not None
    assert json.loads(found.body)["subject"] == result.body["subject"]
