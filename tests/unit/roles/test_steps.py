"""What counts as a clock that was set."""

import pytest

from engine.roles.steps import Steps

HOUR_US = 3_600_000_000


@pytest.mark.parametrize("step_us", [2 * HOUR_US, -2 * HOUR_US, 2_000_000])
def test_a_step_is_told_once_with_its_length(step_us: int) -> None:
    steps = Steps()
    assert steps.since(1_000 * HOUR_US, 500) == 0.0
    assert steps.since(1_000 * HOUR_US + 50_000 + step_us, 50_500) == step_us / 1e6
    assert steps.since(1_000 * HOUR_US + 100_000 + step_us, 100_500) == 0.0


def test_slewing_and_leap_seconds_are_none() -> None:
    steps = Steps()
    clock_us = 0
    for ticks_us in range(0, HOUR_US, 60_000_000):
        clock_us = ticks_us + ticks_us // 2_000  # 500 ppm fast
        assert steps.since(clock_us, ticks_us) == 0.0
    assert steps.since(clock_us - 1_000_000, HOUR_US - 60_000_000) == 0.0
