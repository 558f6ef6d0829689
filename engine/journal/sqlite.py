"""The journal on SQLite: one file per UTC day, one small index, any number of appending processes.

A day is one file so that it can be archived and dropped whole. No transaction spans two files: the
index is written before a position is used (`catalog`, rule 2), the entry in its own commit.

Rule: appending never goes back to an earlier day than the newest, whatever the clock says, so the
days follow one another in position order.
"""

import fcntl
import os
from collections import OrderedDict
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.core.fault import Category, FaultError, refuse
from engine.core.values import Entry, Envelope
from engine.database.fault import StorageBrokenError
from engine.database.sqlite import SqliteDatabase
from engine.database.transaction import Transaction
from engine.journal import catalog
from engine.journal.catalog import Day
from engine.journal.day import DayFile, found_day, open_day
from engine.journal.entries import Ask, day_of, read_through, row_of
from engine.journal.partition import DEFAULT_PARTITIONS
from engine.journal.protocol import Batch, JournalIdentity
from engine.journal.tables import INDEX

INDEX_NAME = "journal-index.db"
# Positions are 64 bits wide, so giving up the rest of a block at each start costs nothing; a
# larger block means fewer commits on the index.
_BLOCK = 16_384
_DAY_FILES = "journal-????-??-??.db"
_OPEN_FILES = 4

KeyOf = Callable[[str], bytes | None]


def day_name(day: str) -> str:
    """Return the file name of a day written as 2026-11-20."""
    return f"journal-{day}.db"


def found_journal(
    folder: Path, key_of: KeyOf, *, instance: str, partitions: int = DEFAULT_PARTITIONS
) -> None:
    """Make a new, empty journal; does nothing when there is one already.

    FaultError `journal-index-missing` when day files lie there without their index: starting anew
    beside them would hand out their positions again.
    """
    path = folder / INDEX_NAME
    with _folder_lock(folder):
        if not path.exists():
            _refuse_days(folder)
        index = SqliteDatabase(path, key_of(INDEX_NAME), cache_mb=1)
        try:
            index.create(INDEX)
            with index.write() as tx:
                if catalog.state(tx) is None:
                    _refuse_days(folder)
                    catalog.found(tx, instance, partitions)
        finally:
            index.close()


