"""A worker that is paused while another takes its partitions over changes nothing afterwards."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.core.clock import ticks_us
from engine.database.metadata import STORE
from engine.database.sqlite import SqliteDatabase
from engine.journal import binding, offsets
from engine.journal.protocol import JournalIdentity
from engine.journal.watch import Watch

WORKER = Path(__file__).with_name("worker.py")
LEASE_US = 200_000


@pytest.fixture
def store(tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(tmp_path / "store.db")
    database.create(STORE)
    with database.write() as tx:
        binding.bind(tx, JournalIdentity("north", 1, 8), 9)
    with database.write() as tx:
        tx.query("CREATE TABLE result (id INTEGER PRIMARY KEY, writer TEXT)", ())
    return database


def started(store: SqliteDatabase) -> "subprocess.Popen[str]":
    worker = subprocess.Popen(
        [sys.executable, str(WORKER), str(store.path), "paused"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "claimed 8\n"
    return worker


def taken_over(store: SqliteDatabase) -> list[offsets.Lease]:
    """Look until the other shows no sign of life."""
    watch = Watch(LEASE_US, ticks_us)
    leases: list[offsets.Lease] = []
    deadline_s = time.monotonic() + 60
    while not leases:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
        with store.write() as tx:
            leases = offsets.claim(tx, "awake", 64, watch, head=9)
    return leases


def writers(store: SqliteDatabase) -> list[str]:
    with store.read() as tx:
        return [row[0] for row in tx.query("SELECT writer FROM result", ())]


@pytest.mark.parametrize("moved", [True, False])
def test_an_overtaken_batch_is_void(store: SqliteDatabase, *, moved: bool) -> None:
    worker = started(store)
    worker.send_signal(signal.SIGSTOP)
    leases = taken_over(store)
    assert [lease.stalls for lease in leases] == [1] * 8
    if moved:
        with store.write() as tx:
            tx.query("INSERT INTO result (writer) VALUES (?)", ("awake",))
            offsets.advance_all(tx, leases, 9)
    worker.send_signal(signal.SIGCONT)
    assert worker.communicate("go\n")[0] == "fenced-off\n"
    assert writers(store) == ["awake"] * moved
    with store.read() as tx:
        standing = {(one.position, one.owner) for one in offsets.lag(tx, 9)}
    assert standing == {(9 * moved, "awake")}
    store.close()


def test_a_pause_that_nobody_used_does_no_harm(store: SqliteDatabase) -> None:
    worker = started(store)
    worker.send_signal(signal.SIGSTOP)
    worker.send_signal(signal.SIGCONT)
    assert worker.communicate("go\n")[0] == "committed\n"
    assert writers(store) == ["paused"]
    store.close()


def test_what_a_killed_worker_held_is_taken_over(store: SqliteDatabase) -> None:
    worker = started(store)
    worker.kill()
    worker.communicate()
    with store.write() as tx:
        offsets.depart(tx, "paused")
        leases = offsets.claim(tx, "next", 64, Watch(LEASE_US, ticks_us), head=9)
        offsets.advance_all(tx, leases, 9)
    with store.read() as tx:
        assert offsets.lowest(tx) == 9
    store.close()
