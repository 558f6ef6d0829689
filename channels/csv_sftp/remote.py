"""A drop folder on an SFTP server, visited anew at each look: no connection is kept in between."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from channels.csv_sftp.peer import UNREACHABLE, Refused, connected
from channels.csv_sftp.place import FOLDERS, NOTE, PROCESSING, TOO_LARGE, Seen, free_name, is_plain
from channels.csv_sftp.settings import Sftp
from engine.core.fault import Category, FaultError, refuse

T = TypeVar("T")
_COPY = "fetched"  # name of the local copy: never the one the sender chose
_NOTE_BYTES = 65_536
_PIECE_BYTES, _PIECES = 262_144, 16  # of a transfer: how much may be on its way at a time
_STALLED_S = 600.0  # longest time a transfer may take for each file


class Remote:
    """Satisfies `Place`. Works only inside `visit`."""

    def __init__(self, peer: Sftp, spool: Path, refused: Refused) -> None:
        self._peer = peer
        self._spool = spool
        self._refused = refused
        self._client: asyncssh.SFTPClient | None = None
        self.odd = 0

    def __str__(self) -> str:
        return f"sftp://{self._peer.host}:{self._peer.port}/{self._peer.folder.lstrip('/')}"

    def check(self) -> str | None:
        for what, path in (
            ("key_file", self._peer.key_file),
            ("known_hosts", self._peer.known_hosts),
        ):
            if not path.is_file():
                return f"the file that {what} names does not exist"
        return None

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[None]:
        async with connected(self._peer, self._refused) as client:
            self._client = client
            try:
                for name in FOLDERS:
                    await self._answered(client.makedirs(self._path(name), exist_ok=True))
                yield
            finally:
                self._client = None

    async def waiting(self) -> list[Seen]:
        found, self.odd = await self._listed("")
        return found

    async def claimed(self) -> list[Seen]:
        found, _ = await self._listed(PROCESSING)
        return found

    async def claim(self, name: str) -> bool:
        """Rename; servers of version 3 refuse one onto a file that exists, so this happens once."""
        target = self._path(PROCESSING, name)
        if await self._answered(self._files.exists(target)):
            return False
        try:
            await self._timed(self._files.rename(self._path(name), target))
        except asyncssh.SFTPNoSuchFile:
            return False
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise _failed() from error
        return True

    async def forget(self, name: str) -> None:
        if await self._answered(self._files.exists(self._path(name))):
            await self._answered(self._files.remove(self._path(name)))

    @asynccontextmanager
    async def opened(self, name: str, max_bytes: int) -> AsyncIterator[Path]:
        """The size is asked for again: the file may have grown since it was listed."""
        path = self._path(PROCESSING, name)
        attributes = await self._answered(self._files.lstat(path))
        if attributes.type != asyncssh.FILEXFER_TYPE_REGULAR:
            raise refuse(Category.INVALID, "not-a-file", "what was claimed is not a plain file")
        if (attributes.size or 0) > max_bytes:
            raise FaultError(TOO_LARGE)
        copy = self._spool / _COPY
        try:
            await self._fetch(path, copy, max_bytes)
            yield copy
        finally:
            await asyncio.to_thread(copy.unlink, missing_ok=True)

    async def _fetch(self, path: str, copy: Path, max_bytes: int) -> None:
        """Stop within the transfer once it is more than `max_bytes`, whatever size was told."""

        def watched(_: bytes, __: bytes, copied: int, expected: int) -> None:
            if max(copied, expected) > max_bytes:
                raise FaultError(TOO_LARGE)

        call = self._files.get(
            path,
            str(copy),
            sparse=False,
            block_size=_PIECE_BYTES,
            max_requests=_PIECES,
            progress_handler=watched,
        )
        await self._answered(call, _STALLED_S)

    async def finish(self, name: str, folder: str, papers: Mapping[str, Path]) -> None:
        names = await self._answered(self._files.listdir(self._path(folder).encode()))
        final = free_name(name, {_text(one) for one in names})
        for suffix, paper in papers.items():
            await self._put(paper, self._path(folder), f"{final}{suffix}")
        renamed = self._files.rename(self._path(PROCESSING, name), self._path(folder, final))
        await self._answered(renamed)

    async def recall(self, note: str) -> bytes:
        try:
            return await self._timed(self._read(self._path(PROCESSING, f"{NOTE}{note}")))
        except asyncssh.SFTPNoSuchFile:
            return b""
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise _failed() from error

    async def _read(self, path: str) -> bytes:
        async with self._files.open(path, "r", "utf-8") as data:
            return str(await data.read(_NOTE_BYTES)).encode()

    async def remember(self, note: str, text: bytes) -> None:
        paper = self._spool / "note"
        await asyncio.to_thread(paper.write_bytes, text)
        await self._put(paper, self._path(PROCESSING), f"{NOTE}{note}")

    async def _listed(self, folder: str) -> tuple[list[Seen], int]:
        """Ask for names as bytes: one that is no UTF-8 must not spoil the whole list."""
        entries = await self._answered(self._files.readdir(self._path(folder).encode()))
        seen = [_seen(entry) for entry in entries if not _is_apart(entry)]
        found = [one for one in seen if one is not None]
        return sorted(found, key=lambda one: (one.changed_us, one.name)), len(seen) - len(found)

    async def _put(self, paper: Path, folder: str, name: str) -> None:
        unfinished = f"{folder}/{NOTE}{name}.new"
        await self._answered(self._files.put(str(paper), unfinished), _STALLED_S)
        await self._answered(self._files.posix_rename(unfinished, f"{folder}/{name}"))

    @property
    def _files(self) -> asyncssh.SFTPClient:
        if self._client is None:
            raise FaultError(UNREACHABLE)
        return self._client

    def _path(self, *names: str) -> str:
        return "/".join((self._peer.folder.rstrip("/"), *(name for name in names if name)))

    async def _timed(self, call: Coroutine[Any, Any, T], timeout_s: float = 0.0) -> T:
        async with asyncio.timeout(timeout_s or self._peer.timeout_s):
            return await call

    async def _answered(self, call: Coroutine[Any, Any, T], timeout_s: float = 0.0) -> T:
        """Wait for an answer; whatever goes wrong can be tried again."""
        try:
            return await self._timed(call, timeout_s)
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise _failed() from error


def _failed() -> BaseException:
    """Return what a failed call means.

    A call that is cancelled tidies up at the server; when the server is gone, that failure takes
    the place of the cancellation, which has to be heard all the same.
    """
    task = asyncio.current_task()
    cancelled = task is not None and task.cancelling() > 0
    return asyncio.CancelledError() if cancelled else FaultError(UNREACHABLE)


def _text(name: bytes | str) -> str:
    """Return a name as text; what is no UTF-8 becomes text that is never printable."""
    return name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")


def _is_apart(entry: asyncssh.SFTPName) -> bool:
    """Tell what is no file that somebody put there: hidden, or a folder."""
    is_folder = entry.attrs.type == asyncssh.FILEXFER_TYPE_DIRECTORY
    return _text(entry.filename).startswith(NOTE) or is_folder


def _seen(entry: asyncssh.SFTPName) -> Seen | None:
    name, found = _text(entry.filename), entry.attrs
    if not is_plain(name) or found.type != asyncssh.FILEXFER_TYPE_REGULAR:
        return None
    return Seen(name, found.size or 0, (found.mtime or 0) * 1_000_000)