def _refuse_days(folder: Path) -> None:
    if any(folder.glob(_DAY_FILES)):
        raise refuse(
            Category.CONFLICT, "journal-index-missing", "day files without an index of days"
        )


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """Let one process at a time found or open: a file that is being made must not be opened."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class SqliteJournal:
    """An opened journal (see `engine.journal.protocol.Journal`).

    `key_of` returns the 32-byte key of a file by its name, or None for plain files.
    """

    def __init__(self, folder: Path, key_of: KeyOf) -> None:
        self._folder = folder
        self._key_of = key_of
        if not (folder / INDEX_NAME).exists():
            raise _missing()
        with _folder_lock(folder):
            self._index = SqliteDatabase(folder / INDEX_NAME, key_of(INDEX_NAME), cache_mb=1)
        self._files: OrderedDict[str, DayFile] = OrderedDict()
        self._identity = self._founded().identity
        self._today = ""  # the day this process appends to, once it has appended
        self._used = 0  # positions up to here may have been used before this process came
        self._broken: StorageBrokenError | None = None

    def identity(self) -> JournalIdentity:
        return self._identity

    def open_epoch(self, beyond: int = 0) -> JournalIdentity:
        """Start a new epoch, after a restore from which offsets and positions do not agree.

        Positions up to `beyond` are taken: accounts of messages that are lost here carry them.
        """
        with self._index.write() as tx:
            catalog.next_epoch(tx)
            catalog.raise_floor(tx, max(beyond, self._founded_in(tx).floor))
        self._identity = self._founded().identity
        return self._identity

    def append(self, envelopes: Sequence[Envelope]) -> list[int]:
        if self._broken is not None:
            raise self._broken
        if not envelopes:
            return []
        rows = [row_of(envelope, self._identity.partitions) for envelope in envelopes]
        day = day_of(envelopes)
        try:
            first = self._append(rows, day)
            while first == 0:
                self._prepare(day, len(rows))
                first = self._append(rows, day)
        except StorageBrokenError as error:
            self._broken = error
            raise
        return list(range(first, first + len(rows)))

    def _append(self, rows: Sequence[tuple[Any, ...]], day: str) -> int:
        with self._index.write() as index:
            newest, floor = catalog.newest(index)
            if newest != self._today or newest < day:
                return 0
            return self._file(newest).append(rows, self._used, floor)

    def _prepare(self, day: str, count: int) -> None:
        """Step into the newest day, beginning it if need be, and reserve the next positions."""
        with self._index.write() as index:
            newest, floor = catalog.newest(index)
            if newest != self._today or newest < day:
                self._used = floor
                self._today = max(newest, day)
                if newest < day:
                    self._refuse_unknown(newest, day)
                    self._begin(index, Day(day, self._used + 1))
            last = max(self._file(self._today).last(), self._used)
            catalog.raise_floor(index, max(floor, last + count + _BLOCK))

    def _refuse_unknown(self, newest: str, day: str) -> None:
        """Refuse when the index has forgotten a day between: its positions would come again."""
        for path in self._folder.glob(_DAY_FILES):
            between = path.name.removeprefix("journal-").removesuffix(".db")
            if newest < between != day:
                self._founded_day(between).close()

    def _begin(self, index: Transaction, day: Day) -> None:
        self._keep(day.day, self._founded_day(day.day))
        catalog.add_day(index, day)

    def _founded_day(self, day: str) -> DayFile:
        name = day_name(day)
        path, key = self._folder / name, self._key_of(name)
        return found_day(path, key, day, self._identity.instance)

    def head(self) -> int:
        with self._index.read() as index:
            known, dropped = catalog.days(index), self._founded_in(index).dropped
        for day in reversed(known):
            if last := self._file(day.day).last():
                return last
        return dropped

    def read_on(
        self, after: int, limit: int, max_bytes: int, partitions: Container[int] | None
    ) -> Batch:
        ask = Ask(limit, max_bytes, partitions)
        return read_through(
            self.days(), after, lambda day, upto: self._file(day).read_on(ask, upto)
        )

    def entry(self, position: int) -> Entry | None:
        holding = [day for day in self.days() if day.first <= position]
        return self._file(holding[-1].day).entry(position) if holding else None

    def days(self) -> list[Day]:
        """Return the days the journal holds, oldest first."""
        with self._index.read() as index:
            return catalog.days(index)

    def drop_day(self, day: str, passed: int) -> None:
        """Delete the oldest day with its file; `passed` is the lowest offset or replay cursor.

        FaultError `day-in-use` when it is the newest or not the oldest day, or when an entry of it
        lies beyond `passed`.
        """
        with self._index.write() as index:
            known = catalog.days(index)
            last = self._file(day).last() if any(one.day == day for one in known) else 0
            if len(known) < 2 or known[0].day != day or last > passed:
                raise refuse(Category.CONFLICT, "day-in-use", "the day is still needed", day)
            catalog.forget_day(index, day, max(last, self._founded_in(index).dropped))
        self._files.pop(day).close()
        # Older ones were left behind by a process killed between these two steps.
        for path in self._folder.glob(f"{_DAY_FILES}*"):
            if path.name < day_name(known[1].day):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._index.close()

    def _founded(self) -> catalog.State:
        with self._index.read() as tx:
            return self._founded_in(tx)

    def _founded_in(self, tx: Transaction) -> catalog.State:
        made = tx.query("SELECT 1 FROM sqlite_master WHERE name = 'journal'", ())
        state = catalog.state(tx) if made else None
        if state is None:
            raise _missing()
        return state

    def _file(self, day: str) -> DayFile:
        file = self._files.get(day)
        if file is None:
            name = day_name(day)
            path, key = self._folder / name, self._key_of(name)
            file = open_day(path, key, day, self._identity.instance)
            self._keep(day, file)
        self._files.move_to_end(day)
        return file

    def _keep(self, day: str, file: DayFile) -> None:
        self._files[day] = file
        while len(self._files) > _OPEN_FILES:
            self._files.popitem(last=False)[1].close()


def _missing() -> FaultError:
    return refuse(Category.NOT_FOUND, "journal-missing", "there is no journal here")
