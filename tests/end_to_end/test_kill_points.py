"""A role is killed at each named point of the main path: nothing is lost, nothing is doubled."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from engine.demo.daemon import found
from tests.chaos.calm import calm
from tests.chaos.day import bodies, send_all
from tests.chaos.place import Daemon, command, write_region
from tests.chaos.reckoning import reckon, settled, unlike
from tests.chaos.wire import Burst, Journal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

COUNT = 75
DAY = 5  # it has so many merges that one of two workers meets two of them


@pytest.mark.parametrize(
    ("point", "role"),
    [
        ("after-receive:25", "intake"),
        ("before-ack:25", "intake"),
        ("before-commit:4", "worker"),
        ("after-commit:4", "worker"),
        ("inside-merge:2", "worker"),
    ],
)
def test_killed_at(point: str, role: str, region: Path, daemon_of: Callable[..., Daemon]) -> None:
    write_region(region.parent, {"limits": {"batch_messages": 4}})  # so that there are many
    daemon = daemon_of(region, {"CONCORD_FAILPOINT": point})
    daemon.start()
    journal = send_all(daemon, DAY, COUNT)
    found = settled(region)
    daemon.wait_ready()
    assert daemon.stop() == 0
    crashes = [line for line in daemon.told().splitlines() if "role-crashed" in line]
    assert any(f'"role":"{role}' in line and '"exit_code":-9' in line for line in crashes)
    reckoning = reckon(journal.lines, found)
    assert len(journal.lines) == COUNT
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    assert found.states()["quarantined"] == 0
    assert unlike(found, calm(region.parent / "calm", found.entries)) == []


def test_killed_with_many_durable_and_none_answered(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon, journal = daemon_of(region, {"CONCORD_FAILPOINT": "before-ack:4"}), Journal()
    daemon.start()
    some = bodies(8, 300)["mercy"]
    Burst(partial(daemon.address, "mercy-hl7"), window=25).send("mercy", some, journal)
    found = settled(region)
    assert len(journal.lines) == len(some)
    assert max(one.tries for one in journal.lines) > 1
    assert len(found.entries) > len(journal.accepted), "some were durable and sent again"
    assert "role-crashed" in daemon.told()
    reckoning = reckon(journal.lines, found)
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    assert daemon.stop() == 0
    assert unlike(found, calm(region.parent / "calm", found.entries)) == []


def test_a_failpoint_nobody_can_read_is_refused(region: Path) -> None:
    found(region)
    refused = command(region, "run", str(region), "--role", "worker", CONCORD_FAILPOINT="here")
    assert refused.returncode == 1
    assert "failpoint-unreadable" in refused.stderr
