"""Files of a certificate that cannot be used: what is said, and about which file."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import ValidationError

from channels.mllp.inbound import MllpInbound
from channels.mllp.settings import MllpIn
from channels.tls import RenewableTls, TlsIn, prepare_tls
from channels.tls_watch import TlsWatch
from engine.core.fault import FaultError
from engine.plugin.event import ChannelEvent
from engine.plugin.measure import channel_samples
from engine.plugin.memory import surroundings

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
NOW_US = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp()) * 1_000_000
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    write(tmp_path, authority)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


def write(folder: Path, authority: trustme.CA, until: datetime = END) -> None:
    made = authority.issue_cert("concord.example", not_before=BEGIN, not_after=until)
    made.cert_chain_pems[0].write_to_path(folder / "server.pem")
    made.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.key").chmod(0o600)


def settings(folder: Path) -> TlsIn:
    written = {
        "certificate": "server.pem",
        "key": {"file": "server.key"},
        "client_ca": "ca.pem",
    }
    return TlsIn.model_validate(written, context={"folder": folder})


def lock(folder: Path, _: trustme.CA) -> None:
    key = load_pem_private_key((folder / "server.key").read_bytes(), None)
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"invented")
    )
    (folder / "server.key").write_bytes(locked)


def exchange(folder: Path, authority: trustme.CA) -> None:
    authority.issue_cert("concord.example").private_key_pem.write_to_path(folder / "server.key")


BREAKS: dict[str, tuple[Callable[[Path, trustme.CA], object], str, str]] = {
    "no certificate": (
        lambda folder, _: (folder / "server.pem").unlink(),
        "tls-file-unreadable",
        "server.pem",
    ),
    "no PEM": (
        lambda folder, _: (folder / "server.pem").write_text("x"),
        "certificate-damaged",
        "server.pem",
    ),
    "no key": (
        lambda folder, _: (folder / "server.key").unlink(),
        "tls-file-unreadable",
        "server.key",
    ),
    "key cut": (
        lambda folder, _: (folder / "server.key").write_text("-----BEGIN PRIVATE KEY-----"),
        "key-damaged",
        "server.key",
    ),
    "key for all to read": (
        lambda folder, _: (folder / "server.key").chmod(0o644),
        "key-exposed",
        "server.key",
    ),
    "key with a passphrase": (lock, "key-damaged", "server.key"),
    "key of another": (exchange, "key-mismatch", "server.key"),
    "no authority": (
        lambda folder, _: (folder / "ca.pem").unlink(),
        "tls-file-unreadable",
        "ca.pem",
    ),
    "authority no PEM": (
        lambda folder, _: (folder / "ca.pem").write_text("x"),
        "authority-damaged",
        "ca.pem",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_file_that_cannot_be_used_is_named(
    folder: Path, authority: trustme.CA, case: str
) -> None:
    damage, code, name = BREAKS[case]
    damage(folder, authority)
    with pytest.raises(FaultError) as caught:
        prepare_tls(settings(folder), NOW_US)
    assert caught.value.fault.code == code
    assert caught.value.fault.where == f"file {folder}/{name}"


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (datetime(2026, 8, 31, 23, tzinfo=UTC), "certificate-not-yet-valid"),
        (END, "certificate-expired"),
    ],
)
def test_a_certificate_of_another_time_is_named_with_its_dates(
    folder: Path, now: datetime, code: str
) -> None:
    with pytest.raises(FaultError) as caught:
        prepare_tls(settings(folder), int(now.timestamp()) * 1_000_000)
    fault = caught.value.fault
    assert fault.code == code
    assert fault.where.endswith("server.pem, valid from 2026-09-01 to 2026-12-01 06:30 UTC")


def test_good_files_make_a_context_that_asks_for_certificates(folder: Path) -> None:
    made = prepare_tls(settings(folder), NOW_US)
    assert made.context.verify_mode.name == "CERT_REQUIRED"
    assert made.context.minimum_version.name == "TLSv1_2"
    assert made.days_left(NOW_US) == pytest.approx(11.27, abs=0.01)


def test_its_group_may_read_a_key(folder: Path) -> None:
    (folder / "server.key").chmod(0o640)
    assert prepare_tls(settings(folder), NOW_US).expires_us > NOW_US


def test_a_listener_goes_on_with_what_has_expired_and_takes_the_renewed(
    folder: Path, authority: trustme.CA
) -> None:
    late_us = NOW_US + 40 * DAY_US
    tls = RenewableTls(settings(folder), late_us)
    first = tls.current
    assert first.days_left(late_us) < 0
    assert not tls.renew(late_us)
    write(folder, authority, END + timedelta(days=90))
    assert tls.renew(late_us)
    assert tls.current.days_left(late_us) > 60
    assert tls.current.context is not first.context


def test_what_is_in_use_stays_until_the_new_is_whole(folder: Path, authority: trustme.CA) -> None:
    tls = RenewableTls(settings(folder), NOW_US)
    first = tls.current
    (folder / "server.key").write_text("half")
    with pytest.raises(FaultError, match="key-damaged"):
        tls.renew(NOW_US)
    assert not tls.renew(NOW_US)  # said once
    assert tls.current is first
    write(folder, authority)
    assert tls.renew(NOW_US)


class Passing:
    """A clock put forward by hand."""

    def __init__(self) -> None:
        self.us = NOW_US - 60 * DAY_US

    def now_us(self) -> int:
        return self.us


def test_each_warning_comes_once_and_in_time(folder: Path) -> None:
    events: list[ChannelEvent] = []
    clock = Passing()
    place = surroundings(events=events, clock=clock)
    watch = TlsWatch(settings(folder), place)
    for day in range(73):
        clock.us += DAY_US
        watch.tick(day * 2.0)
        watch.tick(day * 2.0 + 0.5)
    assert [event.code for event in events] == [
        "certificate-30-days-left",
        "certificate-7-days-left",
        "certificate-1-day-left",
        "certificate-expired",
    ]
    samples = {one.name: one.value for one in channel_samples("a", "b", place.tally)}
    assert samples["channel_certificate_days"] == pytest.approx(-1.73, abs=0.01)


def test_a_channel_without_tls_has_no_days() -> None:
    names = [one.name for one in channel_samples("a", "b", surroundings().tally)]
    assert "channel_certificate_days" not in names


def test_the_check_of_a_channel_names_the_file(folder: Path) -> None:
    (folder / "server.key").chmod(0o604)
    channel = MllpInbound(MllpIn(port=0, tls=settings(folder)), surroundings())
    assert channel.check() == (
        "key-exposed: others may read this key: allow its owner alone (mode 0600) "
        f"at file {folder}/server.key"
    )


def test_names_of_senders_need_their_certificates(folder: Path) -> None:
    with pytest.raises(ValidationError, match="'client_names' needs 'client_ca'"):
        TlsIn.model_validate(
            {"certificate": "a", "key": {"file": "b"}, "client_names": ["a.example"]}
        )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "interface.example"])  # noqa: S104
def test_an_open_door_to_the_network_has_to_be_meant(host: str, folder: Path) -> None:
    with pytest.raises(ValidationError, match="insecure: true"):
        MllpIn(port=1, host=host)
    for protection in (
        {"insecure": True},
        {"allow": ["10.3.0.7"]},
        {"tls": settings(folder)},
    ):
        assert MllpIn.model_validate({"port": 1, "host": host, **protection}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_host_is_no_network(host: str) -> None:
    assert not MllpIn(port=1, host=host).insecure
