"""A region that pulls from another region's endpoint, over TLS, killed on the way.

The oracle is what was posted to the one that is asked, read by itself from the one that asks.
"""

import hmac
import json
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import KeySet, RSAKey

from engine.app import known_token, region_of
from engine.core.clock import SystemClock, instant
from engine.pipeline import asks
from tests.chaos.front import Front, fronted
from tests.chaos.place import Daemon, command, wait_until, write_host, write_region
from tests.chaos.reckoning import Found, opened, read, settled
from tests.chaos.server import Server
from tests.end_to_end.test_feed import feed_of, patient, posted, with_feed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
COUNT = 9
SECRET = "agreed-with-the-platform"
Daemons = Callable[..., Daemon]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Run the region that is asked, with some patients."""
    made = Daemon(with_feed(tmp_path_factory.mktemp("asked"), answers="sync"))
    try:
        made.start()
        made.wait_ready("api")
        for number in range(COUNT):
            assert posted(feed_of(made), number).status in {200, 201}
        yield made
    finally:
        made.end()


@pytest.fixture
def server(server_folder: Path, postgres_binaries: Path) -> Iterator[Server]:
    made = Server(server_folder / "only", postgres_binaries)
    made.found()
    yield made
    made.kill()


@pytest.fixture
def front(asked: Daemon, authority: trustme.CA, key: rsa.RSAPrivateKey) -> Iterator[Front]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    public = key.public_key()
    made = Front(
        lambda: asked.address("api"),
        known_token(region_of(asked.region)),
        KeySet([RSAKey.import_key(public)]),
    )
    with fronted(made, context) as served:
        yield served


Asking = Callable[..., Path]


@pytest.fixture
def asking(tmp_path: Path, front: Front, authority: trustme.CA, key: rsa.RSAPrivateKey) -> Asking:
    """Return what writes a region whose site lakeside is pulled and sends events."""

    def written(folder: Path = tmp_path, dsn: str = "", **settings: Any) -> Path:
        changes = _channels(front, **settings)
        made = write_host(folder, "pulling", dsn, changes) if dsn else write_region(folder, changes)
        _keep(folder, authority, key)
        return made

    return written


def _keep(folder: Path, authority: trustme.CA, key: rsa.RSAPrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, text in (("pull.pem", pem), ("events", SECRET.encode())):
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(text)
    authority.cert_pem.write_to_path(folder / "ca.pem")


def _channels(front: Front, **settings: Any) -> dict[str, Any]:
    pull = {
        "type": "fhir_pull",
        "site": "lakeside",
        "direction": "in",
        "base_url": f"{front.base}/sources/lakeside/fhir",
        "auth": {
            "token_url": f"{front.base}/token",
            "client_id": "concord-north",
            "private_key": {"file": "pull.pem"},
        },
        "resources": [{"type": "Patient"}],
        "every": "500ms",
        "page_size": 2,
        "max_requests_per_s": 200,
        "allow": ["127.0.0.0/8"],
        "ca": "ca.pem",
        **settings,
    }
    door = {
        "type": "fhir_rest",
        "site": "lakeside",
        "direction": "in",
        "events_secret": {"file": "events"},
    }
    return {"channels": {"lakeside-pull": pull, "lakeside-fhir": door}}


def families(found: Found) -> set[str]:
    bodies = [body for site, body in found.resources.values() if site]
    return {one["name"][0]["family"] for one in bodies if one["resourceType"] == "Patient"}


def has_all(region: Path, asked: Daemon) -> bool:
    """Tell whether a region has every patient of the one it asks."""
    return families(read(region)) == families(read(asked.region))


def posted_as(asked: Daemon, number: int) -> str:
    """Let the region that is asked have a patient; returns what it calls it."""
    late = feed_of(asked).until_answered("POST", "/sources/lakeside/fhir/Patient", patient(number))
    return late.headers["location"].split("/fhir/")[1].partition("/_history")[0]


@pytest.mark.parametrize("point", ["before-ack:3", "before-watermark:2"])
def test_killed_in_the_middle_of_a_page(
    point: str, asking: Asking, front: Front, asked: Daemon, daemon_of: Daemons
) -> None:
    region = asking()
    daemon = daemon_of(region, {"CONCORD_FAILPOINT": point})
    daemon.start()
    wait_until(lambda: has_all(region, asked), "every patient")
    wait_until(lambda: '"exit_code":-9' in daemon.told(), "the death that was arranged")
    wait_for_polls(front, 3)
    found = settled(region)
    assert set(found.states()) <= {"written", "duplicate"}
    assert found.states()["written"] == len(families(read(asked.region)))
    wait_for_polls(front, 3)
    assert len(read(region).entries) == len(found.entries), "a quiet poll leaves nothing"
    assert daemon.stop() == 0


def wait_for_polls(front: Front, count: int) -> None:
    before = len(front.asked)
    wait_until(lambda: len(front.asked) >= before + count, "further polls")


def test_killed_while_fetching_what_was_named(
    asking: Asking, asked: Daemon, daemon_of: Daemons
) -> None:
    """A process that is started again counts anew, so each life gets one further."""
    region = asking(resources=[])
    daemon = daemon_of(region, {"CONCORD_FAILPOINT": "before-named:2"})
    daemon.start()
    daemon.wait_ready("api")
    first = 200 + len(families(read(asked.region)))
    for name in [posted_as(asked, number) for number in range(first, first + 3)]:
        assert [notify(daemon, name), notify(daemon, name)] == [200, 200]
    wait_until(lambda: '"exit_code":-9' in daemon.told(), "the death that was arranged")
    wait_until(lambda: len(families(read(region))) == 3, "the patients")
    wait_until(lambda: waiting(region) == 0, "nothing left to fetch")
    states = settled(region).states()
    assert daemon.stop() == 0
    assert (states["written"], states["filtered"] >= 3) == (3, True)
    assert set(states) <= {"written", "filtered", "duplicate"}


def waiting(region: Path) -> int:
    with opened(region) as (_, store), store.read() as tx:
        return asks.waiting(tx, "lakeside")


def test_a_storm_an_event_and_what_status_says(
    asking: Asking, front: Front, asked: Daemon, daemon_of: Daemons
) -> None:
    region = asking(every="1h")
    tried = command(region, "channel", "test", str(region), "lakeside-pull")
    assert tried.returncode == 0, tried.stderr
    assert "reached https://localhost" in tried.stdout
    assert "Patient: 2 resources on the first page, more on further pages" in tried.stdout
    front.busy = 3
    daemon = daemon_of(region)
    daemon.start()
    daemon.wait_ready("api")
    wait_until(lambda: has_all(region, asked), "every patient, after the storm")
    assert daemon.told().count('"pull-held"') == daemon.told().count('"pull-resumed"') == 1
    name = posted_as(asked, 77)
    assert notify(daemon, name) == 200
    wait_until(lambda: "Wendover77" in families(read(region)), "the patient that was named")
    found = settled(region)
    assert sorted(found.states()) == ["filtered", "written"]
    assert [one.code for one in found.accounts.values() if one.state == "filtered"] == [
        "to-be-fetched"
    ]
    told = command(region, "status", str(region)).stdout
    assert "Patient: last asked 20" in told
    assert "watermark 20" in told
    assert "named by events and not fetched yet: 0" in told
    assert daemon.stop() == 0


def test_the_host_that_asks_dies_and_another_one_goes_on(
    asking: Asking, front: Front, asked: Daemon, server: Server, daemon_of: Daemons, tmp_path: Path
) -> None:
    """Two hosts on one server: one of them asks, and who takes over knows what it knew."""
    server.start()
    one, two = (daemon_of(asking(tmp_path / name, server.dsn)) for name in ("one", "two"))
    one.start()
    wait_until(lambda: has_all(one.region, asked), "every patient")
    two.start()
    entries = len(settled(two.region).entries)
    one.end()
    number = 100 + len(families(read(asked.region)))
    posted_as(asked, number)
    wait_until(lambda: f"Wendover{number}" in families(read(two.region)), "a new one by the other")
    wait_for_polls(front, 3)
    found = settled(two.region)
    assert two.stop() == 0
    assert (len(found.entries), set(found.states())) == (entries + 1, {"written"})
    since = [path for path in front.asked if "_lastUpdated" not in path and "_cursor" not in path]
    assert len(since) == 1, "the second begins where the first stopped"


def notify(daemon: Daemon, name: str) -> int:
    """Tell a region that a resource changed, without the resource."""
    parts = [{"name": "focus", "valueReference": {"reference": name}}]
    status = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "type", "valueCode": "event-notification"},
            {"name": "notification-event", "part": parts},
        ],
    }
    made = instant(SystemClock().now_us())
    bundle = {"resourceType": "Bundle", "type": "history", "timestamp": made}
    body = json.dumps({**bundle, "entry": [{"resource": status}]}).encode()
    address = daemon.address("api")
    assert address is not None
    connection = HTTPConnection(*address, timeout=20)
    signature = hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    headers = {
        "Content-Type": "application/fhir+json",
        "X-Hub-Signature": f"sha256={signature}",
    }
    try:
        connection.request("POST", "/sources/lakeside/events", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()
