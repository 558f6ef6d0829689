"""Journal and store restored out of step: it goes on where that is safe, and refuses otherwise."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.day import send_all
from tests.chaos.place import Daemon, command, write_region
from tests.chaos.reckoning import read, reckon, settled, unlike

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def region(tmp_path: Path) -> Path:
    """Return the file of a region with one worker."""
    return write_region(tmp_path, {"workers": 1})


def copied(data: Path, to: Path) -> Path:
    """Copy the files of a stopped daemon."""
    shutil.copytree(data, to)
    return to


def test_an_older_store_goes_on_from_its_offset(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon = daemon_of(region)
    daemon.start()
    journal = send_all(daemon, 21, 45)
    settled(region)
    assert daemon.stop() == 0
    older = copied(daemon.data, region.parent / "older")
    daemon.start()
    journal.lines += send_all(daemon, 22, 45).lines
    before = settled(region)
    assert daemon.stop() == 0
    for path in older.glob("store.db*"):
        shutil.copy(path, daemon.data / path.name)
    behind = read(region)
    assert len(behind.accounts) < len(before.accounts)
    daemon.start()
    after = settled(region)
    assert daemon.stop() == 0
    reckoning = reckon(journal.lines, after)
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    assert after.states() == before.states()
    assert unlike(after, before) == []


def test_an_older_journal_is_refused_until_somebody_recovers(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon = daemon_of(region)
    daemon.start()
    first = send_all(daemon, 23, 30)
    settled(region)
    assert daemon.stop() == 0
    older = copied(daemon.data, region.parent / "older")
    daemon.start()
    send_all(daemon, 24, 30)
    before = settled(region)
    assert daemon.stop() == 0
    shutil.rmtree(daemon.data / "journal")
    shutil.copytree(older / "journal", daemon.data / "journal")

    refused = command(region, "run", str(region))
    assert refused.returncode == 1
    assert "offset-beyond-head" in refused.stderr

    recovered = command(region, "recover", str(region))
    assert (recovered.returncode, recovered.stderr) == (0, "")
    assert "epoch 2" in recovered.stdout
    assert "in the store alone" in recovered.stdout

    daemon.start()
    busy = command(region, "recover", str(region))
    assert busy.returncode == 1
    assert "already-running" in busy.stderr
    later = send_all(daemon, 25, 30)
    after = settled(region)
    assert daemon.stop() == 0
    assert before.accounts.items() <= after.accounts.items(), "no account was written over"
    assert len(after.accounts) == len(before.accounts) + len(later.accepted)
    reckoning = reckon(first.lines + later.lines, after)
    assert (reckoning.lost, reckoning.strangers) == ((), 0)


def test_another_journal_is_refused_until_somebody_recovers(
    region: Path, daemon_of: Callable[..., Daemon]
) -> None:
    daemon = daemon_of(region)
    daemon.start()
    send_all(daemon, 26, 15)
    before = settled(region)
    assert daemon.stop() == 0
    shutil.rmtree(daemon.data / "journal")
    refused = command(region, "run", str(region))
    assert refused.returncode == 1
    assert "journal-mismatch" in refused.stderr
    assert command(region, "recover", str(region)).returncode == 0
    daemon.start()
    later = send_all(daemon, 27, 15)
    after = settled(region)
    assert before.accounts.items() <= after.accounts.items()
    assert len(after.accounts) == len(before.accounts) + len(later.accepted)
    assert daemon.stop() == 0
