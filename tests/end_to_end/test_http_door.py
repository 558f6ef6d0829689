"""What clients of the endpoint do wrong, knowingly or not: others are served, nothing is lost.

The oracle is what each client was answered, and journal and store read by themselves.
"""

import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.chaos.place import Daemon, wait_until
from tests.chaos.post import Post
from tests.chaos.reckoning import read, settled
from tests.end_to_end.test_feed import FEED, TOKEN, feed_of, patient, with_feed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RATE = 10.0  # requests a second the site agreed on; two seconds' worth may come at once
SLOW_S = 5.0  # a good answer among bad clients; the machine may be busy with other tests
HEAD = f"POST {FEED}/Patient HTTP/1.1\r\nHost: concord.example\r\nAuthorization: Bearer {TOKEN}\r\n"
JSON = "Content-Type: application/fhir+json\r\n"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One region for all tests here; each speaks of patients of its own."""
    made = Daemon(with_feed(tmp_path_factory.mktemp("door"), max_requests_per_s=RATE))
    try:
        made.start()
        made.wait_ready("api")
        yield made
    finally:
        made.end()


def told(daemon: Daemon, event: str, code: str) -> None:
    """Wait until the log names the event with the code."""

    def said() -> bool:
        return any(f'"{event}"' in text and f'"{code}"' in text for text in lines())

    def lines() -> list[str]:
        return daemon.told().splitlines()

    wait_until(said, f"a log line {event} {code}", 20.0)


def patiently(feed: Post, content: dict[str, Any]) -> tuple[int, int]:
    """Post until it is taken, waiting as 429 asks; returns the status and how often it was 429."""
    for refused in range(200):
        reply = feed.until_answered("POST", f"{FEED}/Patient", content)
        if reply.status != 429:
            return reply.status, refused
        time.sleep(float(reply.headers["retry-after"]))
    raise AssertionError("429 for ever")


@contextmanager
def beside_a_good_client(daemon: Daemon, first: int) -> Iterator[None]:
    """Somebody posts meanwhile: all of it is taken, without a second try and in good time."""
    feed, took_s, statuses, stop = feed_of(daemon), [], [], threading.Event()

    def post() -> None:
        number = first
        while not stop.wait(0.3):
            began_s = time.monotonic()
            with suppress(OSError, http.client.HTTPException):
                statuses.append(feed.once("POST", f"{FEED}/Patient", patient(number)).status)
            took_s.append(time.monotonic() - began_s)
            number += 1

    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    try:
        wait_until(lambda: len(took_s) > 2, "good requests")
        yield
        before = len(took_s)
        wait_until(lambda: len(took_s) > before + 2, "good requests going on")
    finally:
        stop.set()
        thread.join(60)
    assert set(statuses) == {202}
    assert len(statuses) == len(took_s), "a request without an answer"
    assert max(took_s) < SLOW_S
    found = settled(daemon.region)
    for number in range(first, first + len(took_s)):
        body = json.dumps(patient(number)).encode()
        assert [account.state for account in found.of(body)] == ["written"]


def connected(daemon: Daemon) -> socket.socket:
    address = daemon.address("api")
    assert address is not None
    return socket.create_connection(address, timeout=30)


def raw(daemon: Daemon, body: bytes, headers: str = JSON) -> tuple[int, dict[str, Any]]:
    """Post bytes as they are; returns the status and the OperationOutcome."""
    with connected(daemon) as connection:
        head = f"{HEAD}{headers}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        with suppress(ConnectionResetError, BrokenPipeError):  # refused before it was sent
            connection.sendall(head.encode() + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, json.loads(answer.read())


def with_member(member: bytes) -> bytes:
    return b'{"resourceType":"Patient","id":"bomb",' + member + b"}"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"a":' * 200_000, 400, "json-too-deep"),
        (b"[" * 5_000_000, 400, "json-too-deep"),
        (with_member(b'"x":[' + b"0," * 1_100_000 + b"0]"), 400, "json-too-many-values"),
        (with_member(b'"gender":"male","gender":"female"'), 400, "json-duplicate-name"),
        (with_member(b'"multipleBirthInteger":NaN'), 400, "json-number"),
        (with_member(b'"multipleBirthInteger":1e999'), 400, "json-number"),
        (with_member(b'"multipleBirthInteger":1' + b"0" * 100_000), 400, "json-number"),
        (b" " * (17 * 1024 * 1024), 413, "body-too-large"),
    ],
    ids=["objects", "arrays", "values", "names", "nan", "infinite", "digits", "size"],
)
def test_json_bombs_are_refused_and_cost_nobody_else(
    door: Daemon, body: bytes, status: int, code: str
) -> None:
    before = len(read(door.region).entries)
    began_s = time.monotonic()
    answered, outcome = raw(door, body)
    assert time.monotonic() - began_s < 4 * SLOW_S
    assert answered == status
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["details"]["coding"][0]["code"] == code
    assert len(read(door.region).entries) == before
    told(door, "delivery-refused", code)


def test_a_packed_body_is_not_unpacked(door: Daemon) -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)
    assert len(bomb) < 1_000_000
    status, outcome = raw(door, bomb, f"{JSON}Content-Encoding: gzip\r\n")
    assert status == 415
    assert outcome["issue"][0]["details"]["coding"][0]["code"] == "content-encoding"
    told(door, "delivery-refused", "content-encoding")


@pytest.mark.parametrize(
    "begun",
    [
        "",
        "GET /fhir/Patient HTTP/1.1\r\nHo",
        f"{HEAD}{JSON}Content-Length: 5000\r\n\r\n" + '{"resourceType"',
    ],
    ids=["silent", "header", "body"],
)
def test_hundreds_who_never_finish_keep_nobody_out(door: Daemon, begun: str) -> None:
    first = {"": 1_000, "G": 2_000, "P": 3_000}[begun[:1]]
    idle = []
    with beside_a_good_client(door, first):
        for _ in range(600):
            idle.append(connected(door))
            with suppress(OSError):
                idle[-1].sendall(begun.encode())
        for one in idle[-100:]:  # a byte now and then does not save them
            with suppress(OSError):
                one.sendall(b"x")
    for one in idle:
        one.close()
    told(door, "client-cut-off", "too-many-waiting")


def test_a_storm_of_requests_is_slowed_down_and_loses_nothing(door: Daemon) -> None:
    outcomes: list[tuple[int, int]] = []

    def post(first: int) -> None:
        feed = feed_of(door)
        outcomes.extend(patiently(feed, patient(n)) for n in range(first, first + 10))

    storm = [threading.Thread(target=post, args=(5_000 + 100 * n,), daemon=True) for n in range(6)]
    for thread in storm:
        thread.start()
    for thread in storm:
        thread.join(120)
    assert [status for status, _ in outcomes] == [202] * 60
    found = settled(door.region)
    for first in range(5_000, 5_600, 100):
        for number in range(first, first + 10):
            accounts = found.of(json.dumps(patient(number)).encode())
            assert [account.state for account in accounts] == ["written"]
    assert any(refused for _, refused in outcomes)
    told(door, "delivery-refused", "too-many-requests")
