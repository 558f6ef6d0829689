"""Where files lie, as the channel sees it: a folder with `processing`, `done` and `failed` in it.

Whoever puts files there sees by the folder what became of each. A file is claimed by renaming it
into `processing`, which happens once however many look at the folder.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.core.fault import Category, Fault

PROCESSING, DONE, FAILED = "processing", "done", "failed"
FOLDERS = (PROCESSING, DONE, FAILED)
TOO_LARGE = Fault(Category.INVALID, "file-too-large", "the file is larger than this channel takes")
NOTE = "."  # what the channel remembers about the place begins with it


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as a listing shows it."""

    name: str
    size: int
    changed_us: int  # of the last change, in UTC


class Place(Protocol):
    """A drop folder. Every method raises FaultError `unavailable` when it cannot be reached."""

    odd: int
    """How many files the last `waiting` left out: links, and names we do not handle."""

    def __str__(self) -> str:
        """Name the place for people."""
        ...

    def check(self) -> str | None:
        """Say in one sentence why it cannot be used now, without leaving this host, or None."""
        ...

    def visit(self) -> AbstractAsyncContextManager[None]:
        """Be there for a while: the methods below work only inside."""
        ...

    async def waiting(self) -> list[Seen]:
        """List the plain files put there; never links, folders or hidden files."""
        ...

    async def claimed(self) -> list[Seen]:
        """List the files in `processing`."""
        ...

    async def claim(self, name: str) -> bool:
        """Move a file to `processing`; False when it is gone or one of that name is there."""
        ...

    async def forget(self, name: str) -> None:
        """Remove a marker from the folder, if it is there."""
        ...

    def opened(self, name: str, max_bytes: int) -> AbstractAsyncContextManager[Path]:
        """Give the bytes of a claimed file as a file on this host, until the context ends.

        FaultError `file-too-large` when more than `max_bytes` would have to be brought here.
        """
        ...

    async def finish(self, name: str, folder: str, papers: Mapping[str, Path]) -> None:
        """Put papers beside the file's new name and move the claimed file to `folder`.

        Papers are named by what is put after the file's name. They are complete before the file
        moves: where it lies is the truth.
        """
        ...

    async def recall(self, note: str) -> bytes:
        """Return what was remembered under a name, empty when nothing was."""
        ...

    async def remember(self, note: str, text: bytes) -> None:
        """Remember something about the place, at the place."""
        ...


def is_plain(name: str) -> bool:
    """Tell whether a name is one we handle: no hidden file, no path, nothing unprintable."""
    return (
        bool(name)
        and not name.startswith(NOTE)
        and name.isprintable()
        and "/" not in name
        and "\\" not in name
    )


def free_name(name: str, taken: set[str]) -> str:
    """Return the name, or with a number before its suffix when there is such a file already."""
    stem, dot, suffix = name.rpartition(".")
    number = 1
    found = name
    while found in taken:
        number += 1
        found = f"{stem}.{number}{dot}{suffix}" if dot else f"{name}.{number}"
    return found
