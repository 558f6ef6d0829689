"""Notices that the host's clock was set, by comparing it with the clock that never is.

A clock that is corrected gently (adjtime(3), at most 500 ppm) is none of its business. It does not
know why: somebody set it, a time server was wrong, or the host was suspended.
"""

_LEAST_US = 2_000_000
"""Smaller differences are slewing, leap seconds and reading two clocks one after the other."""


class Steps:
    """For one thread. Times are given, in microseconds."""

    def __init__(self) -> None:
        self._apart_us: int | None = None

    def since(self, clock_us: int, ticks_us: int) -> float:
        """Return by how many seconds the clock was set since the last look; 0.0 when it was not."""
        apart_us = clock_us - ticks_us
        before_us = apart_us if self._apart_us is None else self._apart_us
        self._apart_us = apart_us
        step_us = apart_us - before_us
        return step_us / 1e6 if abs(step_us) >= _LEAST_US else 0.0
