"""A region whose channel speaks mutual TLS: real processes, OpenSSL's own client, a batch."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from engine.core.clock import SystemClock
from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import Daemon, command, wait_until, write_region
from tests.chaos.reckoning import read, settled
from tests.chaos.wire import END, START

NAME = "concord.region.example"
SENDER = "interface.mercy.example"


def days(number: float) -> datetime:
    return datetime.fromtimestamp(SystemClock().now_us() / 1e6, UTC) + timedelta(days=number)


def issue(folder: Path, authority: trustme.CA, until: datetime) -> None:
    made = authority.issue_cert(NAME, not_before=days(-30), not_after=until)
    key = folder / "server.key"
    key.touch(mode=0o600)
    made.private_key_pem.write_to_path(key)
    made.cert_chain_pems[0].write_to_path(folder / "server.pem")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure_region(tmp_path: Path, authority: trustme.CA) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issue(tmp_path, authority, days(6.5))
    tls = {
        "certificate": "server.pem",
        "key": {"file": "server.key"},
        "client_ca": "ca.pem",
        "client_names": [SENDER],
    }
    return write_region(tmp_path, {"workers": 1, "channels": {"mercy-hl7": {"tls": tls}}})


@contextmanager
def secured(daemon: Daemon, authority: trustme.CA) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    authority.issue_cert(SENDER).configure_cert(context)
    address = daemon.address("mercy-hl7")
    assert address is not None
    with (
        socket.create_connection(address, timeout=20) as connected,
        context.wrap_socket(connected, server_hostname=NAME) as made,
    ):
        yield made


def exchange(connection: ssl.SSLSocket, body: bytes) -> list[str]:
    """Send a frame; return the segments of its answer."""
    connection.sendall(START + body + END)
    answer = b""
    while not answer.endswith(END):
        piece = connection.recv(65_536)
        assert piece
        answer += piece
    return answer.strip(START + END).decode().split("\r")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("expired", "certificate-expired"),
        ("exposed", "key-exposed"),
        ("missing", "tls-file-unreadable"),
    ],
)
def test_a_region_does_not_start_with_files_that_cannot_be_used(
    secure_region: Path, authority: trustme.CA, damage: str, words: str
) -> None:
    folder = secure_region.parent
    end = days(-1)
    if damage == "expired":
        issue(folder, authority, end)
    elif damage == "exposed":
        (folder / "server.key").chmod(0o644)
    else:
        (folder / "ca.pem").unlink()
    told = command(secure_region, "run", str(secure_region))
    assert told.returncode not in {0, None}
    assert words in told.stderr
    assert "channel mercy-hl7, file " in told.stderr
    if damage == "expired":
        assert f"server.pem, valid from {days(-30):%Y-%m-%d} to {end:%Y-%m-%d}" in told.stderr
    assert not (folder / "data").exists()


def numbers(daemon: Daemon, name: str) -> dict[str, float]:
    """Return the channel's numbers of this name, as intake publishes them, by channel."""
    text = (daemon.data / "run" / "intake.prom").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith(f"concord_{name}{{")]
    return {row.split('channel="')[1].split('"')[0]: float(row.split()[-1]) for row in rows}


def test_a_batch_over_mutual_tls(
    secure_region: Path, authority: trustme.CA, daemon_of: Callable[..., Any]
) -> None:
    daemon = daemon_of(secure_region)
    daemon.start()
    bodies = [mercy_adt(Person(f"92000000{n}"), control_id()) for n in range(5)]
    bad = bodies[2].replace(b"ADT^A08", b"XXX^X99")
    batch = b"BHS|^~\\&|EPIC|MERCY|CONCORD|NORTH|||||B-77\r"
    batch += b"".join([*bodies[:2], bad, *bodies[3:]]) + b"BTS|6\r"
    with secured(daemon, authority) as connection:
        answer = exchange(connection, batch)
        codes = [line.split("|")[1] for line in answer if line.startswith("MSA")]
        assert codes == ["AA", "AA", "AR", "AA", "AA"]
        assert answer[0].endswith("|B-77")
        assert answer[-1] == "BTS|5|5 messages received, the trailer says otherwise"
        found = settled(secure_region)
        assert [len(found.of(body)) for body in bodies] == [1, 1, 0, 1, 1]
        assert found.states() == {"written": 4}
        again = exchange(connection, batch)
        assert [line.split("|")[1] for line in again if line.startswith("MSA")] == codes
        assert settled(secure_region).states() == {"written": 4, "duplicate": 4}
        plain_text_is_refused(daemon)
        renewal_is_taken(daemon, authority)
        assert exchange(connection, mercy_adt(Person("930000001"), control_id()))
    assert '"batch-miscounted"' in daemon.told()
    assert '"certificate-7-days-left"' in daemon.told()
    assert daemon.stop() == 0


def plain_text_is_refused(daemon: Daemon) -> None:
    address = daemon.address("mercy-hl7")
    assert address is not None
    body = mercy_adt(Person("920000009"), control_id())
    with socket.create_connection(address, timeout=20) as plain:
        plain.sendall(START + body + END)
        assert plain.recv(1000) == b""
    wait_until(lambda: '"plain-text-on-tls-port"' in daemon.told(), "the event")
    assert all(entry.envelope.body != body for entry in read(daemon.region).entries)
    refused = "channel_connections_refused_total"
    wait_until(lambda: numbers(daemon, refused).get("mercy-hl7") == 1, "the count")


def renewal_is_taken(daemon: Daemon, authority: trustme.CA) -> None:
    days_left = numbers(daemon, "channel_certificate_days")
    assert list(days_left) == ["mercy-hl7"]
    assert 6 < days_left["mercy-hl7"] < 7
    issue(daemon.region.parent, authority, days(90))
    began_s = time.monotonic()
    wait_until(lambda: numbers(daemon, "channel_certificate_days")["mercy-hl7"] > 80, "renewal")
    assert time.monotonic() - began_s < 20
    with secured(daemon, authority) as fresh:
        shown = fresh.getpeercert()
        assert shown is not None
        assert ssl.cert_time_to_seconds(str(shown["notAfter"])) > days(80).timestamp()
