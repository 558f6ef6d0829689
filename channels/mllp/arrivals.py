"""What has arrived on one connection, and since when: frames, and the deadlines of a frame.

Times are seconds of the loop's clock, handed in by the caller.
"""

from typing import Protocol

from channels.mllp.framing import Framer, Item


class Limits(Protocol):
    """What it needs of the channel's settings; `channels.mllp.settings` says what each means."""

    @property
    def max_frame_bytes(self) -> int: ...

    @property
    def frame_deadline_s(self) -> float: ...

    @property
    def end_grace_s(self) -> float: ...

    @property
    def idle_timeout_s(self) -> float: ...


class Arrivals:
    """The framer of one connection with its clock."""

    __slots__ = ("_began", "_framer", "_heard", "_limits")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._framer = Framer(limits.max_frame_bytes)
        self._began = self._heard = now  # the unfinished frame's first byte, and the last byte

    @property
    def pending(self) -> bool:
        """Whether something has begun and not ended."""
        return self._framer.pending

    @property
    def held_bytes(self) -> int:
        return self._framer.held_bytes

    def feed(self, data: bytes, now: float) -> list[Item]:
        """Take bytes; return what they complete."""
        waiting = self._framer.pending
        self._heard = now
        items = self._framer.feed(data)
        if items or not waiting:
            self._began = now
        return items

    def close(self) -> list[Item]:
        return self._framer.close()

    def excuse(self, now: float) -> None:
        """Begin to count anew: it is we who make the sender wait."""
        self._began = self._heard = now

    def is_late(self, now: float) -> bool:
        """Tell whether the unfinished frame has taken longer than it may."""
        return self._framer.pending and now - self._began > self._limits.frame_deadline_s

    def settle(self, now: float) -> list[Item]:
        """End a frame that lacks its last byte, once the sender has been silent for a moment."""
        silent = now - self._heard > self._limits.end_grace_s
        return self._framer.settle() if silent else []

    def is_idle(self, now: float) -> bool:
        idle_s = self._limits.idle_timeout_s
        return bool(idle_s) and not self._framer.pending and now - self._heard > idle_s
