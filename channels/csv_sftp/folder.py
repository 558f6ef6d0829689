"""A drop folder on this host. Everything in it is done by name, below the folder, without links."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from channels.csv_sftp.place import FOLDERS, NOTE, PROCESSING, Seen, free_name, is_plain
from engine.core.fault import Category, refuse

_BLOCK = 1 << 20
P = ParamSpec("P")
T = TypeVar("T")


class Folder:
    """Satisfies `Place`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.odd = 0

    def __str__(self) -> str:
        return str(self._folder)

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[None]:
        yield

    async def waiting(self) -> list[Seen]:
        found, self.odd = await _apart(self._listed, self._folder)
        return found

    async def claimed(self) -> list[Seen]:
        found, _ = await _apart(self._listed, self._folder / PROCESSING)
        return found

    async def claim(self, name: str) -> bool:
        return await _apart(self._claim, name)

    async def forget(self, name: str) -> None:
        await _apart((self._folder / name).unlink, missing_ok=True)

    @asynccontextmanager
    async def opened(self, name: str, max_bytes: int) -> AsyncIterator[Path]:
        yield self._folder / PROCESSING / name

    async def finish(self, name: str, folder: str, papers: Mapping[str, Path]) -> None:
        await _apart(self._finish, name, folder, papers)

    async def recall(self, note: str) -> bytes:
        return await _apart(_read, self._folder / PROCESSING / f"{NOTE}{note}")

    async def remember(self, note: str, text: bytes) -> None:
        await _apart(_write, self._folder / PROCESSING / f"{NOTE}{note}", text)

    def check(self) -> str | None:
        """Say in one sentence why files could not be taken, or None."""
        if not self._folder.is_dir():
            return "the drop folder does not exist"
        if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            return "the drop folder may not be read and written"
        return None

    def _listed(self, folder: Path) -> tuple[list[Seen], int]:
        for name in FOLDERS:
            (self._folder / name).mkdir(mode=0o770, exist_ok=True)
        with os.scandir(folder) as entries:
            files = [one for one in entries if not _is_apart(one)]
        seen = [_seen(entry) if is_plain(entry.name) else None for entry in files]
        found = [one for one in seen if one is not None]
        return sorted(found, key=lambda one: (one.changed_us, one.name)), len(seen) - len(found)

    def _claim(self, name: str) -> bool:
        target = self._folder / PROCESSING / name
        if target.exists():
            return False
        try:
            (self._folder / name).rename(target)
        except FileNotFoundError:
            return False
        return True

    def _finish(self, name: str, folder: str, papers: Mapping[str, Path]) -> None:
        target = self._folder / folder
        final = free_name(name, {entry.name for entry in target.iterdir()})
        for suffix, paper in papers.items():
            _copy(paper, target / f"{final}{suffix}")
        (self._folder / PROCESSING / name).rename(target / final)
        _settle(target)
        _settle(self._folder / PROCESSING)


def _is_apart(entry: os.DirEntry[str]) -> bool:
    """Tell what is no file that somebody put there: hidden, or a folder."""
    return entry.name.startswith(NOTE) or entry.is_dir(follow_symlinks=False)


async def _apart(call: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Run a blocking call outside the loop; OSError becomes a fault that can be retried."""
    try:
        return await asyncio.to_thread(partial(call, *given, **named))
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        code = "folder-full" if full else "folder-unreachable"
        text = "the drop folder cannot be read or written"
        raise refuse(Category.UNAVAILABLE, code, text) from error


def _seen(entry: "os.DirEntry[str]") -> Seen | None:
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return Seen(entry.name, found.st_size, found.st_mtime_ns // 1000)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _write(path: Path, data: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.new")
    with unfinished.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(path)


def _copy(source: Path, target: Path) -> None:
    """Copy in pieces to a hidden name, then rename: half a paper is never seen."""
    unfinished = target.with_name(f"{NOTE}{target.name}.new")
    with source.open("rb") as data, unfinished.open("wb") as out:
        while block := data.read(_BLOCK):
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(target)


def _settle(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
