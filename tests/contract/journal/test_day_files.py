"""What only the journal of day files has: days, and how they are restored, damaged, dropped."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.core.fault import FaultError
from engine.core.values import Envelope
from engine.database.fault import StorageBrokenError
from engine.journal.day import found_day
from engine.journal.sqlite import SqliteJournal, day_name, found_journal

Made = Callable[..., Envelope]
DAY_US = 86_400_000_000
FIRST_DAY = day_name("2026-11-20")
EVERYTHING = 1 << 30
KEYS = {"plain": None, "encrypted": bytes(range(32))}


class Site:
    """A folder with a journal that is opened and closed as processes would."""

    def __init__(self, folder: Path, key: bytes | None, noon_us: int) -> None:
        self.folder = folder
        self.key = key
        self.noon_us = noon_us
        self._open: list[SqliteJournal] = []

    def journal(self) -> SqliteJournal:
        journal = SqliteJournal(self.folder, lambda _: self.key)
        self._open.append(journal)
        return journal

    def close(self) -> None:
        for journal in self._open:
            journal.close()
        self._open.clear()


@pytest.fixture(params=list(KEYS))
def site(request: pytest.FixtureRequest, tmp_path: Path, envelope: Made) -> Iterator[Site]:
    site = Site(tmp_path, KEYS[request.param], envelope(0).received_us)
    found_journal(tmp_path, lambda _: site.key, instance="north", partitions=8)
    yield site
    site.close()


def positions(journal: SqliteJournal) -> list[int]:
    found: list[int] = []
    after, head = 0, journal.head()
    while after < head:
        batch = journal.read_on(after, 3, EVERYTHING, None)
        assert batch.upto > after
        found += [entry.position for entry in batch.entries]
        after = batch.upto
    return found


def filled(site: Site, envelope: Made, days: int) -> list[int]:
    journal = site.journal()
    return [
        position
        for day in range(days)
        for position in journal.append(
            [envelope(n, at_us=site.noon_us + day * DAY_US) for n in range(4)]
        )
    ]


def copied(site: Site, to: Path, pattern: str) -> None:
    to.mkdir()
    for file in site.folder.glob(pattern):
        shutil.copy(file, to)


def test_each_day_has_its_file_and_reading_crosses_them(site: Site, envelope: Made) -> None:
    sent = filled(site, envelope, 6)
    assert len(list(site.folder.glob("journal-2026-11-2?.db"))) == 6
    assert positions(site.journal()) == sent == sorted(set(sent))
    assert [day.day for day in site.journal().days()] == [f"2026-11-2{n}" for n in range(6)]


def test_an_entry_of_any_day_is_found(site: Site, envelope: Made) -> None:
    sent = filled(site, envelope, 3)
    journal = site.journal()
    assert all(journal.entry(position) for position in sent)
    assert journal.entry(sent[-1] + 1) is None


def test_a_reader_notices_a_new_day(site: Site, envelope: Made) -> None:
    reader, writer = site.journal(), site.journal()
    writer.append([envelope(1)])
    assert len(positions(reader)) == 1
    writer.append([envelope(2, at_us=site.noon_us + DAY_US)])
    assert len(positions(reader)) == 2


def test_a_clock_that_goes_back_does_not_reopen_a_day(site: Site, envelope: Made) -> None:
    ahead, behind = site.journal(), site.journal()
    behind.append([envelope(1)])
    ahead.append([envelope(2, at_us=site.noon_us + DAY_US)])
    late = behind.append([envelope(3)])
    assert positions(ahead)[-1:] == late
    assert len(ahead.days()) == 2


def test_a_restored_day_file_does_not_bring_positions_back(
    site: Site, envelope: Made, tmp_path: Path
) -> None:
    filled(site, envelope, 1)
    site.close()
    copied(site, tmp_path / "backup", f"{FIRST_DAY}*")
    lost = filled(site, envelope, 1)
    site.close()
    for file in site.folder.glob(f"{FIRST_DAY}*"):
        file.unlink()
    for file in (tmp_path / "backup").iterdir():
        shutil.copy(file, site.folder)
    journal = site.journal()
    assert journal.head() < min(lost)
    assert min(journal.append([envelope(9)])) > max(lost)


def test_a_day_that_was_emptied_is_noticed(site: Site, envelope: Made) -> None:
    filled(site, envelope, 1)
    site.close()
    for file in site.folder.glob(f"{FIRST_DAY}*"):
        file.unlink()
    journal = site.journal()
    with pytest.raises(FaultError, match="journal-day-missing"):
        journal.append([envelope(1)])
    (site.folder / FIRST_DAY).touch()
    with pytest.raises(FaultError, match="journal-day-foreign"):
        journal.head()


def test_a_day_of_another_journal_is_refused(site: Site, envelope: Made, tmp_path: Path) -> None:
    other = Site(tmp_path / "other", site.key, site.noon_us)
    other.folder.mkdir()
    found_journal(other.folder, lambda _: site.key, instance="south")
    filled(site, envelope, 1)
    filled(other, envelope, 1)
    site.close()
    other.close()
    for file in other.folder.glob(f"{FIRST_DAY}*"):
        shutil.copy(file, site.folder)
    with pytest.raises(FaultError, match="journal-day-foreign"):
        site.journal().head()


def test_days_without_their_index_are_not_started_over(site: Site, envelope: Made) -> None:
    filled(site, envelope, 1)
    site.close()
    for file in site.folder.glob("journal-index*"):
        file.unlink()
    for emptied in (False, True):
        if emptied:
            (site.folder / "journal-index.db").touch()
        with pytest.raises(FaultError, match="journal-missing"):
            site.journal()
        with pytest.raises(FaultError, match="journal-index-missing"):
            found_journal(site.folder, lambda _: site.key, instance="north")


@pytest.mark.parametrize("later", [0, 1, 30])
def test_an_index_that_forgot_a_day_is_noticed(
    site: Site, envelope: Made, tmp_path: Path, later: int
) -> None:
    copied(site, tmp_path / "backup", "journal-index*")
    filled(site, envelope, 1)
    site.close()
    for file in site.folder.glob("journal-index*"):
        file.unlink()
    for file in (tmp_path / "backup").iterdir():
        shutil.copy(file, site.folder)
    with pytest.raises(FaultError, match="journal-index-old"):
        site.journal().append([envelope(1, at_us=site.noon_us + later * DAY_US)])


def test_a_day_that_was_only_begun_is_taken_over(site: Site, envelope: Made) -> None:
    """A process was killed between making the file and telling the index."""
    filled(site, envelope, 1)
    for begun in ("2026-11-21", "2026-11-22"):
        made = found_day(site.folder / day_name(begun), site.key, begun, "north")
        made.close()
    later = site.journal().append([envelope(5, at_us=site.noon_us + 2 * DAY_US)])
    assert positions(site.journal())[-1:] == later


def test_files_that_a_killed_dropping_left_go_with_the_next(site: Site, envelope: Made) -> None:
    sent = filled(site, envelope, 3)
    site.close()
    left = (site.folder / FIRST_DAY).read_bytes()
    journal = site.journal()
    journal.drop_day("2026-11-20", sent[-1])
    (site.folder / FIRST_DAY).write_bytes(left)
    journal.drop_day("2026-11-21", sent[-1])
    kept = {path.name for path in site.folder.glob("journal-????-??-??.db")}
    assert kept == {day_name("2026-11-22")}


def test_founding_again_changes_nothing(site: Site, envelope: Made) -> None:
    sent = filled(site, envelope, 1)
    found_journal(site.folder, lambda _: site.key, instance="another", partitions=4)
    journal = site.journal()
    assert journal.identity().instance == "north"
    assert positions(journal) == sent


def test_an_epoch_is_opened_once_for_all(site: Site, envelope: Made) -> None:
    assert site.journal().open_epoch().epoch == 2
    assert site.journal().identity().epoch == 2


def test_an_epoch_may_begin_beyond_positions_that_are_taken(site: Site, envelope: Made) -> None:
    sent = filled(site, envelope, 1)
    site.journal().open_epoch(beyond=1_000_000)
    assert site.journal().append([envelope(9)])[0] > 1_000_000
    site.journal().open_epoch(beyond=sent[-1])
    assert site.journal().append([envelope(9)])[0] > 1_000_000


def test_a_day_is_dropped_only_when_everybody_passed_it(site: Site, envelope: Made) -> None:
    sent = filled(site, envelope, 3)
    journal = site.journal()
    for day, passed in (("2026-11-20", sent[3] - 1), ("2026-11-21", sent[-1]), ("2026-01-01", 0)):
        with pytest.raises(FaultError, match="day-in-use"):
            journal.drop_day(day, passed)
    journal.drop_day("2026-11-20", sent[3])
    assert positions(journal) == sent[4:]
    assert journal.entry(sent[0]) is None
    assert not list(site.folder.glob(f"{FIRST_DAY}*"))
    assert positions(site.journal()) == sent[4:]


def test_the_newest_day_is_never_dropped(site: Site, envelope: Made) -> None:
    sent = filled(site, envelope, 1)
    with pytest.raises(FaultError, match="day-in-use"):
        site.journal().drop_day("2026-11-20", sent[-1])


def test_dropping_does_not_bring_positions_back(site: Site, envelope: Made) -> None:
    sent = filled(site, envelope, 2)
    site.journal().drop_day("2026-11-20", sent[-1])
    assert site.journal().head() == sent[-1]
    assert min(site.journal().append([envelope(1)])) > sent[-1]


def damaged(site: Site, needle: bytes) -> None:
    """Flip one bit of the day's file where `needle` lies, or when encrypted, one of each page."""
    site.close()
    path = site.folder / FIRST_DAY
    content = bytearray(path.read_bytes())
    plain = content.find(needle)
    places = [plain] if site.key is None else range(8192 + 100, len(content), 8192)
    for place in places:
        content[place] ^= 1
    path.write_bytes(content)


