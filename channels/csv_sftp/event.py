"""What the channel reports: how each file ended."""

from dataclasses import dataclass
from typing import ClassVar

from engine.plugin.event import ChannelEvent


@dataclass(frozen=True, slots=True)
class FileFinished(ChannelEvent):
    """`count` rows are on disk; `code` says why the file lies in `failed`, empty for `done`."""

    name: ClassVar[str] = "file-finished"
    text: ClassVar[str] = "a file was read; its run record lies beside it"

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
