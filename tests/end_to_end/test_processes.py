"""Daemons that meet, end and begin again; keys that do not fit."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from tests.chaos.day import senders, wait_for
from tests.chaos.place import Daemon, command, is_over, wait_until
from tests.chaos.reckoning import holders, opened, reckon, settled
from tests.chaos.wire import Journal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STOP_S = 10.0
LIFELINE_S = 10.0


def test_a_second_daemon_on_the_folder_names_the_first(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon = daemon_of(region)
    daemon.start()
    assert daemon.process is not None
    second = command(region, "run", str(region))
    assert second.returncode == 1
    assert "already-running" in second.stderr
    assert f"pid {daemon.process.pid}" in second.stderr
    assert daemon.process.poll() is None


def test_roles_do_not_outlive_a_killed_supervisor(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon, journal = daemon_of(region), Journal()
    daemon.start()
    sending = senders(daemon, 11, 90, journal)
    wait_until(lambda: len(journal.lines) > 20, "traffic")
    pids = [notice.pid for notice in daemon.notices().values()]
    assert len(pids) >= 3
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait(5)
    wait_until(lambda: all(map(is_over, pids)), "the roles ending by themselves", LIFELINE_S)
    daemon.end()
    daemon.start()
    wait_for(sending)
    reckoning = reckon(journal.lines, settled(region))
    assert len(journal.accepted) >= 80
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)


def nursery_of(daemon: Daemon) -> int:
    """Return the process that roles are copies of: the supervisor's child that is none."""
    assert daemon.process is not None
    roles = {notice.pid for notice in daemon.notices().values()}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            pid, _, rest = path.read_text("utf-8").partition(" ")
            parent = int(rest.rpartition(")")[2].split()[1])
            if parent == daemon.process.pid and int(pid) not in roles:
                return int(pid)
    raise AssertionError("no nursery")


def test_roles_come_back_without_the_process_they_are_copies_of(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon, journal = daemon_of(region), Journal()
    daemon.start()
    sending = senders(daemon, 13, 60, journal)
    os.kill(nursery_of(daemon), signal.SIGKILL)
    before = daemon.notices()["worker-1"].pid
    os.kill(before, signal.SIGKILL)

    def is_back() -> bool:
        known = daemon.notices()
        return "worker-1" in known and known["worker-1"].pid != before

    wait_until(is_back, "another worker")
    wait_for(sending)
    reckoning = reckon(journal.lines, settled(region))
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    assert daemon.stop() == 0


def test_a_daemon_stops_under_load_and_loses_nothing(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon, journal = daemon_of(region), Journal()
    daemon.start()
    sending = senders(daemon, 12, 120, journal)
    wait_until(lambda: len(journal.lines) > 20, "traffic")
    pids = [notice.pid for notice in daemon.notices().values()]
    began_s = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began_s < STOP_S
    assert all(map(is_over, pids))
    assert daemon.notices() == {}
    before = len(journal.lines)
    assert before < 120
    daemon.start()
    wait_for(sending)
    reckoning = reckon(journal.lines, settled(region))
    assert len(journal.lines) == 120
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    assert daemon.stop() == 0


def test_what_a_killed_daemon_held_is_free_when_it_starts_again(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon = daemon_of(region)
    daemon.start()
    wait_until(lambda: "" not in holders(region), "leases")
    before = holders(region)
    pids = [notice.pid for notice in daemon.notices().values()]
    daemon.end()
    wait_until(lambda: all(map(is_over, pids)), "the roles being gone")
    daemon.start()
    with opened(region) as (_, store), store.read() as tx:
        present = {row[0] for row in tx.query("SELECT owner FROM owner", ())}
    assert not present & before


def test_a_wrong_region_key_opens_nothing(region: Path, daemon_of: Callable[..., Daemon]) -> None:
    daemon = daemon_of(region)
    daemon.start()
    assert daemon.stop() == 0
    (region.parent / "region.key").write_text("ff" * 32, "ascii")
    refused = command(region, "run", str(region))
    assert refused.returncode == 1
    assert "wrong-key" in refused.stderr
    assert "ff" * 8 not in refused.stderr


def test_a_disk_that_is_not_mounted_is_waited_for(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    """An empty mount point must not become an empty region that takes messages."""
    data = region.parent / "data"
    for _ in range(2):
        refused = command(region, "run", str(region))
        assert (refused.returncode, refused.stdout) == (75, "")
        assert "region-not-founded" in refused.stderr
        assert not data.exists() or not list(data.iterdir())
        data.mkdir(exist_ok=True)
    assert command(region, "init", str(region)).returncode == 0
    daemon = daemon_of(region)
    daemon.start()
    assert daemon.stop() == 0


def test_a_key_that_others_may_read_is_refused(region: Path) -> None:
    (region.parent / "region.key").chmod(0o644)
    refused = command(region, "init", str(region))
    assert refused.returncode != 0
    assert "secret-exposed" in refused.stderr


def test_a_generated_key_that_others_may_read_is_refused(region: Path) -> None:
    written = yaml.safe_load(region.read_text("utf-8"))
    written["storage"] = {}
    region.write_text(yaml.safe_dump(written), "utf-8")
    key = region.parent / "data" / "keys" / "region.key"
    key.parent.mkdir(parents=True)
    key.write_text("ab" * 32, "ascii")
    key.chmod(0o640)
    refused = command(region, "init", str(region))
    assert refused.returncode != 0
    assert "secret-exposed" in refused.stderr
