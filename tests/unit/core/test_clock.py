import time
from datetime import UTC, datetime, timedelta

import pytest

from engine.core.clock import SystemClock, instant


@pytest.mark.parametrize(
    ("time_us", "written"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_789_380_922_000_000, "2026-09-14T10:15:22.000Z"),
        (1_789_380_922_999_999, "2026-09-14T10:15:22.999Z"),  # cut, not rounded into the future
        (1_709_164_800_000_000, "2024-02-29T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00.000Z"),  # four digits, always
    ],
)
def test_an_instant_is_utc_with_milliseconds(time_us: int, written: str) -> None:
    assert instant(time_us) == written


def test_the_system_clock_counts_microseconds_and_does_not_stand_still() -> None:
    clock = SystemClock()
    first = clock.now_us()
    host = datetime.fromtimestamp(time.time_ns() / 1e9, UTC)
    assert abs(datetime.fromtimestamp(first / 1e6, UTC) - host) < timedelta(seconds=5)
    assert any(clock.now_us() > first for _ in range(100_000))
