"""What the journal's contract is run against: a plain and an encrypted SQLite journal.

Another implementation joins by one more parameter of `locator` and of `appender.py`.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.core.values import HL7_V2, Envelope
from engine.journal.protocol import Journal
from engine.journal.sqlite import SqliteJournal, found_journal

NOON_US = 1_795_176_000_000_000  # 2026-11-20T12:00Z
KEY = bytes(range(32))
APPENDER = Path(__file__).with_name("appender.py")


@pytest.fixture(params=["plain", "encrypted"])
def locator(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return what `appender.py` opens the journal by."""
    key = KEY.hex() if request.param == "encrypted" else "-"
    return f"{tmp_path} {key}"


@pytest.fixture
def opened(locator: str) -> Iterator[Callable[[], Journal]]:
    """Return a function that opens the same journal once more."""
    folder, _, hexadecimal = locator.rpartition(" ")
    key = None if hexadecimal == "-" else bytes.fromhex(hexadecimal)
    found_journal(Path(folder), lambda _: key, instance="contract", partitions=8)
    with ExitStack() as handles:

        def another() -> Journal:
            journal = SqliteJournal(Path(folder), lambda _: key)
            handles.callback(journal.close)
            return journal

        yield another


@pytest.fixture
def envelope() -> Callable[..., Envelope]:
    """Return a function that makes the envelope number `n`."""

    def made(n: int, *, lane: str = "", body: bytes = b"", at_us: int = NOON_US) -> Envelope:
        return Envelope("adt", "mercy", HL7_V2, body or b"body %d" % n, at_us, f"M{n}", lane)

    return made


@pytest.fixture
def append_elsewhere(locator: str) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that starts a process appending `groups` groups of `size` envelopes."""

    def started(name: str, *, groups: int, size: int) -> subprocess.Popen[str]:
        command = [sys.executable, str(APPENDER), *locator.rsplit(" ", 1), name]
        return subprocess.Popen(
            [*command, str(groups), str(size)], stdout=subprocess.PIPE, text=True
        )

    return started
