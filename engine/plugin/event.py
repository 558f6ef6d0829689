"""What a channel reports besides its counts: named events with ids and codes, never content."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """Something an operator may have to act on. `code` is constant text in kebab-case."""

    name: ClassVar[str] = "channel-event"
    text: ClassVar[str] = "something happened on a channel"
    level: ClassVar[str] = "info"

    channel: str
    site: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class ChannelStarted(ChannelEvent):
    name: ClassVar[str] = "channel-started"
    text: ClassVar[str] = "the channel accepts connections"


@dataclass(frozen=True, slots=True)
class ChannelStopped(ChannelEvent):
    name: ClassVar[str] = "channel-stopped"
    text: ClassVar[str] = "the channel has closed its connections"


@dataclass(frozen=True, slots=True)
class DeliveryRefused(ChannelEvent):
    name: ClassVar[str] = "delivery-refused"
    text: ClassVar[str] = "a delivery was refused; the sender has been told"
    level: ClassVar[str] = "warning"


@dataclass(frozen=True, slots=True)
class PeerDropped(ChannelEvent):
    name: ClassVar[str] = "peer-dropped"
    text: ClassVar[str] = "a connection was closed from our side"
    level: ClassVar[str] = "warning"


@dataclass(frozen=True, slots=True)
class PartialDropped(ChannelEvent):
    name: ClassVar[str] = "partial-dropped"
    text: ClassVar[str] = "bytes that make no complete delivery were dropped, never acknowledged"
    level: ClassVar[str] = "warning"


@dataclass(frozen=True, slots=True)
class CertificateNoticed(ChannelEvent):
    name: ClassVar[str] = "certificate-noticed"
    text: ClassVar[str] = "the channel's certificate needs a person, or has been renewed"
    level: ClassVar[str] = "warning"


@dataclass(frozen=True, slots=True)
class BatchMiscounted(ChannelEvent):
    name: ClassVar[str] = "batch-miscounted"
    text: ClassVar[str] = "a batch holds another number of messages than it says; all were taken"
    level: ClassVar[str] = "warning"


@dataclass(frozen=True, slots=True)
class ChannelFailed(ChannelEvent):
    name: ClassVar[str] = "channel-failed"
    text: ClassVar[str] = "a part behind the channel failed; the sender was told to try again"
    level: ClassVar[str] = "error"
