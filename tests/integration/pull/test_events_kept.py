"""Events that only named something wait for whoever fetches, also for one who comes later."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.values import FHIR_EVENT, Envelope
from engine.mapping.library import read_library
from engine.mapping.plan import compile_plan
from engine.pipeline import asks
from engine.pipeline.decide import submit
from engine.pipeline.decision import Decision
from engine.pipeline.ledger import read_account
from tests.integration import test_pipeline_fhir as pipeline
from tests.integration.test_pipeline_fhir import House, opened


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = opened(tmp_path)
    yield found
    found.journal.close()
    found.store.close()


@pytest.fixture
def fetching(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return the plans of a region in which a channel fetches for lakeside; `monkeypatch` them."""
    plan = pipeline.PLANS["lakeside"]
    site = replace(plan.site, fetches=True)
    other = compile_plan(read_library(Path("mappings")), site)
    assert other.id == plan.id, "it is no matter of the mapping"
    return {**pipeline.PLANS, "lakeside": other}


def event(house: House, *names: str) -> int:
    """Journal a notification that names resources; returns its position."""
    focus = [
        {
            "name": "notification-event",
            "part": [{"name": "focus", "valueReference": {"reference": one}}],
        }
        for one in names
    ]
    kind = {"name": "type", "valueCode": "event-notification"}
    status = {"resourceType": "Parameters", "parameter": [kind, *focus]}
    body = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": status}]}
    given = (json.dumps(body).encode(), house.now_us(), f"event-{house.time_us}", "")
    (position,) = house.journal.append([Envelope("door", "lakeside", FHIR_EVENT, *given)])
    house.work_off()
    return position


def told(house: House, position: int) -> tuple[str, str]:
    with house.store.read() as tx:
        account = read_account(tx, position)
    assert account is not None
    return account.state, account.code


def waiting(house: House) -> list[str]:
    with house.store.read() as tx:
        return [one.reference for one in asks.due(tx, "lakeside", 99, 0)]


def test_what_was_quarantined_is_fetched_after_a_replay(
    house: House, fetching: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    position = event(house, "Patient/a-1.E-7")
    assert told(house, position) == ("quarantined", "content-not-sent")
    assert waiting(house) == []
    monkeypatch.setattr(pipeline, "PLANS", fetching)
    submit(house.journal, Decision("replay", "me", "fetch", house.now_us(), of=position), house)
    house.work_off()
    assert told(house, position) == ("filtered", "to-be-fetched")
    assert waiting(house) == ["Patient/a-1.E-7"]


def test_what_is_named_is_noted_with_its_account(
    house: House, fetching: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "PLANS", fetching)
    first = event(house, "Patient/a-1.E-7", "Observation/a-1.lab-1")
    second = event(house, "Observation/a-1.lab-1")
    assert {told(house, one) for one in (first, second)} == {("filtered", "to-be-fetched")}
    assert waiting(house) == ["Patient/a-1.E-7", "Observation/a-1.lab-1"]
    nothing = event(house)
    assert told(house, nothing) == ("quarantined", "content-not-sent"), "nobody could fetch it"
