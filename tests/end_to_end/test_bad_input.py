"""What no engine should choke on: refused clearly, in bounded time, while good traffic goes on."""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from engine.demo.daemon import found
from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import ROOT, Daemon, command, wait_until
from tests.chaos.reckoning import read, settled
from tests.chaos.wire import END, START, Journal, Line, Sender

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BAD = ROOT / "samples" / "bad"
PATIENT = Person("910000001")
SLOW_S = 5.0  # a good message among bad ones; the machine may be busy with other tests


@contextmanager
def beside_good_traffic(daemon: Daemon) -> Iterator[None]:
    """A sender goes on meanwhile; all of it is acknowledged, none of it late."""
    journal = Journal()
    person = Person("61000")
    bodies = [mercy_adt(person, control_id(), at=f"202609141{n:05d}"[:14]) for n in range(4000)]
    sender = Sender("mercy", lambda: daemon.address("mercy-hl7"), bodies, journal, pause_s=0.01)
    try:
        wait_until(lambda: len(journal.lines) > 2, "good traffic")
        before = len(journal.lines)
        yield
        wait_until(lambda: len(journal.lines) > before + 2, "good traffic going on")
    finally:
        sender.stop()
    assert {one.answer.code for one in journal.lines} == {"AA"}
    assert {one.tries for one in journal.lines} == {1}
    assert max(one.took_s for one in journal.lines) < SLOW_S


def is_told(daemon: Daemon, event: str, code: str) -> None:
    """Wait until the log names the event with the code."""
    wait_until(
        lambda: any(f'"{event}"' in line and f'"{code}"' in line for line in lines(daemon)),
        f"a log line {event} {code}",
        10.0,
    )


def lines(daemon: Daemon) -> list[str]:
    return daemon.told().splitlines()


def is_unknown(daemon: Daemon, body: bytes) -> bool:
    """Say whether the journal knows nothing of it."""
    return all(entry.envelope.body != body for entry in read(daemon.region).entries)


def hung_up(connection: socket.socket) -> bool:
    """Say whether the peer closes without a word."""
    connection.settimeout(10.0)
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True


def test_garbage_is_dropped(steady: Daemon, mercy: Line) -> None:
    noise = random.Random(5).randbytes(200_000).replace(START, b"?")
    with beside_good_traffic(steady):
        connection = mercy.open()
        with suppress(ConnectionResetError, BrokenPipeError):  # it hangs up on the way
            connection.sendall(noise)
        assert hung_up(connection)
    is_told(steady, "partial-dropped", "frame-missing")


def test_half_a_frame_is_never_taken(steady: Daemon, mercy: Line) -> None:
    body = mercy_adt(PATIENT, control_id())
    with beside_good_traffic(steady):
        connection = mercy.open()
        connection.sendall(START + body[:100])
        connection.shutdown(socket.SHUT_WR)
        assert hung_up(connection)
    is_told(steady, "partial-dropped", "frame-incomplete")
    assert is_unknown(steady, body[:100])


def test_a_frame_without_end_is_cut_off(steady: Daemon, mercy: Line) -> None:
    body = mercy_adt(PATIENT, "ENDLESS")
    with beside_good_traffic(steady):
        answer = mercy.raw(START + body + b"x" * 150_000)
    assert (answer.code, answer.control_id) == ("AR", "ENDLESS")
    is_told(steady, "delivery-refused", "frame-too-large")
    assert is_unknown(steady, body)


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("unknown-trigger", "CR", "unknown-trigger"),
        ("too-many-repetitions", "CE", "too-many-elements"),
        ("declared-utf8-sent-latin-1", "CE", "charset-mismatch"),
        ("delimiters-twice", "AR", "header-unreadable"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    steady: Daemon, mercy: Line, name: str, code: str, reason: str
) -> None:
    body = (BAD / f"{name}.hl7").read_bytes()
    with beside_good_traffic(steady):
        began_s = time.monotonic()
        answer = mercy.exchange(body)
        assert time.monotonic() - began_s < SLOW_S
    assert answer.code == code
    assert reason in answer.error
    is_told(steady, "delivery-refused", reason)
    assert is_unknown(steady, body)


