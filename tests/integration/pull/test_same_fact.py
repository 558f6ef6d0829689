"""What is pulled is what is posted: one fact that came by message, by post and by poll is one."""

import json
from collections.abc import Iterator
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from engine.core.values import FHIR_JSON, Envelope
from engine.pipeline.accept import admission
from tests.integration.pull.puller import Puller, until
from tests.integration.test_pipeline_fhir import PLANS, SAMPLES, House, coded, opened

pytestmark = pytest.mark.anyio
A1C = SAMPLES / "resources/lakeside/02-observation-hba1c.json"
WAYS = ("lakeside/03-oru", "lakeside/+02", "pull")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = opened(tmp_path)
    yield found
    found.journal.close()
    found.store.close()


async def pulled(puller: Puller, *contents: dict[str, Any]) -> list[Envelope]:
    """Return what the channel makes of a resource, one after the other as its server has it."""
    puller.admit = admission(PLANS["lakeside"], FHIR_JSON)
    puller.settings = {"resources": [{"type": "Observation"}], "overlap": "1h"}
    async with puller.running():
        for number, content in enumerate(contents, 1):
            puller.site.resources[f"Observation/{content['id']}"] = content
            await until(partial(_have, puller, number), "the content")
    assert puller.codes("delivery-refused") == []
    return [
        Envelope("pull", "lakeside", one.media_type, one.body, 0, one.control_id, one.lane)
        for one in puller.taken
    ]


def _have(puller: Puller, count: int) -> bool:
    return len(puller.taken) == count


def journal(house: House, envelope: Envelope) -> None:
    given = (envelope.body, house.now_us(), envelope.control_id, envelope.lane)
    house.journal.append([Envelope("pull", "lakeside", FHIR_JSON, *given)])
    house.work_off()


async def test_one_observation_in_every_order(puller: Puller, tmp_path: Path) -> None:
    (envelope,) = await pulled(puller, json.loads(A1C.read_bytes()))
    assert envelope.lane == "patientid:55120"
    shown = []
    for number, order in enumerate(permutations(WAYS)):
        (tmp_path / str(number)).mkdir()
        house = opened(tmp_path / str(number))
        for way in order:
            if way == "pull":
                journal(house, envelope)
            else:
                house.take(way)
        (a1c,) = coded(house.all("Observation"), "4548-4")
        assert len(house.all("Observation")) == 2
        shown.append({name: value for name, value in a1c.items() if name != "meta"})
        house.journal.close()
        house.store.close()
    assert all(one == shown[0] for one in shown)


async def test_pulled_twice_after_a_crash_is_a_duplicate(puller: Puller, house: House) -> None:
    (envelope,) = await pulled(puller, json.loads(A1C.read_bytes()))
    journal(house, envelope)
    house.take("lakeside/01-adt")
    journal(house, envelope)
    assert [one.state for one in house.told] == ["written", "written", "duplicate"]


async def test_what_the_site_takes_back_is_taken_back(puller: Puller, house: House) -> None:
    right = json.loads(A1C.read_bytes())
    meta = {**right["meta"], "lastUpdated": "2026-10-03T08:00:00Z", "versionId": "2"}
    wrong = {**right, "meta": meta, "status": "entered-in-error"}
    for envelope in await pulled(puller, right, wrong):
        journal(house, envelope)
    (a1c,) = coded(house.all("Observation"), "4548-4")
    assert a1c["status"] == "entered-in-error"


async def test_to_another_value_and_back(puller: Puller, house: House) -> None:
    """A, B, A ends at A: the server says each time when it changed its mind."""
    first = json.loads(A1C.read_bytes())
    days = ("2026-10-03", "2026-10-04", "2026-10-05")
    told = [
        {
            **first,
            "meta": {"lastUpdated": f"{day}T08:00:00Z"},
            "valueQuantity": {**first["valueQuantity"], "value": value},
        }
        for day, value in zip(days, (6.8, 7.1, 6.8), strict=True)
    ]
    for envelope in await pulled(puller, *told):
        journal(house, envelope)
    (a1c,) = coded(house.all("Observation"), "4548-4")
    assert a1c["valueQuantity"]["value"] == 6.8
    assert [one.state for one in house.told] == ["written"] * 3
