"""A region on PostgreSQL: on several hosts, under kills, and with its connections cut."""

import os
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.chaos.day import senders, wait_for
from tests.chaos.place import Daemon, command, wait_until, write_host
from tests.chaos.reckoning import assert_all_there
from tests.chaos.wire import Journal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_NUMBERS = count(1)
DaemonOf = Callable[..., Daemon]
HostOf = Callable[[], Path]


@pytest.fixture
def host(tmp_path: Path, postgres_uri: str) -> Iterator[HostOf]:
    """Return what writes the region file of one more host of the same region."""
    numbers = count(1)
    name = f"e2e-{os.getpid()}-{next(_NUMBERS)}"

    def another() -> Path:
        return write_host(tmp_path / f"host-{next(numbers)}", name, postgres_uri)

    yield another
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        schema = f"concord_{name.replace('-', '_')}"
        connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'.encode())


def test_two_hosts_work_on_one_region_and_one_of_them_dies(
    host: HostOf, daemon_of: DaemonOf
) -> None:
    first, second = daemon_of(host()), daemon_of(host())
    first.start()
    second.start()
    journal = Journal()
    sending = senders(first, 21, 120, journal, insist=True)
    wait_until(lambda: len(journal.lines) > 20, "traffic")
    second.end()
    first.signal("worker-1", signal.SIGKILL)
    wait_until(lambda: len(journal.lines) > 60, "more traffic")
    first.signal("intake", signal.SIGKILL)
    wait_for(sending)
    assert_all_there(journal.lines, first.region)
    assert first.stop() == 0


def test_connections_that_are_cut_lose_nothing(
    host: HostOf, daemon_of: DaemonOf, postgres_uri: str
) -> None:
    daemon, journal = daemon_of(host()), Journal()
    daemon.start()
    sending = senders(daemon, 22, 120, journal, insist=True)
    with psycopg.connect(postgres_uri, autocommit=True) as admin:
        for after in (20, 40, 60, 80):
            wait_until(lambda after=after: len(journal.lines) > after, "traffic")  # type: ignore[misc]
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'concord'"
            )
    wait_for(sending)
    assert_all_there(journal.lines, daemon.region)
    assert daemon.stop() == 0
    recovered = command(daemon.region, "recover", str(daemon.region))
    assert recovered.returncode == 0, recovered.stderr
    assert recovered.stdout.startswith("epoch 2 ")
    told = command(daemon.region, "status", str(daemon.region))
    assert (told.returncode, told.stdout.split()[-2:]) == (0, ["pending", "0"])


def test_an_unreachable_server_is_told_at_the_start(host: HostOf, daemon_of: DaemonOf) -> None:
    region = host()
    (region.parent / "dsn").write_text("host=/nowhere dbname=concord", encoding="ascii")
    daemon = daemon_of(region)
    daemon.launch()
    assert daemon.wait() != 0
    assert "database-unreachable" in daemon.told()
    assert "Traceback" not in daemon.told()
