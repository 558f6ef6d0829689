"""What the journal's contract is run against: a plain and an encrypted SQLite journal, PostgreSQL.

Another implementation joins by one more parameter of `locator` and of `appender.py`.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.core.values import HL7_V2, Envelope
from engine.journal.postgres import found_postgres_journal, open_postgres_journal
from engine.journal.protocol import Journal
from engine.journal.sqlite import SqliteJournal, found_journal

NOON_US = 1_795_176_000_000_000  # 2026-11-20T12:00Z
KEY = bytes(range(32))
APPENDER = Path(__file__).with_name("appender.py")


@pytest.fixture(params=["plain", "encrypted", "postgresql"])
def locator(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Return what `appender.py` opens the journal by: folder and key, or server and schema."""
    if request.param == "postgresql":
        found: tuple[str, str] = request.getfixturevalue("postgres_schema")
        return found
    return str(tmp_path), KEY.hex() if request.param == "encrypted" else "-"


@pytest.fixture
def opened(locator: tuple[str, str]) -> Iterator[Callable[[], Journal]]:
    """Return a function that opens the same journal once more."""
    place, name = locator
    with ExitStack() as handles:

        def another() -> Journal:
            journal = open_once(place, name)
            handles.callback(journal.close)
            return journal

        yield another


def open_once(place: str, name: str) -> Journal:
    if place.startswith("postgresql:"):
        found_postgres_journal(place, name, instance="contract", partitions=8)
        return open_postgres_journal(place, name)
    key = None if name == "-" else bytes.fromhex(name)
    found_journal(Path(place), lambda _: key, instance="contract", partitions=8)
    return SqliteJournal(Path(place), lambda _: key)


@pytest.fixture
def envelope() -> Callable[..., Envelope]:
    """Return a function that makes the envelope number `n`."""

    def made(n: int, *, lane: str = "", body: bytes = b"", at_us: int = NOON_US) -> Envelope:
        return Envelope("adt", "mercy", HL7_V2, body or b"body %d" % n, at_us, f"M{n}", lane)

    return made


@pytest.fixture
def append_elsewhere(locator: tuple[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that starts a process appending `groups` groups of `size` envelopes."""

    def started(name: str, *, groups: int, size: int) -> subprocess.Popen[str]:
        command = [sys.executable, str(APPENDER), *locator, name]
        return subprocess.Popen(
            [*command, str(groups), str(size)], stdout=subprocess.PIPE, text=True
        )

    return started
