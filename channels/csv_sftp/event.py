"""What the channel reports: how each file ended."""

from dataclasses import dataclass
from typing import ClassVar

from engine.plugin.event import ChannelEvent


@dataclass(frozen=True, slots=True)
class FileFinished(ChannelEvent):
    """The file lies in `done`; its `count` rows are on disk."""

    name: ClassVar[str] = "file-finished"
    text: ClassVar[str] = "a file was read; its run record lies beside it"

    count: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FileRefused(ChannelEvent):
    """`code` says why the file lies in `failed`; `count` rows of it are on disk."""

    name: ClassVar[str] = "file-refused"
    text: ClassVar[str] = "a file was refused, or rows of it; its run record says which and why"
    level: ClassVar[str] = "warning"

    count: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FileSkipped(ChannelEvent):
    name: ClassVar[str] = "file-skipped"
    text: ClassVar[str] = "a file was left where it is"
    level: ClassVar[str] = "warning"


@dataclass(frozen=True, slots=True)
class HostKeyRefused(ChannelEvent):
    """Fingerprints as `ssh-keygen -lf` shows them; several known ones with a comma between."""

    name: ClassVar[str] = "host-key-refused"
    text: ClassVar[str] = "the server showed another key than the known one; nothing was sent to it"
    level: ClassVar[str] = "error"

    known_key: str = ""
    offered_key: str = ""
