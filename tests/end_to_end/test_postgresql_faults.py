"""A PostgreSQL server that is killed, has no connection left, or no room, under load."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest

from tests.chaos.day import bodies, senders, wait_for
from tests.chaos.place import Daemon, wait_until, write_host
from tests.chaos.reckoning import assert_all_there
from tests.chaos.server import Server
from tests.chaos.wire import Journal, Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DaemonOf = Callable[..., Daemon]
OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'concord'"


@pytest.fixture
def server(server_folder: Path, postgres_binaries: Path) -> Iterator[Server]:
    made = Server(server_folder / "only", postgres_binaries)
    made.found()
    made.start()
    yield made
    made.kill()


def lines(journal: Journal, count: int) -> None:
    wait_until(lambda: len(journal.lines) > count, "traffic", 120)


def test_a_server_that_is_killed_recovers_and_so_do_we(
    tmp_path: Path, server: Server, daemon_of: DaemonOf
) -> None:
    daemon, journal = daemon_of(write_host(tmp_path / "host", "killed", server.dsn)), Journal()
    daemon.start()
    before = {notice.pid for notice in daemon.notices().values()}
    sending = senders(daemon, 41, 120, journal, insist=True)
    for count in (20, 60):
        lines(journal, count)
        server.kill()
        server.start()
    wait_for(sending)
    assert_all_there(journal.lines, daemon.region, 100)
    assert before <= {notice.pid for notice in daemon.notices().values()}
    assert daemon.stop() == 0


@pytest.mark.soak
def test_a_server_that_freezes_keeps_no_sender_waiting(
    tmp_path: Path, server: Server, daemon_of: DaemonOf
) -> None:
    daemon, journal = daemon_of(write_host(tmp_path / "host", "frozen", server.dsn)), Journal()
    daemon.start()
    first, *others = bodies(44, 90)["mercy"]
    line = Line(lambda: daemon.address("mercy-hl7"), timeout_s=120)
    assert journal.send("mercy", line, first).accepted
    server.signal(signal.SIGSTOP)
    answer = line.exchange(others[0])
    assert (answer.code[1], "database-unreachable" in answer.error) == ("E", True)
    server.signal(signal.SIGCONT)
    for other in others:
        journal.send("mercy", line, other)
    line.close()
    assert_all_there(journal.lines, daemon.region, len(others) - 3)
    assert daemon.stop() == 0


def test_a_server_without_a_free_connection_is_waited_for(
    tmp_path: Path, server: Server, daemon_of: DaemonOf
) -> None:
    daemon, journal = daemon_of(write_host(tmp_path / "host", "crowded", server.dsn)), Journal()
    daemon.start()
    sending = senders(daemon, 42, 120, journal, insist=True)
    lines(journal, 20)
    with ExitStack() as crowd, psycopg.connect(server.dsn, autocommit=True) as admin:
        with suppress(psycopg.OperationalError):
            while True:
                crowd.enter_context(psycopg.connect(server.dsn))
        admin.execute(OURS)
        wait_until(lambda: "database-unreachable" in daemon.told(), "being told")
    wait_for(sending)
    assert_all_there(journal.lines, daemon.region, 100)
    assert daemon.stop() == 0


@pytest.fixture
def small(server_folder: Path, postgres_binaries: Path) -> Iterator[Server]:
    """Return a server on a file system of 160 MB of its own."""
    folder = server_folder / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)]
    made = subprocess.run(mount, capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no file system may be mounted here")
    server = Server(folder / "server", postgres_binaries)
    yield server
    server.kill()
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_server_without_room_is_waited_for(
    tmp_path: Path, small: Server, daemon_of: DaemonOf
) -> None:
    server = small
    server.found("--wal-segsize=1")
    server.settings |= {"max_wal_size": "8MB", "min_wal_size": "2MB"}
    server.start()
    daemon, journal = daemon_of(write_host(tmp_path / "host", "full", server.dsn)), Journal()
    daemon.start()
    sending = senders(daemon, 43, 120, journal, insist=True)
    lines(journal, 20)
    ballast = server.folder.parent / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(65_536)):
            pass
    wait_until(lambda: "disk-full" in daemon.told() or not server.answers_now(), "a full disk", 120)
    ballast.unlink()
    server.kill()  # full in its log, it may have ended itself: somebody starts it again
    server.start()
    wait_for(sending)
    assert_all_there(journal.lines, daemon.region, 100)
    assert daemon.stop() == 0
