"""Pages that lead astray: each ends its own search, moves no watermark, and harms nobody else."""

import json
from typing import Any

import pytest

from tests.integration.pull.puller import Puller, until
from tests.integration.pull.site import JSON, Asked, Reply

pytestmark = pytest.mark.anyio
POLLED = {"resources": [{"type": "Observation"}, {"type": "Patient"}], "every": "50ms"}


def page(*resources: dict[str, Any], next_url: str = "", **more: Any) -> bytes:
    link = [{"relation": "next", "url": next_url}] if next_url else []
    entry = [{"resource": one} for one in resources]
    bundle = {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry}
    return json.dumps({**bundle, **more}).encode()


def seen(number: int) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": str(number)}


def always(puller: Puller, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer every search for observations so."""

    def spoil(asked: Asked) -> Reply | None:
        given = {**JSON, **headers}
        return Reply(status, given, body) if "/Observation" in asked.path else None

    puller.settings = POLLED
    puller.site.spoilt.append(spoil)
    puller.site.put("Patient", "1")


async def refused_as(puller: Puller, code: str) -> None:
    """Wait until the search has ended so, and the other one is not touched by it."""

    def noted() -> bool:
        notes = {name.split()[0]: text for name, text in puller.memory.noted.items()}
        bad = json.loads(notes.get("Observation", "{}"))
        good = json.loads(notes.get("Patient", "{}"))
        return bad.get("code") == code and not bad["mark_us"] and bool(good.get("mark_us"))

    async with puller.running():
        await until(noted, code)
    assert "Patient/1" in puller.names


async def test_a_page_that_leads_to_itself(puller: Puller) -> None:
    always(puller, page(seen(1), next_url="Observation"))
    await refused_as(puller, "page-loop")
    assert puller.names.count("Observation/1") == 1


async def test_ever_new_links_to_the_same_page(puller: Puller) -> None:
    always(puller, b"")
    puller.site.spoilt.clear()
    numbers = iter(range(10_000))

    def spoil(asked: Asked) -> Reply | None:
        if "/Observation" not in asked.path:
            return None
        return Reply(200, JSON, page(seen(1), next_url=f"Observation?cursor={next(numbers)}"))

    puller.site.spoilt.append(spoil)
    await refused_as(puller, "page-loop")


async def test_empty_pages_without_an_end(puller: Puller) -> None:
    always(puller, b"")
    puller.site.spoilt.clear()
    numbers = iter(range(10_000))

    def spoil(asked: Asked) -> Reply | None:
        if "/Observation" not in asked.path:
            return None
        return Reply(200, JSON, page(next_url=f"Observation?cursor={next(numbers)}"))

    puller.site.spoilt.append(spoil)
    await refused_as(puller, "page-loop")


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/r4/Observation?page=2",
        "http://127.0.0.1:9/r4/Observation?page=2",
        "//169.254.169.254/latest/meta-data",
        "http://user@127.0.0.1/r4",
        "file:///etc/passwd",
        "http://[::1",
    ],
)
async def test_a_link_elsewhere(puller: Puller, link: str) -> None:
    always(puller, page(seen(1), next_url=link))
    await refused_as(puller, "next-elsewhere")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"resourceType": "OperationOutcome", "issue": []}', "answer-outcome"),
        (
            page({"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}, seen(1)),
            "answer-outcome",
        ),
        (b'{"resourceType": "Bundle", "type": "history"}', "answer-no-searchset"),
        (b'{"resourceType": "Bundle", "type": "searchset", "entry": {}}', "answer-no-searchset"),
        (b'{"resourceType": "Patient"}', "answer-no-searchset"),
        (b"[]", "answer-no-searchset"),
        (b"{", "json-syntax"),
        (b'{"a": 1, "a": 2}', "json-duplicate-name"),
        (b"[" * 100, "json-too-deep"),
        (page(seen(1), link=[{"relation": "next"}]), "answer-no-searchset"),
    ],
)
async def test_an_answer_that_is_no_page(puller: Puller, body: bytes, code: str) -> None:
    always(puller, body)
    await refused_as(puller, code)
    assert puller.names == ["Patient/1"]
    assert puller.codes("pull-refused") == [code], "told once"


async def test_a_search_the_server_does_not_take(puller: Puller) -> None:
    always(puller, b"{}", 400)
    await refused_as(puller, "request-refused")


async def test_a_redirect_is_not_followed(puller: Puller) -> None:
    always(puller, b"", 302, Location=f"{puller.site.base}/Patient")
    await refused_as(puller, "server-redirects")


async def test_a_page_that_is_too_long(puller: Puller) -> None:
    always(puller, page(seen(1)) + b" " * 5000)
    puller.settings = {**POLLED, "max_page_bytes": 4096}
    await refused_as(puller, "answer-too-large")


async def test_what_is_no_resource_is_left_out(puller: Puller) -> None:
    warned = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}
    puller.settings = {"resources": [{"type": "Observation"}]}
    odd: list[Any] = [None, {}, {"resourceType": "Observation"}, {"id": "7"}, 7]
    entries = [{"resource": one} for one in [warned, *odd, seen(1)]]
    body = page(entry=[*entries, None, 7])
    puller.site.spoilt.append(lambda _: Reply(200, JSON, body))
    async with puller.running():
        await until(lambda: puller.note().get("ended_us"), "the end of the search")
    assert puller.names == ["Observation/1"]


async def test_a_link_that_has_expired_begins_anew(puller: Puller) -> None:
    """The page a dead process would have gone on with is gone by now."""
    puller.settings = {"resources": [{"type": "Observation"}], "every": "50ms"}
    puller.site.page = 1
    for number in range(3):
        puller.site.put("Observation", str(number))
    left = [Reply(410)]

    def spoil(asked: Asked) -> Reply | None:
        return left.pop() if left and asked.query.get("page") == "2" else None

    puller.site.spoilt.append(spoil)
    async with puller.running():
        await until(lambda: puller.note().get("mark_us"), "a watermark")
    assert sorted(set(puller.names)) == [f"Observation/{n}" for n in range(3)]
    assert len(puller.names) == 3, "what is known is not handed on again"
    assert left == []


async def test_a_long_search_gives_way_and_goes_on(puller: Puller) -> None:
    puller.settings = {**POLLED, "max_pages": 2}
    puller.site.page = 1
    for number in range(7):
        puller.site.put("Observation", str(number))
    puller.site.put("Patient", "1")
    async with puller.running():
        await until(lambda: len(puller.names) == 8, "everything")
    assert puller.names.index("Patient/1") == 2, "after two pages of the other"


async def test_smaller_pages_help_a_chain_that_is_on_its_way(puller: Puller) -> None:
    """The page that was too large lies behind one that was not, and bears the old page's size."""
    puller.settings = POLLED | {"page_size": 2, "max_page_bytes": 4000}
    for number in range(4):
        puller.site.put("Observation", str(number), note=[{"text": "x" * (2500 * (number > 1))}])
    async with puller.running():
        await until(lambda: puller.note().get("code") == "answer-too-large", "the fault noted")
    puller.settings |= {"page_size": 1}
    async with puller.running():
        await until(lambda: puller.note().get("mark_us"), "a watermark")
    assert sorted(puller.names) == [f"Observation/{n}" for n in range(4)]
