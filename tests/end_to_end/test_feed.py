"""Sites that post FHIR to a real daemon: nothing accepted is lost, nothing has a second effect."""

import fcntl
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.day import bodies
from tests.chaos.place import Daemon, is_asleep, wait_until, write_region
from tests.chaos.post import Post, Reply
from tests.chaos.reckoning import opened, settled
from tests.chaos.wire import Burst, Journal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TOKEN = "what-lakeside-writes-with"
FEED = "/sources/lakeside/fhir"


def with_feed(folder: Path, **settings: Any) -> Path:
    """Write a region whose site lakeside posts FHIR."""
    secret = folder / "lakeside.token"
    secret.touch(mode=0o600)
    secret.write_text(TOKEN)
    channel = {
        "type": "fhir_rest",
        "site": "lakeside",
        "direction": "in",
        "token": {"file": "lakeside.token"},
        **settings,
    }
    return write_region(folder, {"channels": {"lakeside-fhir": channel}})


def feed_of(daemon: Daemon) -> Post:
    return Post(lambda: daemon.address("api"), TOKEN)


def patient(number: int) -> dict[str, Any]:
    name = f"a-888120.E-{number}"
    system = "https://fhir.athena.io/sid/ah-patient"
    return {
        "resourceType": "Patient",
        "id": name,
        "meta": {"lastUpdated": "2025-04-02T08:00:00Z"},
        "identifier": [{"system": system, "value": name}],
        "name": [{"family": f"Wendover{number}", "given": ["Ottilie"]}],
        "gender": "female",
        "birthDate": "1961-04-02",
    }


def posted(feed: Post, number: int) -> Reply:
    return feed.until_answered("POST", f"{FEED}/Patient", patient(number))


@pytest.mark.parametrize("point", ["before-ack:2", "before-settle:2", "after-settle:2"])
def test_killed_between_journal_and_answer(
    point: str, tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    region = with_feed(tmp_path, answers="sync")
    daemon = daemon_of(region, {"CONCORD_FAILPOINT": point})
    daemon.start()
    daemon.wait_ready("api")
    feed = feed_of(daemon)
    first, second = posted(feed, 1), posted(feed, 2)
    assert (first.status, first.tries) == (201, 1)
    assert second.status in {200, 201}
    assert second.tries > 1, "the api died before it could answer"
    found = settled(region)
    assert daemon.stop() == 0
    assert '"exit_code":-9' in daemon.told()
    assert sorted(found.states().elements()) == ["duplicate", "written", "written"]
    assert found.counted()["lakeside", "Patient"] == 2


def fell_asleep(daemon: Daemon) -> bool:
    """Stop the workers; wake them again if one of them holds the right to write."""
    pids = [daemon.signal(name, signal.SIGSTOP) for name in ("worker-1", "worker-2")]
    wait_until(lambda: all(map(is_asleep, pids)), "the workers asleep")
    with (daemon.data / "store.db.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            return False
    return True


def test_a_prompt_delivery_waits_behind_nobody(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    region = with_feed(tmp_path, answers="sync")
    daemon, journal = daemon_of(region), Journal()
    daemon.start()
    daemon.wait_ready("api")
    feed = feed_of(daemon)
    assert posted(feed, 1).status == 201
    wait_until(lambda: fell_asleep(daemon), "workers asleep that do not hold the store")
    Burst(lambda: daemon.address("mercy-hl7"), window=25).send(
        "mercy", bodies(8, 120)["mercy"], journal
    )
    answers = [posted(feed, number) for number in (2, 3)]
    assert [one.status for one in answers] == [201, 201]
    with opened(region) as (_, store), store.read() as tx:
        assert tx.query("SELECT count(*) FROM ledger", ()) == [(3,)]
    for name in ("worker-1", "worker-2"):
        daemon.signal(name, signal.SIGCONT)
    found = settled(region)
    assert found.counted()["lakeside", "Patient"] == 3
    assert found.states()["quarantined"] == 0
    assert daemon.stop() == 0


def test_what_was_sent_and_not_answered_is_sent_again(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    """Cut after the last byte and before the answer, as a proxy does when it restarts."""
    region = with_feed(tmp_path)
    daemon = daemon_of(region)
    daemon.start()
    daemon.wait_ready("api")
    feed = feed_of(daemon)
    for number in range(5):
        _cut(daemon, patient(number))
    replies = [posted(feed, number) for number in range(5)]
    assert {one.status for one in replies} == {202}
    wait_until(lambda: all(_state(feed, one) != "pending" for one in replies), "outcomes")
    assert {_state(feed, one) for one in replies} <= {"written", "duplicate"}
    found = settled(region)
    assert found.counted()["lakeside", "Patient"] == 5
    assert found.states()["written"] == 5
    assert daemon.stop() == 0


def _cut(daemon: Daemon, resource: dict[str, Any]) -> None:
    address = daemon.address("api")
    assert address is not None
    body = json.dumps(resource).encode()
    head = (
        f"POST {FEED}/Patient HTTP/1.1\r\nHost: concord.example\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/fhir+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(head.encode() + body)


def _state(feed: Post, reply: Reply) -> str:
    where = "/" + reply.headers["content-location"].split("/", 3)[3]
    return feed.once("GET", where).codes[0]
