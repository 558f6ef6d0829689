"""Full and failing disks: what was acknowledged stays, what is not safe is not acknowledged."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.day import bodies, senders, wait_for
from tests.chaos.disk import FailingSync, fill, small_disk
from tests.chaos.message import Person, control_id, mercy_adt
from tests.chaos.place import Daemon, wait_until
from tests.chaos.reckoning import read, reckon, settled
from tests.chaos.wire import Journal, Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LEASES_RENEWED_S = 4.0


@pytest.fixture
def disk(request: pytest.FixtureRequest, region: Path) -> Iterator[Path]:
    """Put the folder the test names on a small disk of its own."""
    with small_disk(region.parent / "data" / request.param, 12) as folder:
        yield folder


@pytest.mark.parametrize("disk", ["journal"], indirect=True)
def test_a_full_journal_refuses_and_resumes(
    disk: Path, region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon, journal = daemon_of(region), Journal()
    daemon.start()
    pid = daemon.pid("intake")
    line = Line(lambda: daemon.address("mercy-hl7"))
    person = Person("940000001", street="1 " + "LONG " * 4000)
    ballast = fill(disk)
    answers: list[str] = []
    while set(answers) <= {"AA"}:
        assert len(answers) < 500, "the disk does not fill up"
        answers.append(journal.send("mercy", line, mercy_adt(person, control_id())).code)
    refused = journal.send("mercy", line, mercy_adt(person, control_id()))
    assert {answers[-1], refused.code} == {"AR"}, "a reason that is not the message's"
    assert "disk-full" in refused.error
    ballast.unlink()
    wait_until(
        lambda: journal.send("mercy", line, mercy_adt(person, control_id())).accepted,
        "room for messages",
    )
    line.close()
    reckoning = reckon(journal.lines, settled(region))
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    assert daemon.pid("intake") == pid
    assert '"delivery-refused"' in daemon.told()
    assert '"disk-full"' in daemon.told()
    assert daemon.stop() == 0


@pytest.mark.parametrize("disk", [""], indirect=True)
def test_a_full_store_makes_workers_wait(
    disk: Path, region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    with small_disk(disk / "journal", 40):
        daemon, journal = daemon_of(region), Journal()
        daemon.start()
        pid = daemon.pid("worker-2")
        ballast = fill(disk)
        line = Line(lambda: daemon.address("mercy-hl7"))
        some = bodies(31, 240)["mercy"]
        for body in some:
            journal.send("mercy", line, body)
        line.close()
        found = read(region)
        assert len(found.entries) == len(journal.accepted) > 50
        assert len(found.accounts) < len(found.entries), "the store is not full"
        daemon.signal("worker-1", signal.SIGKILL)
        time.sleep(LEASES_RENEWED_S)
        assert daemon.pid("worker-2") == pid, "a worker waits, it does not die"
        assert '"work-held"' in daemon.told()
        assert '"disk-full"' in daemon.told()
        ballast.unlink()
        reckoning = reckon(journal.lines, settled(region))
        assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
        assert daemon.stop() == 0
        daemon.end()


@pytest.mark.parametrize(("part", "role"), [("journal-20", "intake"), ("store.db", "worker")])
def test_a_failed_fsync_ends_the_role_and_loses_nothing(
    part: str, role: str, region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    failing = FailingSync(region.parent, part)
    daemon, journal = daemon_of(region, failing.environment), Journal()
    daemon.start()
    sending = senders(daemon, 32, 90, journal)
    wait_until(lambda: len(journal.lines) > 20, "traffic")
    failing.arm()
    wait_for(sending)
    found = settled(region)
    assert failing.has_failed()
    reckoning = reckon(journal.lines, found)
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    crashes = [text for text in daemon.told().splitlines() if '"role-crashed"' in text]
    assert any(f'"role":"{role}' in text and '"exit_code":75' in text for text in crashes)
    assert "storage-broken" in daemon.told()
    assert daemon.stop() == 0
