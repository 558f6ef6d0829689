"""A site that hears when its deliveries are on disk: 202, the address of the outcome, refusals."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.core.values import FHIR_JSON, HL7_V2, Envelope
from engine.pipeline.commit import commit
from engine.rest.app import create_app
from engine.rest.body import Room
from tests.integration.feed.endpoint import TOKEN
from tests.integration.feed.house import FEED_TOKEN, SITE, House, house, prepared

pytestmark = pytest.mark.anyio
BASE = f"http://concord.example/sources/{SITE}/fhir"
PATIENT = b'{"resourceType": "Patient",\n "id": "p1"}'
MOST = 4096


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[House]:
    settings = {"max_body_bytes": MOST, "max_requests_per_s": 50}
    async with house(tmp_path, sync=False, settings=settings) as opened:
        yield opened


def code(response: httpx.Response) -> str:
    return str(response.json()["issue"][0]["details"]["coding"][-1]["code"])


def work_off(feed: House, position: int) -> None:
    """Do what a worker does with one entry."""
    entry = feed.journal.entry(position)
    assert entry is not None
    commit(feed.writing, [prepared(entry)], (), 0)


async def test_accepted_means_the_bytes_are_in_the_journal(feed: House) -> None:
    taken = await feed.client.post(f"{BASE}/Patient", content=PATIENT)
    where = taken.headers["content-location"]
    assert (taken.status_code, where) == (202, f"{BASE}/$status/{feed.journal.head()}")
    entry = feed.journal.entry(feed.journal.head())
    assert entry is not None
    found = entry.envelope
    assert (found.body, found.media_type, found.site) == (PATIENT, FHIR_JSON, SITE)
    assert (found.channel, found.control_id) == ("lakeside-fhir", "")


async def test_a_create_is_of_no_version(feed: House) -> None:
    await feed.client.post(f"{BASE}/Patient", content=PATIENT, headers={"If-Match": 'W/"3"'})
    entry = feed.journal.entry(feed.journal.head())
    assert entry is not None
    assert entry.envelope.body == PATIENT


async def test_the_outcome_is_told_where_it_was_promised(feed: House) -> None:
    taken = await feed.client.post(f"{BASE}/Patient", content=PATIENT)
    where = taken.headers["content-location"]
    waiting = await feed.client.get(where)
    assert (waiting.status_code, code(waiting)) == (202, "pending")
    work_off(feed, feed.journal.head())
    done = await feed.client.get(where)
    assert (done.status_code, code(done)) == (200, "written")
    for _ in range(2):
        named = {"Idempotency-Key": "k-1"}
        await feed.client.post(f"{BASE}/Patient", content=PATIENT, headers=named)
        work_off(feed, feed.journal.head())
    again = await feed.client.get(f"{BASE}/$status/{feed.journal.head()}")
    assert code(again) == "duplicate"


async def test_what_cannot_be_used_is_told_with_code_and_place(feed: House) -> None:
    await feed.client.post(f"{BASE}/Patient", content=b'{"resourceType":"Patient"}')
    work_off(feed, feed.journal.head())
    told = (await feed.client.get(f"{BASE}/$status/{feed.journal.head()}")).json()["issue"][0]
    said = [one["code"] for one in told["details"]["coding"]]
    assert (told["severity"], said, told["diagnostics"]) == (
        "error",
        ["quarantined", "missing-key"],
        "at id",
    )


async def test_nobody_hears_of_what_he_did_not_send(feed: House) -> None:
    for name in ("0", "1", "999999", "-1", "x", "1" * 30, "%31"):
        told = await feed.client.get(f"{BASE}/$status/{name}")
        assert told.status_code == 404


async def test_an_outcome_belongs_to_its_channel(feed: House) -> None:
    elsewhere = Envelope("lakeside-hl7", SITE, HL7_V2, PATIENT, 1_790_000_000_000_000)
    (position,) = feed.journal.append([elsewhere])
    assert (await feed.client.get(f"{BASE}/$status/{position}")).status_code == 404
    work_off(feed, position)
    assert (await feed.client.get(f"{BASE}/$status/{position}")).status_code == 404


async def test_an_outcome_belongs_to_its_site(feed: House) -> None:
    await feed.client.post(f"{BASE}/Patient", content=PATIENT)
    other = f"http://concord.example/sources/mercy/fhir/$status/{feed.journal.head()}"
    assert (await feed.client.get(other)).status_code == 401


async def test_only_the_sites_own_token_opens_its_door(feed: House) -> None:
    places = ["POST /Patient", "PUT /Patient/p1", "PUT /Patient?_id=1", "POST ", "GET /$status/1"]
    for what in [*places, "DELETE /Patient/p1"]:
        for token in ("", FEED_TOKEN + "x", TOKEN, FEED_TOKEN[:-1]):
            method, _, path = what.partition(" ")
            headers = {"Authorization": f"Bearer {token}"}
            refused = await feed.client.request(
                method, BASE + path, content=PATIENT, headers=headers
            )
            said = "token-only-reads" if token == TOKEN else "login-required"
            assert (refused.status_code, code(refused)) == (401, said)
            assert feed.denied[-1] == (said, SITE)
    assert feed.journal.head() == 0


async def test_the_token_of_a_door_reads_nothing_and_is_told_why(feed: House) -> None:
    for url in ("/fhir/Patient", f"/sources/{SITE}/fhir/Patient", "/metrics"):
        refused = await feed.client.get(f"http://concord.example{url}")
        assert (refused.status_code, code(refused)) == (401, "token-only-writes")
    assert feed.denied == [
        (one, site) for one, site in zip(["token-only-writes"] * 3, ["", SITE, ""], strict=True)
    ]


async def test_a_site_without_a_door_cannot_be_told_from_none(feed: House) -> None:
    for site in ("mercy", "nowhere", "", "lakeside%2F", "%2e%2e"):
        url = f"http://concord.example/sources/{site}/fhir/Patient"
        refused = await feed.client.post(url, content=PATIENT)
        assert refused.status_code in {401, 404}
    assert feed.journal.head() == 0


def with_patient(members: bytes) -> bytes:
    return b'{"resourceType":"Patient",' + members + b"}"


Refusal = tuple[str, bytes, dict[str, str], int, str]
REFUSED: list[Refusal] = [
    ("POST /Patient", PATIENT, {"Content-Type": "text/xml"}, 415, "content-type-json"),
    ("POST /Patient", PATIENT, {"Content-Type": ""}, 415, "content-type-json"),
    ("POST /Patient", b"\x1f\x8b00", {"Content-Encoding": "gzip"}, 415, "content-encoding"),
    ("POST /Patient", b" " * (MOST + 1), {}, 413, "body-too-large"),
    ("POST /Patient", b"", {}, 400, "json-syntax"),
    ("POST /Patient", b"[" * 70 + b"]" * 70, {}, 400, "json-too-deep"),
    ("POST /Patient", with_patient(b'"id":"1","id":"2"'), {}, 400, "json-duplicate-name"),
    ("POST /Patient", with_patient(b'"x":NaN'), {}, 400, "json-number"),
    ("POST /Patient", with_patient(b'"x":1e999'), {}, 400, "json-number"),
    ("POST /Patient", with_patient(b'"x":"\\ud800"'), {}, 400, "json-surrogate"),
    ("POST /Patient", b"\xef\xbb\xbf" + PATIENT, {}, 400, "json-encoding"),
    ("POST /Patient", b"[]", {}, 400, "not-a-resource"),
    ("POST /Patient", b'{"resourceType":7}', {}, 400, "not-a-resource"),
    ("POST /Observation", PATIENT, {}, 400, "resource-type-differs"),
    ("PUT /Patient/p2", PATIENT, {}, 400, "resource-id-differs"),
    ("PUT /Patient", PATIENT, {}, 400, "condition-missing"),
    ("PUT /Patient/p1?_id=p1", PATIENT, {}, 400, "condition-missing"),
    ("POST /Patient", PATIENT, {"Idempotency-Key": "k" * 129}, 400, "idempotency-key"),
    ("POST /Patient", PATIENT, {"Idempotency-Key": "caf\xe9"}, 400, "idempotency-key"),
]


async def test_refused_with_the_reason(feed: House) -> None:
    for what, body, headers, status, said in REFUSED:
        method, _, path = what.partition(" ")
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        refused = await feed.client.request(
            method, BASE + path, content=body, headers=httpx.Headers(raw)
        )
        assert (refused.status_code, code(refused)) == (status, said), (what, headers)
        assert refused.headers["content-type"].startswith("application/fhir+json")
    assert feed.journal.head() == 0


async def test_a_body_that_grows_beyond_the_limit_is_cut_off(feed: House) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 1_000_000:
            read += 1024
            yield b" " * 1024

    refused = await feed.client.post(f"{BASE}/Patient", content=endless())
    assert refused.status_code == 413


async def test_too_many_bytes_at_once_are_refused_for_now(feed: House) -> None:
    room = Room(100)
    room.take(90)
    object.__setattr__(feed.endpoint, "room", room)
    refused = await feed.client.post(f"{BASE}/Patient", content=PATIENT)
    assert (refused.status_code, code(refused)) == (503, "too-many-bytes-held")
    room.give(90)
    taken = [await feed.client.post(f"{BASE}/Patient", content=PATIENT) for _ in range(5)]
    assert {one.status_code for one in taken} == {202}


async def test_more_requests_than_agreed_are_slowed_down(tmp_path: Path) -> None:
    async with house(tmp_path, sync=False, settings={"max_requests_per_s": 0.0001}) as feed:
        first = await feed.client.post(f"{BASE}/Patient", content=PATIENT)
        second = await feed.client.post(f"{BASE}/Patient", content=PATIENT)
    assert (first.status_code, second.status_code, code(second)) == (202, 429, "too-many-requests")
    assert second.headers["retry-after"] == "1"


async def test_a_closed_door_lets_nobody_in(feed: House) -> None:
    feed.run.cancel()
    await asyncio.wait([feed.run])
    refused = await feed.client.post(f"{BASE}/Patient", content=PATIENT)
    assert refused.status_code == 401
    assert feed.journal.head() == 0


async def test_reading_is_as_it_was(feed: House) -> None:
    found = await feed.client.get(f"{BASE}/Patient", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (found.status_code, found.json()["total"]) == (200, 0)
    posted = await feed.client.post(
        f"{BASE}/Patient/_search",
        content=b"gender=female",
        headers={
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    assert posted.status_code == 200


async def test_a_client_that_leaves_while_it_sends_is_no_fault_of_ours(feed: House) -> None:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": f"/sources/{SITE}/fhir/Patient",
        "query_string": b"",
        "headers": [
            (b"authorization", f"Bearer {FEED_TOKEN}".encode()),
            (b"content-type", b"application/json"),
            (b"host", b"concord.example"),
        ],
    }
    pieces: Iterator[dict[str, Any]] = iter(
        [
            {"type": "http.request", "body": b'{"resourceType":', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return next(pieces)

    async def send(message: Any) -> None:
        sent.append(message)

    room = Room(100)
    object.__setattr__(feed.endpoint, "room", room)
    await create_app(feed.endpoint)(scope, receive, send)
    assert (sent, feed.reported) == ([], [])
    room.take(100)  # all of it was given back
    assert feed.journal.head() == 0
