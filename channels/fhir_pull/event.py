"""What the channel reports: when a server has to be left alone, and what it no longer has."""

from dataclasses import dataclass
from typing import ClassVar

from engine.plugin.event import ChannelEvent


@dataclass(frozen=True, slots=True)
class PullHeld(ChannelEvent):
    """Told once, however often the server refuses until it answers again."""

    name: ClassVar[str] = "pull-held"
    text: ClassVar[str] = "the server is left alone for a while; nothing is lost, it is asked again"
    level: ClassVar[str] = "warning"

    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PullResumed(ChannelEvent):
    """`count` requests had failed in a row."""

    name: ClassVar[str] = "pull-resumed"
    text: ClassVar[str] = "the server answers again"

    count: int = 0


@dataclass(frozen=True, slots=True)
class PullRefused(ChannelEvent):
    name: ClassVar[str] = "pull-refused"
    text: ClassVar[str] = "the server does not answer a request of ours; the others go on"
    level: ClassVar[str] = "warning"


@dataclass(frozen=True, slots=True)
class PullCompared(ChannelEvent):
    """`count` resources were no longer there; they stay stored until the site says otherwise."""

    name: ClassVar[str] = "pull-compared"
    text: ClassVar[str] = "everything the server has was compared with what was fetched before"

    count: int = 0


@dataclass(frozen=True, slots=True)
class PullGone(ChannelEvent):
    name: ClassVar[str] = "pull-gone"
    text: ClassVar[str] = "a resource that an event named is not there; nothing was changed"
