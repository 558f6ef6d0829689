"""DTM, TS, DT, TM, DR -> date, dateTime, instant, time, Period.

HL7 v2.9.1, 2A.3.21 (DTM); R4, datatypes.html#dateTime. Precision is kept. A time always gets an
offset: its own, else that of the site's zone at that moment, never the server's. Digits behind the
seconds are a fraction, also where their point is missing (`20260314101500123`). An hour that
happens twice is read as its first pass, one that never happens as if the clocks had not been moved;
both are reported.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from datetime import date as calendar_day
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from engine.mapping.datatypes.tools import MEMO, Convert, Flawed, Tools, memo
from engine.mapping.text import lead, part

_DTM = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.?(\d{1,9})\d*)?)?)?)?)?)?"
    r"(?:([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)
_TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(\.\d{1,9})?)?)?(?:[+-]\d{4})?", re.ASCII)
_DAY = 10  # characters of a day
_WHOLE_MINUTES = "1973"  # since this year clocks are changed at whole minutes only
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_SHIFT = timedelta(0)
_BAD = Flawed("bad-time", "not a date or time of the HL7 calendar")
BACKWARDS = Flawed("bad-period", "a period that ends before it begins; the end is left out")
_COARSE = Flawed("coarse-time", "an instant needs the time of day")
_TWICE = ("ambiguous-time", "an hour that happens twice; read as the first pass")
_NEVER = ("nonexistent-time", "an hour that the change of clocks leaves out")


def _moment(raw: str, zone: ZoneInfo) -> tuple[datetime, re.Match[str]] | None:
    """Read a DTM; the datetime is aware and filled up with the earliest moment it can mean."""
    match = _DTM.fullmatch(raw)
    if match is None:
        return None
    year, month, day, hour, minute, second, _, sign, east, south = match.groups()
    tz: ZoneInfo | timezone = zone
    if sign:
        shift = timedelta(hours=int(east), minutes=int(south))
        if shift >= timedelta(hours=15):
            return None
        tz = timezone(-shift if sign == "-" else shift)
    try:
        read = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=tz,
        )
    except ValueError:
        return None
    return read, match


def _clock_flaw(moment: datetime) -> tuple[str, str] | None:
    """Tell whether a local time happens twice or never (PEP 495)."""
    other = moment.replace(fold=1).utcoffset()
    own = moment.utcoffset()
    if own == other or own is None or other is None:
        return None
    return _TWICE if own > other else _NEVER


def _offset(moment: datetime) -> str:
    """Write an offset as +hh:mm; the odd seconds of local mean times are cut off."""
    shift = moment.utcoffset() or _NO_SHIFT
    seconds = shift.days * 86_400 + shift.seconds
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _dated(match: re.Match[str], length: int) -> str:
    return "-".join(item for item in match.groups()[:length] if item)


def microseconds(raw: str, zone: ZoneInfo) -> int | None:
    """Read a DTM as microseconds since 1970, None when it is none."""
    text = lead(raw)
    if _has_seconds(text):
        first_us = _microseconds(text[:12], zone)
        return None if first_us is None else first_us + int(text[12:]) * 1_000_000
    return _microseconds(text, zone)


@lru_cache(MEMO)
def _microseconds(text: str, zone: ZoneInfo) -> int | None:
    found = _moment(text, zone)
    if found is None:
        return None
    moment, match = found
    fraction = int((match.group(7) or "")[:6].ljust(6, "0"))
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + fraction


def stamp(time_us: int) -> str:
    """Write microseconds since 1970 as a DTM in UTC."""
    moment = _EPOCH + timedelta(microseconds=time_us)
    return f"{moment:%Y%m%d%H%M%S}.{time_us % 1_000_000:06d}+0000"


def _digits(text: str, count: int) -> bool:
    return len(text) == count and text.isascii() and text.isdigit()


def _has_seconds(text: str) -> bool:
    """Whether it is a time to the second whose offset is that of the whole minute."""
    return _digits(text, 14) and text[12:] < "60" and text[:4] >= _WHOLE_MINUTES


def _day(text: str) -> str:
    """Write eight digits as a day, the usual case; empty when they are none."""
    if not _digits(text, 8):
        return ""
    year, month, day = text[:4], text[4:6], text[6:]
    try:
        calendar_day(int(year), int(month), int(day))
    except ValueError:
        return ""
    return f"{year}-{month}-{day}"


def date(tools: Tools) -> Convert:
    """Year, month or day; a time of day is cut off."""

    @memo
    def unusual(text: str) -> Any:
        found = _moment(text, tools.zone)
        return _BAD if found is None else _dated(found[1], 3)

    def convert(raw: str) -> Any:
        text = lead(raw)
        return (_day(text) or unusual(text)) if text else None

    return convert


def date_time(tools: Tools) -> Convert:
    """As precise as sent; with a time of day always with offset."""

    @memo
    def unusual(text: str) -> Any:
        found = _moment(text, tools.zone)
        if found is None:
            return _BAD
        moment, match = found
        return _timed(moment, match) if match.group(4) else _dated(match, 3)

    def convert(raw: str) -> Any:
        text = lead(raw)
        if _has_seconds(text):
            first = unusual(text[:12])  # nearly all moments of a minute are alike
            if first.__class__ is str:
                return f"{first[:17]}{text[12:]}{first[19:]}"
        return (_day(text) or unusual(text)) if text else None

    return convert


def is_near(value: str) -> bool:
    """Whether a date or time that was made here is one for R4, which knows no zone beyond 14:00."""
    return len(value) <= _DAY or value[-5:] <= "14:00"


def _timed(moment: datetime, match: re.Match[str]) -> Any:
    fraction = f".{match.group(7)}" if match.group(7) else ""
    year, month, day, hour, minute, second = match.group(1, 2, 3, 4, 5, 6)
    clock = f"{year}-{month}-{day}T{hour}:{minute or '00'}:{second or '00'}"
    value = f"{clock}{fraction}{_offset(moment)}"
    flaw = None if match.group(8) else _clock_flaw(moment)
    return Flawed(*flaw, value) if flaw else value


def instant(tools: Tools) -> Convert:
    """A dateTime that has a time of day."""
    whole = date_time(tools)

    def convert(raw: str) -> Any:
        value = whole(raw)
        return _COARSE if isinstance(value, str) and len(value) < 19 else value

    return convert


def time(_: Tools) -> Convert:
    """Time of day; the offset is dropped, FHIR has none here."""

    def convert(raw: str) -> Any:
        text = lead(raw)
        if not text:
            return None
        match = _TIME.fullmatch(text if len(text) < 8 or not text.isdigit() else text[8:])
        if match is None:
            return _BAD
        hour, minute, second, fraction = match.groups()
        if int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
            return _BAD
        return f"{hour}:{minute or '00'}:{second or '00'}{fraction or ''}"

    return convert


def backwards(start: str, end: str) -> bool:
    """Whether a FHIR dateTime lies before another for certain: to the precision both have."""
    if len(start) > 10 and len(end) > 10:
        return datetime.fromisoformat(start) > datetime.fromisoformat(end)
    shared = min(len(start), len(end), 10)
    return start[:shared] > end[:shared]


def period(tools: Tools) -> Convert:
    """DR -> Period; a single moment is its start."""
    whole = date_time(tools)

    def convert(raw: str) -> Any:
        found: dict[str, Any] = {}
        flaw: Flawed | None = None
        for name, number in (("start", 1), ("end", 2)):
            value = whole(part(raw, number))
            if isinstance(value, Flawed):
                flaw, value = value, value.value
            if value is not None:
                found[name] = value
        if len(found) == 2 and backwards(found["start"], found["end"]):
            flaw = BACKWARDS
            del found["end"]
        result = found or None
        return Flawed(flaw.code, flaw.message, result) if flaw else result

    return convert


def fhir_microseconds(text: str, zone: ZoneInfo) -> int | None:
    """Read a FHIR dateTime with a time of day as microseconds since 1970, None when it is none."""
    try:
        moment = datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        return None
    if moment is None:
        return None
    elapsed = (moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
