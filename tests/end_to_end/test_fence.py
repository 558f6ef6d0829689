"""A worker that sleeps through its lease and wakes up late changes nothing."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.chaos.calm import calm
from tests.chaos.day import send_all
from tests.chaos.place import Daemon, is_asleep, wait_until, write_region
from tests.chaos.reckoning import holders, read, reckon, settled, unlike

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LEASE_S = 40.0


def test_a_worker_asleep_before_its_batch_is_overtaken_and_then_void(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    region = write_region(tmp_path, {"workers": 1})
    daemon = daemon_of(region)
    daemon.start()
    sleeper = daemon_of(
        region,
        {"CONCORD_FAILPOINT": "before-write:1:stop"},
        arguments=("--role", "worker", "--name", "sleeper"),
    )
    sleeper.launch()
    daemon.wait_ready("sleeper")
    pid, owner = daemon.pid("sleeper"), daemon.notices()["sleeper"].owner
    wait_until(lambda: owner in holders(region), "a share of the partitions")
    try:
        journal = send_all(daemon, 13, 90)
        wait_until(lambda: is_asleep(pid), "falling asleep with a batch in its hands")
        pending = {e.position for e in read(region).entries} - read(region).accounts.keys()
        assert pending, "what it held waits for the lease to end"
        found = settled(region, LEASE_S)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    journal.lines += send_all(daemon, 14, 30).lines
    later = settled(region)
    assert '"code":"fenced-off"' in sleeper.told()
    assert later.accounts.items() >= found.accounts.items()
    assert daemon.pid("sleeper") == pid
    assert sleeper.stop() == 0
    assert daemon.stop() == 0
    reckoning = reckon(journal.lines, later)
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    assert unlike(read(region), calm(tmp_path / "calm", later.entries)) == []
