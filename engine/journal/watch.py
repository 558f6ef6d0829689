"""Which processes have shown no sign of life for too long, by the clock of who looks.

Clocks of two hosts may be hours apart, and one may be set while a lease runs. So no times are
compared: an owner changes its beat whenever it looks, and whoever sees the same beat for a lease's
length of its own monotonic clock takes it for dead. That is a judgement, not a proof: fences keep
it harmless when it is wrong (`engine.journal.offsets`).

Rule: time counts only while one can look. When a database was away for a minute nobody could show
that it lives, and nobody is dead for that.
"""

from collections.abc import Callable, Iterable


class Watch:
    """What one process has seen of the others; for one thread."""

    def __init__(self, lease_us: int, ticks_us: Callable[[], int]) -> None:
        """Take an owner for dead after `lease_us` of `ticks_us`, a clock that is never set."""
        self._lease_us = lease_us
        self._ticks_us = ticks_us
        self._looked_us: int | None = None
        self._seen: dict[str, tuple[int, int]] = {}  # owner -> its beat, since when it is that

    def beat(self) -> int:
        """Return what to leave as our own sign of life: another number each time."""
        return self._ticks_us()

    def silent(self, beats: Iterable[tuple[str, int]]) -> list[str]:
        """Take note of the owners and their beats; returns those that are taken for dead."""
        now_us = self._ticks_us()
        blind_us = self._blind_us(now_us)
        fresh: dict[str, tuple[int, int]] = {}
        for owner, beat in beats:
            last, since_us = self._seen.get(owner, (None, now_us))
            fresh[owner] = (beat, since_us + blind_us if last == beat else now_us)
        self._seen = fresh
        self._looked_us = now_us
        return [one for one, (_, since) in fresh.items() if now_us - since >= self._lease_us]

    def _blind_us(self, now_us: int) -> int:
        """Return how much of the time since the last look does not count."""
        gap_us = now_us - self._looked_us if self._looked_us is not None else 0
        return max(0, gap_us - self._lease_us // 2)
