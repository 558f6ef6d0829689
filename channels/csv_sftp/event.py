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
