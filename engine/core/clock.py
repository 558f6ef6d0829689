"""Time as an argument: the only module that asks the operating system what time it is."""

import time
from datetime import UTC, datetime
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where the present comes from."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01T00:00Z."""
        ...


class SystemClock:
    """The host's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000


def ticks_us() -> int:
    """Microseconds of a clock that is never set, from a start that means nothing."""
    return time.monotonic_ns() // 1000


def instant(time_us: int) -> str:
    """Write a time as a FHIR instant in UTC with milliseconds, e.g. `2026-09-14T10:15:22.000Z`."""
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    return f"{moment.isoformat()[:19]}.{time_us // 1000 % 1000:03d}Z"
