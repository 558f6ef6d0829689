"""Killed, starved and lied-to appenders: the sender's own record is compared with the journal.

SIGKILL keeps the page cache, so this does not stand for a power failure.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.fault import FaultError
from engine.core.values import HL7_V2, Envelope
from engine.journal.sqlite import SqliteJournal, found_journal

SENDER = Path(__file__).with_name("sender.py")
NOON_US = 1_795_176_000_000_000
KEYS = {"plain": None, "encrypted": bytes(range(32))}
SEED = 20261120


@pytest.fixture(params=list(KEYS))
def key(request: pytest.FixtureRequest) -> bytes | None:
    return KEYS[request.param]


def founded(folder: Path, key: bytes | None) -> None:
    found_journal(folder, lambda _: key, instance="north")
    journal = SqliteJournal(folder, lambda _: key)
    journal.append([Envelope("adt", "mercy", HL7_V2, b"first", NOON_US, "first")])
    journal.close()


def command(folder: Path, key: bytes | None, name: str, size: int) -> list[str]:
    return [sys.executable, str(SENDER), str(folder), key.hex() if key else "-", name, str(size)]


def missing(folder: Path, key: bytes | None, said: list[list[str]]) -> list[list[str]]:
    """Return the acknowledgements that the journal does not bear out."""
    journal = SqliteJournal(folder, lambda _: key)
    lost = [line for line in said if not _kept(journal, int(line[0]), line[1])]
    journal.close()
    return lost


def _kept(journal: SqliteJournal, position: int, name: str) -> bool:
    entry = journal.entry(position)
    return entry is not None and entry.envelope.control_id == name


def acknowledgements(output: str) -> list[list[str]]:
    """Return the whole lines of a sender that are acknowledgements."""
    lines = [line.split() for line in output.rpartition("\n")[0].splitlines()]
    return [line for line in lines if line[0] != "refused"]


def test_what_a_killed_appender_acknowledged_is_there(tmp_path: Path, key: bytes | None) -> None:
    founded(tmp_path, key)
    chance = random.Random(SEED)
    said: list[list[str]] = []
    for life in range(6):
        senders = [
            subprocess.Popen(
                command(tmp_path, key, f"{life}-{n}", 3), stdout=subprocess.PIPE, text=True
            )
            for n in range(2)
        ]
        for sender in senders:
            assert sender.stdout is not None
            said += acknowledgements(sender.stdout.readline())
        time.sleep(chance.uniform(0.01, 0.2))
        for sender in senders:
            sender.send_signal(signal.SIGKILL)
        for sender in senders:
            said += acknowledgements(sender.communicate()[0])
    assert len(said) > 100
    positions = [int(line[0]) for line in said]
    assert len(set(positions)) == len(positions)
    assert missing(tmp_path, key, said) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of six megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(folder)]
    made = subprocess.run(mount, check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"cannot mount a small file system: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def filled_up(journal: SqliteJournal) -> list[int]:
    """Append until the disk is full; returns what was acknowledged."""
    positions: list[int] = []
    refusal = ""
    while not refusal:
        envelope = Envelope("adt", "mercy", HL7_V2, bytes(50_000), NOON_US, "M")
        try:
            positions += journal.append([envelope])
        except FaultError as error:
            refusal = error.fault.code
    assert refusal == "disk-full"
    return positions


def test_a_full_disk_refuses_cleanly_and_recovers_alone(
    small_disk: Path, key: bytes | None
) -> None:
    ballast = small_disk / "ballast"
    founded(small_disk, key)
    ballast.write_bytes(bytes(2_000_000))
    journal = SqliteJournal(small_disk, lambda _: key)
    positions = filled_up(journal)
    assert positions
    assert journal.head() == positions[-1]
    with pytest.raises(FaultError, match="disk-full"):
        journal.append([Envelope("adt", "mercy", HL7_V2, bytes(50_000), NOON_US, "again")])
    ballast.unlink()
    positions += journal.append([Envelope("adt", "mercy", HL7_V2, b"later", NOON_US, "later")])
    journal.close()
    again = SqliteJournal(small_disk, lambda _: key)
    assert all(again.entry(position) for position in positions)
    assert again.head() == positions[-1]
    again.close()


def failing(folder: Path, calls: str, error: str, when: str) -> list[str]:
    """Return what a sender was told 40 times while some of its system calls fail."""
    if shutil.which("strace") is None:
        pytest.skip("failing a system call needs strace")
    traced = ["strace", "-f", "-qq", "-o", str(folder / "trace"), "-e", f"trace={calls}"]
    traced += ["-e", f"inject={calls}:error={error}:when={when}"]
    sender = subprocess.Popen(
        [*traced, *command(folder, None, "s", 1)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert sender.stdout is not None
    lines = [sender.stdout.readline() for _ in range(40)]
    sender.stdout.close()
    _, complaint = sender.communicate()
    if not lines[0]:
        pytest.skip(f"tracing is not allowed here: {complaint.strip()[:200]}")
    return lines


@pytest.mark.parametrize(
    ("calls", "when"),
    [("fsync,fdatasync", "1..3"), ("fsync,fdatasync", "9+7"), ("pwrite64", "30+11")],
)
def test_after_the_storage_failed_nothing_is_acknowledged(
    tmp_path: Path, calls: str, when: str
) -> None:
    founded(tmp_path, None)
    lines = failing(tmp_path, calls, "EIO", when)
    refused = ["refused" in line for line in lines]
    assert any(refused)
    assert refused == sorted(refused)
    assert {line for line in lines if "refused" in line} == {"refused storage-broken\n"}
    assert missing(tmp_path, None, acknowledgements("".join(lines))) == []


def test_a_write_that_finds_no_room_loses_only_itself(tmp_path: Path) -> None:
    founded(tmp_path, None)
    lines = failing(tmp_path, "pwrite64", "ENOSPC", "30+11")
    assert {line for line in lines if "refused" in line} == {"refused disk-full\n"}
    said = acknowledgements("".join(lines))
    assert len(said) > 10
    assert "refused" in "".join(lines[: lines.index(" ".join(said[-1]) + "\n")])
    assert missing(tmp_path, None, said) == []
