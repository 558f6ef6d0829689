"""The endpoint through its ASGI interface, over a store with three sites' records of two people."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

import engine.store.search.tables
import engine.store.tables  # noqa: F401 - declares the tables
from engine.core.lexeme import Number
from engine.core.values import Contribution
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.database.transaction import Transaction
from engine.rest.app import create_app
from engine.rest.endpoint import Endpoint, Health
from engine.store.membership import Membership, assign, relink
from engine.store.people import Golden, put_goldens, retired
from engine.store.put import Write, put, remove
from engine.store.search.params import SUPPORTED
from engine.store.search.query import searchable

TOKEN = "a-token-of-the-test"
SITES = ("mercy", "lakeside", "hilltop")
NOW_US = 1_700_000_000_000_000


def ident(number: int) -> str:
    return str(uuid.UUID(int=number))


RECORDS = {site: ident(n) for n, site in enumerate(SITES, 1)}
PERSON, OTHER, RETIRED = ident(100), ident(101), ident(102)


class FixedClock:
    def now_us(self) -> int:
        return NOW_US


@dataclass
class Messages:
    """Provenance of ten messages, each of which wrote everything."""

    asked: list[str] = field(default_factory=list)

    def read(self, tx: Transaction, resource_id: str) -> dict[str, Any] | None:
        number = resource_id.removeprefix("message-")
        return self._one(int(number)) if number.isdigit() and 0 < int(number) <= 10 else None

    def of_target(
        self, tx: Transaction, target: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        self.asked.append(target)
        return [(n, self._one(n)) for n in range(after + 1, 11)][:most]

    def of_source(
        self, tx: Transaction, source: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        self.asked.append(source)
        return [(7, self._one(7))]

    def _one(self, number: int) -> dict[str, Any]:
        return {"resourceType": "Provenance", "id": f"message-{number}"}


def told(kind: str, number: int, site: str, **members: Any) -> Write:
    about = RECORDS[site] if kind == "Patient" else ident(number)
    body = {
        "resourceType": kind,
        "id": about,
        "meta": {"source": f"urn:concord:site:{site}"},
        **members,
    }
    return Write(Contribution(kind, about, body, RECORDS[site], "merge"), site, 1, number)


def subject(site: str) -> dict[str, str]:
    return {"reference": f"Patient/{RECORDS[site]}"}


def fill(database: SqliteDatabase) -> None:
    observations = [
        told(
            "Observation",
            1000 + n,
            SITES[n % 3],
            status="final",
            code={"coding": [{"system": "http://loinc.org", "code": f"{n % 4}-1"}]},
            subject=subject(SITES[n % 3]),
            effectiveDateTime=f"2024-03-{n + 1:02d}T10:00:00Z",
            valueQuantity={"value": Number("13.10"), "unit": "mg/dL"},
        )
        for n in range(12)
    ]
    patients = [told("Patient", n, site, gender="female") for n, site in enumerate(SITES)]
    persons = {"mercy": PERSON, "lakeside": PERSON, "hilltop": OTHER}
    with database.write() as tx:
        put(tx, [*patients, *observations], NOW_US)
        assign(tx, [Membership(RECORDS[s], persons[s], s, s[:2]) for s in SITES])
        relink(tx, list(RECORDS.values()), NOW_US, 1)
        for person, family in ((PERSON, "Quill"), (OTHER, "Núñez")):
            body = {
                "meta": {"source": "urn:concord:region"},
                "identifier": [{"system": "urn:mrn", "value": family.lower()}],
                "name": [{"family": family}],
                "birthDate": "1980-02-29",
            }
            put_goldens(tx, [Golden(person, body, 1)], NOW_US)
        put_goldens(tx, [retired(RETIRED, PERSON, 1)], NOW_US)


@dataclass(frozen=True)
class World:
    endpoint: Endpoint
    provenance: Messages


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = SqliteDatabase(tmp_path / "store.db")
    database.create(STORE)
    fill(database)
    provenance = Messages()
    endpoint = Endpoint(
        database=database,
        clock=FixedClock(),
        token=TOKEN,
        region="north",
        sites=frozenset(SITES),
        provenance=provenance,
        health=lambda: Health(ok=True),
        metrics=lambda: b"messages_total 3\n",
    )
    yield World(endpoint, provenance)
    database.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(world.endpoint), raise_app_exceptions=True)
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


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [entry["resource"]["id"] for entry in response.json().get("entry", [])]


async def test_a_read_is_spliced_and_carries_fhir_headers(client: httpx.AsyncClient) -> None:
    response = await client.get(f"/fhir/Observation/{ident(1000)}")
    assert response.json()["subject"]["reference"] == f"Patient/{PERSON}"
    assert b'"value":13.10,' in response.content
    assert response.headers["etag"] == 'W/"1"'
    assert response.headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-type"] == "application/fhir+json; charset=utf-8"


async def test_a_known_version_is_not_sent_again(client: httpx.AsyncClient) -> None:
    url = f"/fhir/Observation/{ident(1000)}"
    same = await client.get(url, headers={"If-None-Match": 'W/"1"'})
    assert (same.status_code, same.content) == (304, b"")
    other = await client.get(url, headers={"If-None-Match": 'W/"2"'})
    assert other.status_code == 200


async def test_head_is_answered_like_get(client: httpx.AsyncClient) -> None:
    response = await client.head(f"/fhir/Observation/{ident(1000)}")
    assert (response.status_code, response.headers["etag"]) == (200, 'W/"1"')


async def test_a_site_sees_only_its_own(client: httpx.AsyncClient) -> None:
    own = await client.get(f"/sources/mercy/fhir/Observation/{ident(1000)}")
    assert own.json()["subject"] == subject("mercy")
    assert ids(await client.get("/sources/mercy/fhir/Patient")) == [RECORDS["mercy"]]
    found = ids(await client.get("/sources/mercy/fhir/Observation"))
    assert found == [ident(1000 + n) for n in range(0, 12, 3)]
    for path in (f"Observation/{ident(1001)}", f"Patient/{PERSON}"):
        refused(await client.get(f"/sources/mercy/fhir/{path}"), 404, "not-found")
    refused(await client.get("/sources/nowhere/fhir/Patient"), 404, "unknown-site")


async def test_one_patient_per_person_none_retired(client: httpx.AsyncClient) -> None:
    assert sorted(ids(await client.get("/fhir/Patient"))) == [PERSON, OTHER]
    assert ids(await client.get("/fhir/Patient?name=nunez")) == [OTHER]
    assert ids(await client.get("/fhir/Patient?identifier=urn:mrn|quill")) == [PERSON]
    assert ids(await client.get("/fhir/Patient?birthdate=1980-02&family:exact=Quill")) == [PERSON]
    retired = (await client.get(f"/fhir/Patient/{RETIRED}")).json()
    assert retired["active"] is False
    assert (await client.get(f"/fhir/Patient/{RECORDS['mercy']}")).status_code == 200


async def test_a_patient_search_finds_all_records_of_the_person(
    client: httpx.AsyncClient,
) -> None:
    by_person = ids(await client.get(f"/fhir/Observation?patient={PERSON}"))
    assert len(by_person) == 8
    by_reference = ids(await client.get(f"/fhir/Observation?subject=Patient/{PERSON}"))
    assert by_reference == by_person
    narrowed = await client.get(
        f"/fhir/Observation?patient={PERSON}&code=http://loinc.org|0-1&date=ge2024-03-05"
    )
    assert ids(narrowed) == [ident(1004)]
    one_record = ids(await client.get(f"/fhir/Observation?patient={RECORDS['mercy']}"))
    assert len(one_record) == 4


async def test_a_retired_person_stands_for_the_survivor(
    world: World, client: httpx.AsyncClient
) -> None:
    by_survivor = ids(await client.get(f"/fhir/Observation?patient={PERSON}"))
    assert ids(await client.get(f"/fhir/Observation?patient={RETIRED}")) == by_survivor
    with world.endpoint.database.write() as tx:
        put_goldens(tx, [retired(PERSON, OTHER, 2)], NOW_US)
        assign(tx, [Membership(RECORDS[s], OTHER, s, "") for s in ("mercy", "lakeside")])
    assert len(ids(await client.get(f"/fhir/Observation?patient={RETIRED}"))) == 12
    with world.endpoint.database.write() as tx:
        put_goldens(tx, [retired(OTHER, RETIRED, 3)], NOW_US)
    circle = await client.get(f"/fhir/Observation?patient={RETIRED}")
    assert circle.status_code == 200


async def test_pages_follow_the_next_link_to_the_end(client: httpx.AsyncClient) -> None:
    url, seen = "/fhir/Observation?_count=5&_sort=-date&status=final", list[str]()
    while url:
        response = await client.get(url)
        seen += ids(response)
        links = {link["relation"]: link["url"] for link in response.json()["link"]}
        assert links["self"].startswith("http://concord.example/fhir/Observation?")
        url = links.get("next", "")
    assert seen == [ident(1000 + n) for n in reversed(range(12))]


async def test_search_by_post_equals_search_by_get(client: httpx.AsyncClient) -> None:
    got = await client.get("/fhir/Observation?code=1-1&_count=2")
    posted = await client.post("/fhir/Observation/_search?_count=2", data={"code": "1-1"})
    assert ids(posted) == ids(got)
    assert posted.json()["total"] == got.json()["total"] == 3
    wrong = await client.post("/fhir/Observation/_search", json={"code": "1-1"})
    refused(wrong, 415, "content-type")
    large = await client.post("/fhir/Observation/_search", data={"code": "x" * 70_000})
    refused(large, 413, "body-too-large")


async def test_versions_and_history(world: World, client: httpx.AsyncClient) -> None:
    with world.endpoint.database.write() as tx:
        assign(tx, [Membership(RECORDS["mercy"], OTHER, "mercy", "me")])
        relink(tx, [RECORDS["mercy"]], NOW_US + 5_000_000, 2)
    url = f"/fhir/Observation/{ident(1000)}"
    bundle = (await client.get(f"{url}/_history")).json()
    assert (bundle["type"], bundle["total"]) == ("history", 2)
    people = [entry["resource"]["subject"]["reference"] for entry in bundle["entry"]]
    assert people == [f"Patient/{OTHER}", f"Patient/{PERSON}"]
    assert [entry["response"]["etag"] for entry in bundle["entry"]] == ['W/"2"', 'W/"1"']
    old = await client.get(f"{url}/_history/1")
    assert old.json()["subject"]["reference"] == f"Patient/{PERSON}"
    since = (await client.get(f"{url}/_history?_since=2023-11-14T22:13:21Z")).json()
    assert len(since["entry"]) == 1
    paged = (await client.get(f"{url}/_history?_count=1")).json()
    following = next(link["url"] for link in paged["link"] if link["relation"] == "next")
    assert (await client.get(following)).json()["entry"][0]["response"]["etag"] == 'W/"1"'
    for path in ("_history/3", "_history/x", "_history/99999999999999999999"):
        refused(await client.get(f"{url}/{path}"), 404, "not-found")
    refused(await client.get(f"{url}/_history?_at=2024"), 400, "history-parameter-unknown")


async def test_unknown_parameters_are_refused_or_said_to_be_ignored(
    client: httpx.AsyncClient,
) -> None:
    strict = await client.get("/fhir/Patient?shoe-size=44")
    refused(strict, 400, "search-parameter-unknown")
    assert strict.json()["issue"][0]["location"] == ["http.shoe-size"]
    prefer = {"Prefer": "return=minimal, handling=lenient"}
    ignoring = await client.get("/fhir/Patient?shoe-size=44&family=quill", headers=prefer)
    matches = {e["search"]["mode"]: e["resource"] for e in ignoring.json()["entry"]}
    assert matches["match"]["id"] == PERSON
    assert matches["outcome"]["issue"][0]["severity"] == "warning"
    assert "shoe-size" not in ignoring.json()["link"][0]["url"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("Observation?_include=Observation:subject", "search-include-unsupported"),
        ("Observation?_has:Provenance:target:agent=x", "search-include-unsupported"),
        ("Observation?subject.name=quill", "search-chained-unsupported"),
        ("Observation?code:in=x", "search-modifier-unknown"),
        ("Observation?date=yesterday", "search-value-invalid"),
        ("Observation?_count=many", "search-value-invalid"),
        ("Observation?_sort=code", "search-sort-unknown"),
        ("Observation?_cursor=zzz", "search-cursor-invalid"),
        ("Observation?code=http://loinc.org|", "search-token-system"),
        ("Provenance", "search-parameter-missing"),
        ("Provenance?agent=x", "search-parameter-unknown"),
        (f"Provenance?target={PERSON}", "search-target-invalid"),
        ("Patient?family=", "search-value-missing"),
    ],
)
async def test_what_cannot_be_searched_is_refused(
    client: httpx.AsyncClient, query: str, code: str
) -> None:
    refused(await client.get(f"/fhir/{query}"), 400, code)


async def test_every_listed_search_parameter_works_and_others_are_refused(
    client: httpx.AsyncClient,
) -> None:
    values = {"date": "ge2024", "token": "x", "string": "x", "reference": "x", "uri": "urn:x"}
    statement = (await client.get("/fhir/metadata")).json()
    served = {r["type"]: r for r in statement["rest"][0]["resource"]}
    assert set(served) == {*SUPPORTED, "Provenance", "Binary"}
    for kind in SUPPORTED:
        listed = {p["name"]: p["type"] for p in served[kind]["searchParam"]}
        assert set(listed) == set(searchable(kind))
        for name, form in listed.items():
            response = await client.get(f"/fhir/{kind}", params={name: values[form]})
            assert response.status_code == 200, (kind, name, response.text)
        refused(await client.get(f"/fhir/{kind}?_text=x"), 400, "search-parameter-unknown")
    for parameter in served["Provenance"]["searchParam"]:
        response = await client.get("/fhir/Provenance", params={parameter["name"]: "Patient/x"})
        assert response.status_code == 200


async def test_the_capability_statement_says_what_clients_need(
    client: httpx.AsyncClient,
) -> None:
    statement = (await client.get("/fhir/metadata")).json()
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["date"] == "2023-11-14T22:13:20.000Z"
    assert statement["implementation"]["url"] == "http://concord.example/fhir"
    own = (await client.get("/sources/mercy/fhir/metadata")).json()
    assert own["implementation"]["url"] == "http://concord.example/sources/mercy/fhir"
    assert "Provenance" not in [r["type"] for r in own["rest"][0]["resource"]]


async def test_provenance_is_read_searched_and_paged(
    world: World, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/fhir/Provenance/message-3")).json()["id"] == "message-3"
    refused(await client.get("/fhir/Provenance/message-99"), 404, "not-found")
    first = await client.get(f"/fhir/Provenance?target=Patient/{PERSON}&_count=4")
    assert ids(first) == [f"message-{n}" for n in range(1, 5)]
    assert world.provenance.asked == [f"Patient/{PERSON}"]
    following = next(k["url"] for k in first.json()["link"] if k["relation"] == "next")
    assert ids(await client.get(following)) == [f"message-{n}" for n in range(5, 9)]
    assert ids(await client.get("/fhir/Provenance?_source=MSG7")) == ["message-7"]


async def test_bodies_are_sent_as_stored(client: httpx.AsyncClient) -> None:
    bundle = await client.get(f"/fhir/Observation?_id={ident(1000)}")
    alone = await client.get(f"/fhir/Observation/{ident(1000)}")
    assert alone.content in bundle.content
    assert orjson.loads(alone.content)["meta"]["versionId"] == "1"


async def test_a_deleted_resource_is_gone(world: World, client: httpx.AsyncClient) -> None:
    with world.endpoint.database.write() as tx:
        remove(tx, [("Observation", ident(1000))], NOW_US, 2)
    url = f"/fhir/Observation/{ident(1000)}"
    refused(await client.get(url), 410, "deleted")
    refused(await client.get(f"{url}/_history/2"), 410, "deleted")
    assert (await client.get(f"{url}/_history/1")).status_code == 200
    bundle = (await client.get(f"{url}/_history")).json()
    assert [e["request"]["method"] for e in bundle["entry"]] == ["DELETE", "PUT"]
    assert "resource" not in bundle["entry"][0]
    assert ident(1000) not in ids(await client.get("/fhir/Observation"))


async def test_counting_needs_no_page(client: httpx.AsyncClient) -> None:
    for query in ("_summary=count", "_count=0", "_count=0&_totalMethod=count"):
        body = (await client.get(f"/fhir/Observation?{query}")).json()
        assert body["total"] == 12
        assert "entry" not in body
