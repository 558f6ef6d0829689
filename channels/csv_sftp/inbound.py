"""Looks at a drop folder again and again, claims what is complete and has it read.

Nothing of what happened is kept here: after a crash the files in `processing` are read again, and
rows that were stored before are recognised as repetitions.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

from channels.csv_sftp.event import FileSkipped, HostKeyRefused
from channels.csv_sftp.folder import Folder
from channels.csv_sftp.place import PROCESSING, Place, Seen
from channels.csv_sftp.settings import CsvIn
from channels.csv_sftp.take import Desk, take, turn_away
from engine.core.fault import Category, FaultError, refuse
from engine.core.values import CSV_ROW
from engine.formats.delimited.contract import Contract
from engine.plugin.event import ChannelFailed, ChannelStarted, ChannelStopped
from engine.plugin.protocol import Intake, Started, Surroundings
from engine.plugin.span import seconds
from engine.plugin.spec import ChannelSpec

MARKER = ".done"
_ARCHIVES = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".zst")


class CsvInbound:
    """Satisfies `engine.plugin.protocol.Inbound`."""

    def __init__(self, settings: CsvIn, surroundings: Surroundings) -> None:
        self._settings = settings
        self._around = surroundings
        self._place, self._spool = _placed(settings, surroundings)
        self._looked: dict[str, Seen] = {}
        self._skipped: set[str] = set()
        self._odd = 0  # files nobody can take, as far as told

    async def run(self, intake: Intake, started: Started) -> None:
        around = self._around
        limits = self._settings
        desk = Desk(
            self._place,
            self._spool,
            around,
            intake,
            limits.max_file_bytes,
            limits.max_pending,
        )
        started([str(self._place)])
        around.report(ChannelStarted(around.channel, around.site))
        try:
            await self._until_there()
            while True:
                await self._look(desk)
                await asyncio.sleep(seconds(limits.every))
        finally:
            around.tally.trouble = ""
            around.report(ChannelStopped(around.channel, around.site))

    def check(self) -> str | None:
        """Say in one sentence why files could not be taken now, or None."""
        return self._place.check()

    async def _until_there(self) -> None:
        """Wait for a place that is missing: a disk may be mounted late, and other sites go on."""
        while not await asyncio.to_thread(self._prepare):
            self._failed("place-missing")
            await asyncio.sleep(seconds(self._settings.every))

    def _prepare(self) -> bool:
        """Empty the spool: what lies there is a copy of what is read again."""
        folder = self._settings.folder
        try:
            if folder is not None and self._settings.create:
                folder.mkdir(mode=0o770, parents=True, exist_ok=True)
            if self.check() is not None:
                return False
            shutil.rmtree(self._spool, ignore_errors=True)
            self._spool.mkdir(mode=0o700, parents=True)
        except OSError:
            return False
        return True

    async def _look(self, desk: Desk) -> None:
        try:
            async with self._place.visit():
                await self._work(desk)
            self._around.tally.trouble = ""
        except FaultError as error:
            self._failed(error.fault.code)
        except OSError:
            self._failed("spool-failed")
        except Exception:  # noqa: BLE001 - this channel must not end the intake of every site
            self._failed("unexpected-error")

    def _failed(self, code: str) -> None:
        self._around.tally.trouble = code
        self._around.report(ChannelFailed(self._around.channel, self._around.site, code))

    async def _work(self, desk: Desk) -> None:
        for seen in await self._place.claimed():
            if not await self._dispatch(desk, seen):
                return
        waiting = await self._place.waiting()
        self._tell_odd(self._place.odd)
        for seen in self._complete(waiting):
            if await self._claim(seen) and not await self._dispatch(desk, seen):
                return

    def _tell_odd(self, count: int) -> None:
        if count > self._odd:
            around = self._around
            around.report(FileSkipped(around.channel, around.site, "file-odd"))
        self._odd = count

    def _complete(self, listed: list[Seen]) -> Iterator[Seen]:
        """Yield the files of ours that nobody writes any more."""
        before, self._looked = self._looked, {seen.name: seen for seen in listed}
        self._skipped &= set(self._looked)
        marked = self._settings.ready == "marker"
        for seen in listed:
            if not self._is_ours(seen.name):
                continue
            if (
                (f"{seen.name}{MARKER}" in self._looked)
                if marked
                else before.get(seen.name) == seen
            ):
                yield seen

    def _is_ours(self, name: str) -> bool:
        if name.endswith(MARKER) and self._settings.ready == "marker":
            return False
        if self._contract(name) is not None or name.lower().endswith(_ARCHIVES):
            return True
        if name not in self._skipped:
            self._skipped.add(name)
            around = self._around
            around.report(FileSkipped(around.channel, around.site, "file-unknown"))
        return False

    async def _claim(self, seen: Seen) -> bool:
        if not await self._place.claim(seen.name):
            around = self._around
            around.report(FileSkipped(around.channel, around.site, "file-vanished"))
            return False
        if self._settings.ready == "marker":
            await self._place.forget(f"{seen.name}{MARKER}")
        return True

    async def _dispatch(self, desk: Desk, seen: Seen) -> bool:
        contract = self._contract(seen.name)
        if contract is not None:
            return await take(desk, seen, contract)
        archive = seen.name.lower().endswith(_ARCHIVES)
        await turn_away(desk, seen.name, "file-compressed" if archive else "file-unknown")
        return True

    def _contract(self, name: str) -> Contract | None:
        return next((one for one in self._around.contracts if one.takes(name)), None)


def _placed(settings: CsvIn, around: Surroundings) -> tuple[Place, Path]:
    """Return the place and a folder for what is read from it, on the same footing."""
    if settings.folder is not None:
        return Folder(settings.folder), settings.folder / PROCESSING / ".spool"
    if settings.sftp is None or settings.spool_folder is None:
        raise refuse(Category.BUG, "no-place", "the settings name no place", around.channel)
    # Loading its library takes a fifth of a second, which regions without a server need not pay.
    from channels.csv_sftp.remote import Remote  # noqa: PLC0415

    spool = settings.spool_folder / around.channel

    def refused(known: str, offered: str) -> None:
        code = "host-key-changed"
        around.report(HostKeyRefused(around.channel, around.site, code, known, offered))

    return Remote(settings.sftp, spool, refused), spool


SPEC = ChannelSpec(
    name="csv_sftp",
    direction="in",
    config=CsvIn,
    build=CsvInbound,
    summary="CSV files from a drop folder or an SFTP server, one delivery per row. A file lies in "
    "`done` when every row is on disk, in `failed` with the rows to mend.",
    example="mercy-csv: {type: csv_sftp, site: mercy, direction: in, "
    "folder: /srv/mercy/inbox, every: 60s}\n",
    ports=lambda _: [],
    media_type=CSV_ROW,
)
