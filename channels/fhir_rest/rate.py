"""How often a client may ask: a bucket of tokens that fills evenly, two seconds' worth deep."""

_DEPTH_S = 2.0


class Rate:
    """For one thread. Time is given, in microseconds."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s * _DEPTH_S)
        self._tokens = self._most
        self._last_us = 0

    def allows(self, now_us: int) -> bool:
        """Take a token, if there is one. A clock that jumps back fills nothing."""
        passed_s = max(0, now_us - self._last_us) / 1e6
        self._last_us = now_us
        self._tokens = min(self._most, self._tokens + passed_s * self._per_s)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
