"""A site that hears what became of its deliveries: conditions, transactions, batches."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.database import turn
from engine.pipeline import prompt
from engine.pipeline.commit import Committed, Writing, commit
from engine.pipeline.prepare import Prepared
from engine.store.read import View, history
from tests.integration.feed.house import FEED_TOKEN, SITE, House, house, ident

pytestmark = pytest.mark.anyio
BASE = f"http://concord.example/sources/{SITE}/fhir"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, sync=True, settings={"answers": "sync"}) as opened:
        yield opened


def patient(sent: str = "p1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": sent, "gender": "female", **more}


def mrn(value: str) -> list[dict[str, str]]:
    return [{"system": "urn:mrn", "value": value}]


def codes(response: httpx.Response) -> list[str]:
    return [one["code"] for one in response.json()["issue"][0]["details"]["coding"]]


async def post(feed: House, resource: dict[str, Any], **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await feed.client.post(
        f"{BASE}/{resource['resourceType']}", json=resource, headers=named
    )


async def test_created_then_known(feed: House) -> None:
    made = await post(feed, patient())
    name = ident("Patient", "p1")
    assert (made.status_code, codes(made)) == (201, ["written"])
    version = made.headers["etag"].removeprefix('W/"').removesuffix('"')
    assert made.headers["location"] == f"{BASE}/Patient/{name}/_history/{version}"
    again = await post(feed, patient())
    assert (again.status_code, codes(again)) == (200, ["written"])
    assert again.headers["location"] == made.headers["location"]
    assert [one.changed for one in feed.accounts] == [1, 0]


async def test_an_update_makes_a_version(feed: House) -> None:
    await post(feed, patient())
    path = f"{BASE}/Patient/p1"
    changed = await feed.client.put(path, json=patient(gender="other"))
    assert changed.status_code == 200
    with feed.store.read() as tx:
        versions = history(tx, "Patient", ident("Patient", "p1"), View(SITE))
    genders = [json.loads(one.body)["gender"] for one in versions]
    assert (genders[0], genders[-1]) == ("other", "female")
    assert changed.headers["etag"] == f'W/"{versions[0].version}"'


async def test_the_stored_decimals_are_those_sent(feed: House) -> None:
    body = b'{"resourceType":"Observation","id":"o1","valueQuantity":{"value":7.10}}'
    made = await feed.client.post(f"{BASE}/Observation", content=body)
    assert made.status_code == 201
    with feed.store.read() as tx:
        stored = history(tx, "Observation", ident("Observation", "o1"), View(SITE))[0]
    assert b'"value":7.10' in stored.body


async def test_what_cannot_be_mapped_is_refused_and_not_kept(feed: House) -> None:
    refused = await post(feed, {"resourceType": "Patient", "gender": "male"})
    assert (refused.status_code, codes(refused)) == (422, ["missing-key"])
    assert feed.journal.head() == 0
    assert (feed.tally.received, feed.tally.refused) == (1, 1)


async def test_the_same_key_again_has_no_second_effect(feed: House) -> None:
    first = await post(feed, patient(), Idempotency_Key="k-1")
    await post(feed, patient(gender="male"))
    again = await post(feed, patient(), Idempotency_Key="k-1")
    assert (first.status_code, again.status_code, codes(again)) == (201, 200, ["duplicate"])
    with feed.store.read() as tx:
        current = history(tx, "Patient", ident("Patient", "p1"), View(SITE))[0]
    assert json.loads(current.body)["gender"] == "male"


async def test_one_of_fifty_conditional_creates_wins(feed: House) -> None:
    async def attempt(number: int) -> httpx.Response:
        resource = patient(f"n{number}", identifier=mrn("771"))
        return await post(feed, resource, If_None_Exist="identifier=urn:mrn%7C771")

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(attempt(number)) for number in range(50)]
    responses = [task.result() for task in tasks]
    assert Counter(one.status_code for one in responses) == {201: 1, 200: 49}
    assert len({one.headers["location"].partition("/_history")[0] for one in responses}) == 1
    found = await feed.client.get(
        f"{BASE}/Patient?identifier=urn:mrn%7C771",
        headers={"Authorization": "Bearer the-region-reads-with-this"},
    )
    assert found.json()["total"] == 1
    states = Counter((one.state, one.code) for one in feed.accounts)
    assert states == {("written", ""): 1, ("filtered", "if-none-exist"): 49}


async def test_a_condition_that_several_match_is_412(feed: House) -> None:
    for name in ("a", "b"):
        await post(feed, patient(name, identifier=mrn("9")))
    asked = {"If_None_Exist": "identifier=urn:mrn%7C9"}
    refused = await post(feed, patient("c"), **asked)
    again = await post(feed, patient("c"), **asked)
    assert (refused.status_code, again.status_code) == (412, 412)
    assert codes(refused) == ["filtered", "condition-not-unique"]


async def test_conditional_update(feed: House) -> None:
    path = f"{BASE}/Patient?identifier=urn:mrn%7C5"
    created = await feed.client.put(path, json=patient("x", identifier=mrn("5")))
    updated = await feed.client.put(path, json=patient("x", identifier=mrn("5"), gender="male"))
    another = await feed.client.put(path, json=patient("y", identifier=mrn("5")))
    assert [one.status_code for one in (created, updated, another)] == [201, 200, 409]
    assert codes(another) == ["filtered", "condition-names-another"]


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("nonsense", "condition-unreadable"),
        ("identifier=%ff", "condition-unreadable"),
        ("_count=1", "condition-unreadable"),
        ("shoesize=9", "search-parameter-unknown"),
    ],
)
async def test_an_unusable_condition_is_refused(feed: House, condition: str, code: str) -> None:
    refused = await post(feed, patient(), If_None_Exist=condition)
    assert (refused.status_code // 100, codes(refused)[0]) == (4, code)
    assert feed.journal.head() == 0


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(resource: dict[str, Any], method: str = "POST", **more: Any) -> dict[str, Any]:
    url = resource["resourceType"]
    asked = {"method": method, "url": url if method == "POST" else f"{url}/{resource['id']}"}
    return {"resource": resource, "request": asked | more}


async def test_a_transaction_is_one_delivery(feed: House) -> None:
    note = {"resourceType": "Observation", "id": "o1", "status": "final"}
    answered = await feed.client.post(
        BASE, json=bundle("transaction", entry(patient()), entry(note, "PUT"))
    )
    body = answered.json()
    assert (answered.status_code, body["type"]) == (200, "transaction-response")
    said = [one["response"] for one in body["entry"]]
    assert [one["status"] for one in said] == ["201", "201"]
    assert said[1]["location"].startswith(f"{BASE}/Observation/{ident('Observation', 'o1')}/")
    assert [one.kind for one in feed.accounts] == ["fhir:Bundle"]


async def test_a_transaction_is_refused_as_a_whole(feed: House) -> None:
    broken = {"resourceType": "Observation"}
    refused = await feed.client.post(
        BASE, json=bundle("transaction", entry(patient()), entry(broken))
    )
    assert refused.status_code == 422
    assert feed.journal.head() == 0


async def test_of_a_batch_each_entry_is_one(feed: House) -> None:
    answered = await feed.client.post(
        BASE,
        json=bundle(
            "batch",
            entry(patient()),
            entry({"resourceType": "Observation"}),
            {"request": {"method": "GET", "url": "Patient/1"}},
            entry(patient("q"), ifNoneExist="_id=" + ident("Patient", "p1")),
            entry(patient("p1", gender="other"), "PUT"),
        ),
    )
    assert answered.status_code == 200
    said = [one["response"]["status"] for one in answered.json()["entry"]]
    assert said == ["201", "422", "400", "200", "200"]
    assert (feed.tally.received, feed.tally.accepted, feed.tally.refused) == (5, 3, 2)


BUNDLES = [
    (bundle("searchset", entry(patient())), "bundle-type"),
    (bundle("transaction"), "bundle-empty"),
    (patient(), "bundle-type"),
    (bundle("transaction", entry(patient(), "DELETE")), "bundle-method"),
    (bundle("transaction", entry(patient(), url="Patient/7")), "bundle-request"),
    (bundle("transaction", entry(patient(), "PUT", url="Patient")), "bundle-request"),
    (bundle("transaction", entry(patient(), url="Group")), "resource-type-differs"),
    (bundle("transaction", entry(patient(), "PUT", url="Patient/2")), "resource-id-differs"),
    (bundle("transaction", {"resource": 1}), "not-a-resource"),
    (
        bundle("transaction", entry(patient(), ifNoneExist="_id=1"), entry(patient("q"))),
        "bundle-condition",
    ),
]


async def test_bundles_that_are_refused(feed: House) -> None:
    for value, code in BUNDLES:
        refused = await feed.client.post(BASE, json=value)
        assert (refused.status_code, codes(refused)) == (400, [code])
    assert feed.journal.head() == 0


async def test_a_token_of_the_site_reads_nothing(feed: House) -> None:
    for path in (f"{BASE}/Patient", "http://concord.example/fhir/Patient"):
        refused = await feed.client.get(path, headers={"Authorization": f"Bearer {FEED_TOKEN}"})
        assert refused.status_code == 401


async def test_an_update_of_a_version(feed: House) -> None:
    made = await post(feed, patient())
    path = f"{BASE}/Patient/p1"

    async def put(tag: str, **more: Any) -> httpx.Response:
        return await feed.client.put(path, json=patient(**more), headers={"If-Match": tag})

    tag = made.headers["etag"]
    updated = await put(tag, gender="other")
    stale = await put(tag, gender="male")
    unknown = await feed.client.put(
        f"{BASE}/Patient/p9", json=patient("p9"), headers={"If-Match": tag}
    )
    assert [one.status_code for one in (updated, stale, unknown)] == [200, 412, 412]
    assert codes(stale) == ["filtered", "version-differs"]
    for wrong in ("*", "3", 'W/"x"', '""'):
        refused = await put(wrong)
        assert (refused.status_code, codes(refused)) == (400, ["if-match-unreadable"])


async def test_of_fifty_updates_of_one_version_one_wins(feed: House) -> None:
    tag = (await post(feed, patient())).headers["etag"]

    async def attempt(number: int) -> int:
        changed = patient(multipleBirthInteger=number)
        answer = await feed.client.put(
            f"{BASE}/Patient/p1", json=changed, headers={"If-Match": tag}
        )
        return answer.status_code

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(attempt(number)) for number in range(50)]
    assert Counter(task.result() for task in tasks) == {200: 1, 412: 49}


async def test_a_large_body_is_read_aside(feed: House) -> None:
    text = {"status": "generated", "div": "<div>" + "x" * 100_000 + "</div>"}
    taken = await post(feed, patient(text=text))
    assert taken.status_code == 201
    refused = await feed.client.post(f"{BASE}/Patient", content=b"[" + b" " * 100_000)
    assert (refused.status_code, codes(refused)) == (400, ["json-syntax"])
    lacking = await post(feed, {"resourceType": "Patient", "text": text})
    assert (lacking.status_code, codes(lacking)) == (422, ["missing-key"])


async def test_a_busy_store_makes_nobody_wait_for_long(
    feed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on disk and cannot be worked off at once is 202, and done later."""
    monkeypatch.setattr(turn, "WAIT_S", 0.05)
    with feed.store.write():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(post(feed, patient(f"p{n}"))) for n in range(20)]
    assert {task.result().status_code for task in tasks} == {202}
    assert feed.accounts == []
    monkeypatch.undo()
    assert (await post(feed, patient("p0", gender="male"))).status_code == 201


async def test_one_that_cannot_be_written_leaves_the_others_alone(
    feed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompter leaves it to the worker, which finds out what is wrong with it."""

    def picky(writing: Writing, batch: Sequence[Prepared], *more: Any) -> Committed:
        if any(b'"bad"' in item.entry.envelope.body for item in batch):
            raise ZeroDivisionError
        return commit(writing, batch, *more)

    monkeypatch.setattr(prompt, "commit", picky)
    names = ["a", "bad", "c", "d"]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(post(feed, patient(name))) for name in names]
    assert [task.result().status_code for task in tasks] == [201, 202, 201, 201]
    assert len(feed.accounts) == 3
