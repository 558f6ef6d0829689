"""FHIR dates and times as half-open ranges of microseconds in UTC.

A partial date means all of the time it names (R4, search.html#date): `2024-02` is February. A time
without a zone is read as UTC.
"""

import calendar
import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

Range = tuple[int, int]
"""First microsecond, and the first one after."""

EARLIEST, LATEST = -(1 << 62), 1 << 62
MISSING: Range = (-(1 << 63), -(1 << 63))
"""Of a resource that has no value for a date parameter; it sorts first."""

_FORM = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_DAY_US = 86_400_000_000


@lru_cache(maxsize=1024)
def range_of(text: str) -> Range | None:
    """Return the time a FHIR date, dateTime or instant names, or None if it is none.

    The results of one report have one time, so the last ones are remembered.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    try:
        return _ranged(*found.groups())
    except (ValueError, OverflowError):
        return None


def _ranged(*parts: str | None) -> Range:
    year, month, day, hour, minute, second, fraction, zone = parts
    start = datetime(int(year or 0), int(month or 1), int(day or 1), tzinfo=_zone(zone))
    if hour is None:
        return _us(start), _us(start) + _days(start, month, day) * _DAY_US
    leap = second == "60"  # FHIR allows a leap second
    start += timedelta(hours=int(hour), minutes=int(minute or 0), seconds=int(second or 0))
    if int(hour) > 23 or int(minute or 0) > 59 or (int(second or 0) > 59 and not leap):
        raise ValueError
    if second is None:
        return _us(start), _us(start) + 60_000_000
    if fraction is None:
        return _us(start), _us(start) + 1_000_000
    digits = fraction[:6]
    low = _us(start) + int(digits.ljust(6, "0"))
    return low, low + 10 ** (6 - len(digits))


def _days(start: datetime, month: str | None, day: str | None) -> int:
    """How long the period named is; never a date, for `9999-12-31` is a common "for ever"."""
    if day is not None:
        return 1
    if month is not None:
        return calendar.monthrange(start.year, start.month)[1]
    return 366 if calendar.isleap(start.year) else 365


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // _TICK
