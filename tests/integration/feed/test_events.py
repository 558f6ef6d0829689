"""Signed events: on disk before they are answered, and known again when they come once more."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import engine.rest.event
from engine.core.fault import FaultError
from engine.core.values import FHIR_EVENT, FHIR_JSON, Envelope
from engine.pipeline.commit import commit
from engine.pipeline.interpret import mapped
from tests.integration.feed.house import SITE, House, house, prepared

pytestmark = pytest.mark.anyio
URL = f"http://concord.example/sources/{SITE}/events"
SECRET = b"agreed-with-the-platform"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[House]:
    secret = tmp_path / "events"
    secret.touch(mode=0o600)
    secret.write_bytes(SECRET)
    async with house(
        tmp_path, sync=False, settings={"events_secret": {"file": str(secret)}}
    ) as opened:
        yield opened


NOW = datetime.now(UTC)  # noqa: TID251 - events are of these days, and the house has a clock


def notification(
    kind: str, *entries: dict[str, Any], focus: tuple[str, ...] = (), at: datetime | None = NOW
) -> bytes:
    events = [
        {
            "name": "notification-event",
            "part": [
                {"name": "event-number", "valueString": "3"},
                {"name": "focus", "valueReference": {"reference": one}},
            ],
        }
        for one in focus
    ]
    status = {
        "resourceType": "Parameters",
        "parameter": [{"name": "type", "valueCode": kind}, *events],
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "history",
        **({"timestamp": at.isoformat()} if at else {}),
        "entry": [{"resource": status}, *entries],
    }
    return json.dumps(bundle).encode()


def signed(body: bytes, method: str = "sha256", secret: bytes = SECRET) -> dict[str, str]:
    return {"X-Hub-Signature": f"{method}={hmac.new(secret, body, method).hexdigest()}"}


async def send(feed: House, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return await feed.client.post(
        URL, content=body, headers={"Authorization": "", **headers}, follow_redirects=False
    )


def journalled(feed: House) -> list[Envelope]:
    return [one.envelope for one in feed.journal.read_on(0, 100, 1 << 20, None).entries]


PATIENT = {"resourceType": "Patient", "id": "a-1.E-7"}
FULL = notification("event-notification", {"resource": PATIENT}, focus=("Patient/a-1.E-7",))
NAMED = notification("event-notification", focus=("Patient/a-1.E-7",))


async def test_a_resource_that_came_is_a_delivery(feed: House) -> None:
    taken = await send(feed, FULL, signed(FULL))
    assert taken.status_code == 200
    (found,) = journalled(feed)
    assert (json.loads(found.body), found.media_type) == (PATIENT, FHIR_JSON)


async def test_what_was_only_named_is_kept_and_said_so(feed: House) -> None:
    taken = await send(feed, NAMED, signed(NAMED))
    assert taken.status_code == 200
    (found,) = journalled(feed)
    assert (found.body, found.media_type) == (NAMED, FHIR_EVENT)
    with pytest.raises(FaultError) as caught:
        mapped(None, found)
    assert caught.value.fault.code == "content-not-sent"


async def test_some_came_and_some_were_named(feed: House) -> None:
    body = notification(
        "event-notification", {"resource": PATIENT}, focus=("Patient/a-1.E-7", "Patient/a-1.E-8")
    )
    await send(feed, body, signed(body))
    assert [one.media_type for one in journalled(feed)] == [FHIR_JSON, FHIR_EVENT]


@pytest.mark.parametrize(
    ("behind", "code"),
    [
        (timedelta(days=6, hours=23), None),
        (timedelta(days=7), "event-untimely"),
        (timedelta(days=900), "event-untimely"),
        (timedelta(hours=-1), "event-untimely"),
        (None, "event-undated"),
    ],
)
async def test_an_event_is_taken_for_a_week(
    feed: House, behind: timedelta | None, code: str | None
) -> None:
    """Its signature would be right for ever."""
    at = NOW - behind if behind is not None else None
    for entries in ((), ({"resource": PATIENT},)):
        body = notification("event-notification", *entries, focus=("Patient/a-1.E-7",), at=at)
        answered = await send(feed, body, signed(body))
        assert answered.status_code == (422 if code else 200)
        if code:
            assert code in answered.text


async def test_an_event_that_comes_again_within_that_week_is_known(feed: House) -> None:
    """It has no other key, and its resource no time of its own: it would be said anew."""
    for _ in range(2):
        await send(feed, FULL, signed(FULL))
    entries = feed.journal.read_on(0, 100, 1 << 20, None).entries
    accounts = commit(feed.writing, [prepared(one) for one in entries], (), 0).accounts
    assert [one.state for one in accounts] == ["written", "duplicate"]


async def test_signs_of_life_are_answered_and_leave_nothing(feed: House) -> None:
    for kind in ("handshake", "heartbeat"):
        body = notification(kind)
        assert (await send(feed, body, signed(body))).status_code == 200
    assert feed.journal.head() == 0


async def test_who_does_not_sign_is_not_heard(feed: House) -> None:
    right = signed(FULL)["X-Hub-Signature"]
    for headers in (
        {},
        {"X-Hub-Signature": right[:-1]},
        {"X-Hub-Signature": right + "0"},
        signed(FULL, "sha1"),
        signed(FULL, secret=b"another"),
        signed(FULL + b" "),
        signed(FULL, "md5"),
        {"X-Hub-Signature": "sha256="},
        {"X-Hub-Signature": "=" + right},
    ):
        refused = await send(feed, FULL, headers)
        assert (refused.status_code, refused.json()["issue"][0]["code"]) == (401, "login")
        assert feed.denied.pop() == ("signature-wrong", SITE)
    assert feed.journal.head() == 0


async def test_a_site_that_agreed_on_no_secret_takes_none(tmp_path: Path) -> None:
    async with house(tmp_path, sync=False, settings={}) as feed:
        for secret in (b"", SECRET):
            assert (await send(feed, FULL, signed(FULL, secret=secret))).status_code == 401
        other = URL.replace(SITE, "nowhere")
        refused = await feed.client.post(other, content=FULL, headers=signed(FULL))
        assert refused.status_code == 401


async def test_other_methods_and_spellings_are_taken(feed: House) -> None:
    for method in ("sha384", "sha512", "sha256"):
        given = signed(NAMED, method)["X-Hub-Signature"].upper()
        assert (await send(feed, NAMED, {"X-Hub-Signature": given})).status_code == 200


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", notification("x").replace(b"history", b"batch"), b"{"]
)
async def test_what_is_no_notification_is_refused(feed: House, body: bytes) -> None:
    assert (await send(feed, body, signed(body))).status_code == 400
    assert feed.journal.head() == 0


async def test_an_event_that_cannot_be_stored_in_time_is_sent_again(
    feed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.rest.event, "ANSWER_S", 0.05)
    held: list[Any] = []
    submit = feed.commit.submit
    monkeypatch.setattr(feed.commit, "submit", lambda *given: held.append(given))
    late = await send(feed, FULL, signed(FULL))
    assert (late.status_code, late.headers["retry-after"]) == (503, "1")
    for envelope, done in held:
        submit(envelope, done)
    for _ in range(1000):
        if journalled(feed) and feed.tally.lost:
            break
        await asyncio.sleep(0.01)
    assert (feed.tally.accepted, feed.tally.lost) == (0, 1)


async def test_too_long_for_a_stranger(feed: House) -> None:
    body = b" " * (engine.rest.event.MOST_BYTES + 1)
    assert (await send(feed, body, {})).status_code == 413