def test_twenty_thousand_repetitions_are_refused_at_once(steady: Daemon, mercy: Line) -> None:
    person = Person("~".join(["1^^^EPI^EPI"] * 5_000))
    body = mercy_adt(person, control_id()).replace(b"1^^^EPI^EPI~", b"1~" * 4)
    assert body.count(b"~") > 19_000
    with beside_good_traffic(steady):
        began_s = time.monotonic()
        answer = mercy.exchange(body)
        assert time.monotonic() - began_s < SLOW_S
    assert answer.code == "AE"
    assert "too-many-elements" in answer.error


def test_redefined_delimiters_are_honoured(steady: Daemon, mercy: Line) -> None:
    plain = mercy_adt(Person("910000002"), control_id())
    body = plain.translate(bytes.maketrans(b"|^~\\&", b"!@*%$"))
    assert mercy.exchange(body).code == "AA"
    (account,) = settled(steady.region).of(body)
    assert (account.state, account.lane) == ("written", "EPI:910000002")


def test_no_control_id_is_accepted_and_none_invented(steady: Daemon, mercy: Line) -> None:
    body = mercy_adt(Person("910000003"), "")
    answer = mercy.exchange(body)
    assert (answer.code, answer.control_id) == ("AA", "")
    assert settled(steady.region).of(body)[0].state == "written"


def test_no_control_id_is_refused_where_the_site_has_to_send_one(steady: Daemon) -> None:
    line = Line(lambda: steady.address("lakeside-hl7"))
    body = mercy_adt(PATIENT, "")
    answer = line.exchange(body)
    line.close()
    assert answer.code == "AE"
    assert "missing-control-id" in answer.error
    assert is_unknown(steady, body)
    is_told(steady, "delivery-refused", "missing-control-id")


def test_what_no_mapping_can_use_is_quarantined(steady: Daemon, mercy: Line) -> None:
    body = (BAD / "no-patient-number.hl7").read_bytes()
    with beside_good_traffic(steady):
        assert mercy.exchange(body).accepted
        found = settled(steady.region)
    account = found.of(body)[0]
    assert (account.state, account.code) == ("quarantined", "missing-patient-key")
    is_told(steady, "message-quarantined", "missing-patient-key")


def test_a_typo_in_the_region_file_is_shown_where_it_is(region: Path) -> None:
    written = region.read_text("utf-8")
    region.write_text(written.replace("partitions:", "partitons:"), "utf-8")
    refused = command(region, "run", str(region))
    assert refused.returncode == 78
    assert "region.yaml:" in refused.stderr
    assert "partitons" in refused.stderr
    assert "^" in refused.stderr
    assert "partitions" in refused.stderr


def test_a_typo_in_a_mapping_is_shown_where_it_is(region: Path) -> None:
    overlay = region.parent / "mappings"
    written = yaml.safe_load(region.read_text("utf-8"))
    for source in (ROOT / "mappings").rglob("*.*"):
        target = overlay / source.relative_to(ROOT / "mappings")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    patient = overlay / "base/segments/PID-Patient.yaml"
    patient.write_text(patient.read_text("utf-8").replace("birthDate:", "birthDay:", 1), "utf-8")
    region.write_text(yaml.safe_dump(written | {"mappings_folder": str(overlay)}), "utf-8")
    found(region)
    refused = command(region, "run", str(region))
    assert refused.returncode == 78
    assert "PID-Patient.yaml:" in refused.stderr
    assert "^" in refused.stderr


def test_an_end_mark_alone_is_no_message(steady: Daemon, mercy: Line) -> None:
    with beside_good_traffic(steady):
        connection = mercy.open()
        connection.sendall(END * 10 + START + mercy_adt(PATIENT, control_id()) + END)
        connection.settimeout(10.0)
        assert b"MSA|AA" in connection.recv(65_536)
