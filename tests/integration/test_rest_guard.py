"""What stands in front of the endpoint: tokens, formats, methods, and the last resort."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

import engine.store.search.tables
import engine.store.tables  # noqa: F401 - declares the tables
from engine.core.fault import Fault
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.database.transaction import Transaction
from engine.r4.validate import validate
from engine.rest.app import ROUTES, create_app
from engine.rest.endpoint import Endpoint, Health
from engine.store.people import Golden, put_goldens

TOKEN = "a-token-of-the-test"
PERSON = "0" * 36
OPEN = {"/health", "/fhir/metadata"}
SIGNED = {"/sources/{site}/events"}


class FixedClock:
    def now_us(self) -> int:
        return 0


class Broken:
    """A part that fails with an exception that quotes a patient."""

    def read(self, tx: Transaction, resource_id: str) -> dict[str, Any] | None:
        raise ValueError("Quill, born 1980")

    def of_target(
        self, tx: Transaction, target: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        return []

    def of_source(
        self, tx: Transaction, source: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        return []


@dataclass(frozen=True)
class World:
    endpoint: Endpoint
    reported: list[Fault]
    reasons: list[str]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = SqliteDatabase(tmp_path / "store.db")
    database.create(STORE)
    with database.write() as tx:
        put_goldens(tx, [Golden(PERSON, {"meta": {"source": "urn:concord:region"}}, 1)], 1)
    reported, reasons = list[Fault](), list[str]()
    endpoint = Endpoint(
        database=database,
        clock=FixedClock(),
        token=TOKEN,
        region="north",
        sites=frozenset({"mercy"}),
        provenance=Broken(),
        health=lambda: Health(not reasons, tuple(reasons)),
        metrics=lambda: b"messages_total 3\n",
        report=reported.append,
    )
    yield World(endpoint, reported, reasons)
    database.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(world.endpoint))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://concord.example", headers=headers
    ) as opened:
        yield opened


pytestmark = pytest.mark.anyio


def refused(response: httpx.Response, status: int, code: str) -> None:
    body = response.json()
    assert (response.status_code, body["resourceType"]) == (status, "OperationOutcome")
    assert body["issue"][0]["details"]["coding"][0]["code"] == code
    assert response.headers["content-type"].startswith("application/fhir+json")
    assert response.headers["cache-control"] == "no-store"


async def test_links_name_the_address_of_the_proxy(world: World) -> None:
    behind = replace(world.endpoint, base_url="https://fhir.north.example")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(create_app(behind))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://concord.example", headers=headers
    ) as opened:
        found = (await opened.get("/fhir/Patient?_count=1")).json()
    links = [link["url"] for link in found["link"]] + [found["entry"][0]["fullUrl"]]
    assert len(links) >= 2
    assert all(link.startswith("https://fhir.north.example/fhir/") for link in links)


async def test_no_refusal_repeats_what_was_sent(client: httpx.AsyncClient) -> None:
    sent = "Quillfeather-1980-02-29"
    for path in (
        f"/fhir/Patient?birthdate={sent}",
        f"/fhir/Patient?{sent}=1",
        f"/fhir/Patient?_sort={sent}",
        f"/fhir/Patient?_cursor={sent}",
        f"/fhir/Patient/{sent}",
        f"/fhir/{sent}/1",
        f"/sources/{sent}/fhir/Patient",
    ):
        response = await client.get(path)
        assert response.status_code in {400, 404}
        assert sent not in response.text


async def test_two_logins_are_refused_whatever_they_are(client: httpx.AsyncClient) -> None:
    mine = client.headers["authorization"]
    twice = [("Authorization", mine), ("Authorization", mine)]
    refused(await client.get(f"/fhir/Patient/{PERSON}", headers=twice), 400, "login-ambiguous")


async def test_formats_other_than_json_are_refused(client: httpx.AsyncClient) -> None:
    url = f"/fhir/Patient/{PERSON}"
    refused(
        await client.get(url, headers={"Accept": "application/fhir+xml"}),
        406,
        "format-not-acceptable",
    )
    refused(await client.get(f"{url}?_format=xml"), 406, "format-not-acceptable")
    for accept in (
        "application/fhir+json;fhirVersion=4.0",
        "text/html, */*;q=0.1",
        "application/json",
    ):
        assert (await client.get(url, headers={"Accept": accept})).status_code == 200
    xml = {"Accept": "application/fhir+xml"}
    assert (
        await client.get(f"{url}?_format=application/fhir+json", headers=xml)
    ).status_code == 200


async def test_other_methods_and_types_are_refused(client: httpx.AsyncClient) -> None:
    posted = await client.post("/fhir/Patient", json={"resourceType": "Patient"})
    refused(posted, 405, "method-not-allowed")
    refused(await client.delete(f"/fhir/Patient/{PERSON}"), 405, "method-not-allowed")
    refused(await client.get("/fhir/Potion/1"), 404, "unknown-type")
    refused(await client.get("/anything"), 404, "not-found")
    # A message may speak of several sites' patients: its Provenance is no site's own.
    refused(await client.get("/sources/mercy/fhir/Provenance/message-1"), 404, "unknown-type")


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p, _ in ROUTES] + [("GET", "/no/such")])
@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic a-token-of-the-test", "Bearer"])
async def test_every_route_but_two_needs_the_token(
    client: httpx.AsyncClient, method: str, path: str, given: str
) -> None:
    url = path.format(type="Patient", id=PERSON, vid="1", site="mercy", position=1)
    headers = {"Authorization": given, "Content-Type": "application/json"}
    response = await client.request(method, url, headers=headers)
    if path in SIGNED:
        refused(response, 401, "signature-wrong")
    elif path in OPEN:
        assert response.status_code == 200
    else:
        refused(response, 401, "login-required")
        assert response.headers["www-authenticate"] == "Bearer"


async def test_health_and_metrics(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {"ok": True, "reasons": []}
    assert (await client.get("/metrics")).text == "messages_total 3\n"


async def test_a_failure_inside_says_nothing_and_is_reported(
    world: World, client: httpx.AsyncClient
) -> None:
    response = await client.get("/fhir/Provenance/message-1")
    refused(response, 500, "internal-error")
    assert "Quill" not in response.text
    assert [(f.code, f.message) for f in world.reported] == [("internal-error", "ValueError")]
    assert "Quill" not in str(world.reported)


async def test_a_process_that_does_not_work_says_why(
    world: World, client: httpx.AsyncClient
) -> None:
    world.reasons.append("the journal is full")
    response = await client.get("/health", headers={"Authorization": ""})
    assert response.status_code == 503
    assert response.json() == {"ok": False, "reasons": ["the journal is full"]}


async def test_an_empty_token_opens_nothing(world: World) -> None:
    transport = httpx.ASGITransport(create_app(replace(world.endpoint, token="")))
    async with httpx.AsyncClient(transport=transport, base_url="http://x.example") as anyone:
        for given in ("", "Bearer", "Bearer "):
            response = await anyone.get("/fhir/Patient", headers={"Authorization": given})
            refused(response, 401, "login-required")


async def test_a_host_that_is_none_is_not_repeated(client: httpx.AsyncClient) -> None:
    response = await client.get("/fhir/Patient", headers={"Host": "evil.example/><script>"})
    assert response.json()["link"][0]["url"] == "http://localhost/fhir/Patient"


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/metadata",
        "/sources/mercy/fhir/metadata",
        "/fhir/Patient",
        "/fhir/Patient?_count=1&_total=accurate",
        f"/fhir/Patient/{PERSON}",
        f"/fhir/Patient/{PERSON}/_history",
        "/fhir/Observation",
        "/fhir/Provenance?target=Patient/x",
        "/fhir/Patient?no-such=1",
        "/fhir/Patient/none",
        "/nowhere",
    ],
)
async def test_every_answer_is_valid_r4(client: httpx.AsyncClient, path: str) -> None:
    assert validate((await client.get(path)).json()) == []


async def test_a_lenient_search_is_valid_r4(client: httpx.AsyncClient) -> None:
    prefer = {"Prefer": "handling=lenient"}
    body = (await client.get("/fhir/Patient?no-such=1", headers=prefer)).json()
    assert [entry["search"]["mode"] for entry in body["entry"]] == ["match", "outcome"]
    assert validate(body) == []
