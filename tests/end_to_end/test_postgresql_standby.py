"""A region on a PostgreSQL server with a synchronous standby, either of which dies under load."""

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.core.fault import FaultError
from engine.database.postgres import PostgresDatabase
from engine.demo.reader import Endpoint
from tests.chaos.day import bodies, senders, wait_for
from tests.chaos.place import Daemon, command, wait_until, write_host
from tests.chaos.reckoning import assert_all_there
from tests.chaos.server import Server, pair
from tests.chaos.wire import Journal, Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

DaemonOf = Callable[..., Daemon]


@pytest.fixture
def servers(server_folder: Path, postgres_binaries: Path) -> Iterator[tuple[Server, Server]]:
    with pair(server_folder, postgres_binaries) as both:
        yield both


def both_hosts(*servers: Server) -> str:
    hosts = ",".join(str(server.folder) for server in servers)
    return f"host={hosts} dbname=postgres user=postgres"


def answers(host: Daemon) -> bool:
    """Say whether the endpoint reads from the store."""
    address = host.address("api")
    if address is None:
        return False
    token = (host.data / "keys/api.token").read_text("ascii").strip()
    try:
        found = Endpoint(f"http://{address[0]}:{address[1]}", token).get("/fhir/Patient?_count=1")
    except OSError:
        return False
    return bool(found["resourceType"] == "Bundle")


def pids(*hosts: Daemon) -> set[int]:
    return {notice.pid for host in hosts for notice in host.notices().values()}


def test_a_standby_promoted_under_load_has_all_that_was_acknowledged(
    tmp_path: Path, servers: tuple[Server, Server], daemon_of: DaemonOf
) -> None:
    primary, standby = servers
    dsn = both_hosts(primary, standby)
    first = daemon_of(write_host(tmp_path / "first", "promoted", dsn))
    second = daemon_of(write_host(tmp_path / "second", "promoted", dsn))
    first.start()
    second.start()
    before = pids(first, second)
    journal, other = Journal(), Journal()
    sending = [
        *senders(first, 31, 90, journal, insist=True),
        *senders(second, 32, 90, other, insist=True),
    ]
    wait_until(lambda: len(journal.lines) > 30 and len(other.lines) > 30, "traffic")
    primary.kill()
    standby.promote()
    wait_for(sending)
    assert_all_there([*journal.lines, *other.lines], first.region, 150)
    assert before <= pids(first, second)  # nobody had to be started again
    wait_until(lambda: answers(first), "the endpoint answering from the promoted server")
    assert (first.stop(), second.stop()) == (0, 0)
    choosy = write_host(tmp_path / "third", "promoted", dsn, {"storage": {"standby": "required"}})
    refused = command(choosy, "status", str(choosy))
    assert (refused.returncode, "synchronous_standby_names" in refused.stderr) == (75, True)


def test_a_primary_that_comes_back_is_not_taken_for_the_present_one(
    servers: tuple[Server, Server],
) -> None:
    primary, standby = servers
    journal = PostgresDatabase(both_hosts(primary, standby), schema="public")
    primary.kill()
    standby.promote()
    with pytest.raises(FaultError, match="database-unreachable"), journal.write():
        pass
    with journal.write() as tx:
        process = tx.query("SELECT pg_backend_pid()", ())[0][0]
    primary.settings.clear()
    primary.start()
    standby.tell(f"SELECT pg_terminate_backend({process}, 5000)")
    with pytest.raises(FaultError, match="database-unreachable"), journal.write():
        pass
    with pytest.raises(FaultError, match="database-superseded"), journal.write():
        pass
    primary.kill()
    with journal.write() as tx:
        assert tx.query("SELECT pg_is_in_recovery()", ()) == [(False,)]
    journal.close()


def cancel_waits(primary: Server) -> int:
    """Cancel the commits that wait for a standby; returns how many there were."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    return len(primary.tell(f"SELECT pg_cancel_backend(pid) FROM ({waiting}) AS hung"))


def test_without_its_standby_a_server_acknowledges_nothing(
    tmp_path: Path, servers: tuple[Server, Server], daemon_of: DaemonOf
) -> None:
    primary, standby = servers
    daemon = daemon_of(write_host(tmp_path / "host", "waits", primary.dsn))
    daemon.start()
    body, *others = bodies(33, 60)["mercy"]
    line, journal = Line(lambda: daemon.address("mercy-hl7"), timeout_s=60), Journal()
    assert journal.send("mercy", line, body).accepted
    standby.signal(signal.SIGKILL)
    answer = line.exchange(others[0])
    assert (answer.code[1], "database-unreachable" in answer.error) == ("E", True)
    # An administrator who loses patience does not make it an acknowledgement.
    wait_until(lambda: cancel_waits(primary) > 0, "the commit that waits")
    impatient = threading.Thread(
        target=wait_until, args=(lambda: cancel_waits(primary) > 0, "another commit that waits")
    )
    impatient.start()
    answer = line.exchange(others[1])
    assert (answer.code[1], "database-unreachable" in answer.error) == ("E", True)
    impatient.join()
    standby.kill()
    standby.start()
    for other in others:
        journal.send("mercy", line, other)
    assert_all_there(journal.lines, daemon.region, len(others) - 2)
    line.close()
    assert daemon.stop() == 0
