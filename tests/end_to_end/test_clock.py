"""A clock that is set under a running daemon: nothing waits for it, nothing is judged by it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.calm import calm
from tests.chaos.clock import Wristwatch
from tests.chaos.day import SITES, bodies
from tests.chaos.place import Daemon, wait_until
from tests.chaos.reckoning import Found, holders, reckon, settled, unlike
from tests.chaos.wire import Journal, Line
from tests.end_to_end.test_csv import Inbox, extract

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOUR_S = 3600
TURNS_S = (2 * HOUR_S, -4 * HOUR_S, 2 * HOUR_S)  # beyond midnight, and back before it


def steps(daemon: Daemon) -> list[float]:
    """Return the steps of the clock the operator was told of."""
    lines = [json.loads(text) for text in daemon.told().splitlines() if '"clock-stepped"' in text]
    return [float(line["step_s"]) for line in lines]


def assert_nothing_lost(journal: Journal, day: dict[str, list[bytes]], found: Found) -> None:
    """Each message once, each repetition a duplicate of the first."""
    reckoning = reckon(journal.lines, found)
    assert (reckoning.lost, reckoning.doubled) == ((), ())
    positions = [entry.position for entry in found.entries]
    assert positions == sorted(set(positions))
    for site in ("mercy", "lakeside"):  # which number their messages
        first, *again = found.of(day[site][0])
        assert first.state == "written"
        assert [(one.state, one.of) for one in again] == [("duplicate", first.position)] * 4


def test_a_clock_set_by_hours_disturbs_nothing(
    tmp_path: Path, daemon_of: Callable[..., Daemon]
) -> None:
    """Days of the journal, leases, repetitions, run records and beats, across midnight and back."""
    watch = Wristwatch(tmp_path)
    watch.set_before_midnight(60)
    inbox = Inbox(tmp_path)
    daemon, journal = daemon_of(inbox.region, watch.environment), Journal()
    daemon.start()
    daemon.wait_ready("api")
    wait_until(lambda: "" not in holders(inbox.region), "leases")
    daemon.wait_ready("intake", "api", "worker-1", "worker-2")
    roles = {name: notice.pid for name, notice in daemon.notices().items()}
    owners = holders(inbox.region)
    lines = {site: Line(lambda site=site: daemon.address(f"{site}-hl7")) for site in SITES}  # type: ignore[misc]
    day = bodies(21, 160)
    said = extract((801, "Vale", ""))
    for number, turn_s in enumerate((0, *TURNS_S)):
        watch.turn(turn_s)
        for site in SITES:
            for body in day[site][number::4]:
                assert journal.send(site, lines[site], body).code
            assert journal.send(site, lines[site], day[site][0]).accepted  # once more
        run = inbox.play(f"{number}_patients_20260915.csv", said, watch.now_us() // 1_000_000)
        assert 0 <= run["seconds"] < HOUR_S
        wait_until(lambda: len(steps(daemon)) >= number, "a line in the log")  # noqa: B023
    for line in lines.values():
        line.close()
    found = settled(inbox.region)
    assert [round(step / HOUR_S) for step in steps(daemon)] == [2, -4, 2]
    assert_nothing_lost(journal, day, found)
    assert {name: notice.pid for name, notice in daemon.notices().items()} == roles
    assert holders(inbox.region) >= owners, "a worker lost what it held"
    assert daemon.stop() == 0
    arrivals = [entry.envelope.received_us for entry in found.entries]
    assert arrivals != sorted(arrivals), "the clock did go back"
    assert unlike(found, calm(tmp_path / "calm", found.entries)) == []
