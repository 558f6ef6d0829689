"""A Binary at the endpoint: the bytes, or the resource for those who ask for FHIR."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import engine.store.search.tables
import engine.store.tables  # noqa: F401 - declares the tables
from engine.core.values import Contribution
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.rest.app import create_app
from engine.rest.endpoint import Endpoint, Health
from engine.store.membership import Membership, assign, relink
from engine.store.put import Write, put

TOKEN = "a-token-of-the-test"
NOW_US = 1_700_000_000_000_000
RECORD, PERSON, DOCUMENT = (str(uuid.UUID(int=n)) for n in (1, 2, 3))
URL = f"/fhir/Binary/{DOCUMENT}"
BODY = {
    "resourceType": "Binary",
    "id": DOCUMENT,
    "meta": {"source": "urn:concord:site:mercy"},
    "contentType": "application/pdf",
    "securityContext": {"reference": f"Patient/{RECORD}"},
    "data": "JVBERi0xLjQ=",
}


class FixedClock:
    def now_us(self) -> int:
        return NOW_US


class NoMessages:
    def read(self, *_: object) -> None: ...

    def of_target(self, *_: object) -> list[tuple[int, dict[str, object]]]:
        return []

    def of_source(self, *_: object) -> list[tuple[int, dict[str, object]]]:
        return []


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an endpoint that has one document."""
    database = SqliteDatabase(tmp_path / "store.db")
    database.create(STORE)
    patient = {"resourceType": "Patient", "id": RECORD, "meta": BODY["meta"]}
    said = [Contribution("Patient", RECORD, patient, RECORD, "merge")]
    said.append(Contribution("Binary", DOCUMENT, BODY, RECORD))
    with database.write() as tx:
        put(tx, [Write(one, "mercy", 1, n) for n, one in enumerate(said)], NOW_US)
        assign(tx, [Membership(RECORD, PERSON, "mercy", "m")])
        relink(tx, [RECORD], NOW_US, 1)
    endpoint = Endpoint(
        database=database,
        clock=FixedClock(),
        token=TOKEN,
        region="north",
        sites=frozenset({"mercy"}),
        provenance=NoMessages(),
        health=lambda: Health(ok=True),
        metrics=lambda: b"",
    )
    transport = httpx.ASGITransport(create_app(endpoint))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://concord.example", headers=headers
    ) as opened:
        yield opened
    database.close()


pytestmark = pytest.mark.anyio


def code_of(response: httpx.Response) -> tuple[int, str]:
    issue = response.json()["issue"][0]
    return response.status_code, issue["details"]["coding"][0]["code"]


@pytest.mark.parametrize("accept", ["*/*", "application/pdf", "text/html, application/*;q=0.1"])
async def test_a_document_is_given_as_it_is(client: httpx.AsyncClient, accept: str) -> None:
    for url in (URL, f"{URL}/_history/1"):
        found = await client.get(url, headers={"Accept": accept})
        assert (found.status_code, found.content) == (200, b"%PDF-1.4")
        assert found.headers["content-type"] == "application/pdf"


async def test_no_browser_shows_it_as_ours(client: httpx.AsyncClient) -> None:
    found = await client.get(URL)
    assert found.headers["x-security-context"] == f"Patient/{PERSON}"
    assert found.headers["content-disposition"] == "attachment"
    assert found.headers["x-content-type-options"] == "nosniff"


async def test_who_has_it_is_not_given_it_again(client: httpx.AsyncClient) -> None:
    known = (await client.get(URL)).headers["etag"]
    again = await client.get(URL, headers={"If-None-Match": known})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("query", "accept"), [("?_format=json", "*/*"), ("", "application/fhir+json")]
)
async def test_fhir_is_given_to_who_asks_for_it(
    client: httpx.AsyncClient, query: str, accept: str
) -> None:
    found = (await client.get(URL + query, headers={"Accept": accept})).json()
    assert found["securityContext"] == {"reference": f"Patient/{PERSON}"}
    assert found["data"] == BODY["data"]
    versions = (await client.get(f"{URL}/_history")).json()["entry"]
    assert [entry["resource"]["id"] for entry in versions] == [DOCUMENT]


async def test_what_cannot_be_given_is_refused(client: httpx.AsyncClient) -> None:
    wrong = await client.get(URL, headers={"Accept": "image/png"})
    assert code_of(wrong) == (406, "format-not-acceptable")
    assert code_of(await client.get("/fhir/Binary?_id=x")) == (404, "unknown-type")
    assert code_of(await client.get(f"/fhir/Binary/{PERSON}")) == (404, "not-found")
    bare = await client.get(URL, headers={"Authorization": ""})
    assert bare.status_code == 401