def test_a_flipped_bit_is_found(site: Site, envelope: Made) -> None:
    journal = site.journal()
    sent = journal.append([envelope(n, body=b"number %d " % n * 100) for n in range(5)])
    damaged(site, b"number 3 number")
    journal = site.journal()
    if site.key is None:
        batch = journal.read_on(0, 100, EVERYTHING, None)
        assert [entry.position for entry in batch.entries] == sent[:3]
        with pytest.raises(FaultError, match=f"journal-corrupt.*position {sent[3]}$"):
            journal.read_on(batch.upto, 100, EVERYTHING, None)
        with pytest.raises(FaultError, match="journal-corrupt"):
            journal.entry(sent[3])
        assert journal.entry(sent[4]) is not None
    else:
        with pytest.raises(StorageBrokenError):
            journal.read_on(0, 100, EVERYTHING, None)


def test_a_wrong_key_is_refused(site: Site, envelope: Made) -> None:
    filled(site, envelope, 1)
    site.key = bytes(32)
    with pytest.raises(FaultError, match="wrong-key"):
        site.journal()


def test_no_plain_text_lies_in_the_folder(site: Site, envelope: Made) -> None:
    site.journal().append([envelope(1, body=b"MARGUERITE")])
    found = any(b"MARGUERITE" in file.read_bytes() for file in site.folder.iterdir())
    assert found == (site.key is None)


def test_processes_that_found_at_once_agree(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from engine.journal.sqlite import *; sys.stdin.readline();"
        "folder = pathlib.Path(sys.argv[1]);"
        "found_journal(folder, lambda _: None, instance=sys.argv[2]);"
        "print(SqliteJournal(folder, lambda _: None).identity().instance)"
    )
    founders = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b", "c", "d")
    ]
    for founder in founders:
        assert founder.stdin is not None
        founder.stdin.write("go\n")
        founder.stdin.flush()
    said = {founder.communicate()[0].strip() for founder in founders}
    assert len(said) == 1
    assert said <= {"a", "b", "c", "d"}
