"""How often we ask, and how long we wait when we are told to. Pure: time and chance are given.

Some servers count by the second, some by the minute of the clock, and block whoever asks too often
until the next one begins, without saying so. So we count as they do.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
_FIRST_S, _LONGEST_S = 1.0, 300.0


class Quota:
    """What may still be asked. For one thread."""

    def __init__(self, per_s: float, per_minute: int) -> None:
        self._gap_us = int(SECOND_US / per_s)
        self._per_minute = per_minute
        self._free_us = 0  # when the next request may leave
        self._minute = 0
        self._used = 0

    def wait_us(self, now_us: int) -> int:
        """Take a request if it may leave now (0), else say how long to wait before asking again."""
        minute = now_us // MINUTE_US
        if minute != self._minute:
            self._minute, self._used = minute, 0
        if self._per_minute and self._used >= self._per_minute:
            return (minute + 1) * MINUTE_US - now_us
        ahead_us = self._free_us - now_us
        if 0 < ahead_us <= self._gap_us:  # more: the clock was set back
            return ahead_us
        self._free_us = now_us + self._gap_us
        self._used += 1
        return 0

    def exhaust(self, now_us: int) -> None:
        """Note that the server says the minute is used up."""
        self._minute, self._used = now_us // MINUTE_US, max(self._per_minute, self._used)


def backoff_s(failures: int, chance: Callable[[], float]) -> float:
    """Return how long to wait after so many failures in a row: doubled each time, half by chance.

    `chance` gives a number from 0 to 1.
    """
    whole = min(_LONGEST_S, _FIRST_S * 2.0 ** min(failures - 1, 20))
    return whole / 2 + whole / 2 * chance()


def retry_after_s(headers: Mapping[str, str], now_us: int) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3), in seconds or as a date; None when there is none."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now_us / SECOND_US)


def date_us(headers: Mapping[str, str]) -> int | None:
    """Read the server's own time (Date); None when it does not say."""
    try:
        moment: datetime = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return int(moment.timestamp()) * SECOND_US if moment.tzinfo else None
