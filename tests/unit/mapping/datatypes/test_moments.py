"""Times: precision, zones, the two odd hours of a year."""

from zoneinfo import ZoneInfo

import pytest

from engine.mapping.datatypes import moments
from engine.mapping.datatypes.tools import Flawed, Tools

CHICAGO = Tools("mercy", ZoneInfo("America/Chicago"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026", "2026"),
        ("202603", "2026-03"),
        ("20260314", "2026-03-14"),
        ("202603141015", "2026-03-14T10:15:00-05:00"),
        ("20260114101530", "2026-01-14T10:15:30-06:00"),
        ("20260114101530.123", "2026-01-14T10:15:30.123-06:00"),
        ("20260114101530123", "2026-01-14T10:15:30.123-06:00"),  # as Java writes it
        ("2026011410153000000", "2026-01-14T10:15:30.00000-06:00"),
        ("20260114101530+0530", "2026-01-14T10:15:30+05:30"),
        ("2026011410", "2026-01-14T10:00:00-06:00"),
        ("20260114101530^S", "2026-01-14T10:15:30-06:00"),
        ("19010101", "1901-01-01"),
    ],
)
def test_date_time_keeps_precision_and_takes_the_sites_zone(raw: str, expected: str) -> None:
    assert moments.date_time(CHICAGO)(raw) == expected


@pytest.mark.parametrize("raw", ["20260231", "20261301", "2026-03-14", "noon", "2026031425", "0"])
def test_what_the_calendar_does_not_have_is_left_out(raw: str) -> None:
    found = moments.date_time(CHICAGO)(raw)
    assert isinstance(found, Flawed)
    assert (found.code, found.value) == ("bad-time", None)


def test_hour_that_happens_twice_is_the_first_pass() -> None:
    found = moments.date_time(CHICAGO)("20261101013000")
    assert isinstance(found, Flawed)
    assert (found.code, found.value) == ("ambiguous-time", "2026-11-01T01:30:00-05:00")
    assert moments.date_time(CHICAGO)("20261101013000-0600") == "2026-11-01T01:30:00-06:00"


def test_hour_that_never_happens_is_kept_and_reported() -> None:
    found = moments.date_time(CHICAGO)("20260308023000")
    assert isinstance(found, Flawed)
    assert (found.code, found.value) == ("nonexistent-time", "2026-03-08T02:30:00-06:00")


def test_date_cuts_the_time_off() -> None:
    assert moments.date(CHICAGO)("19800112093000-0800") == "1980-01-12"


def test_instant_needs_a_time_of_day() -> None:
    assert moments.instant(CHICAGO)("202603141015") == "2026-03-14T10:15:00-05:00"
    coarse = moments.instant(CHICAGO)("20260314")
    assert isinstance(coarse, Flawed)
    assert coarse.code == "coarse-time"


@pytest.mark.parametrize(("raw", "expected"), [("0930", "09:30:00"), ("093015.5", "09:30:15.5")])
def test_time_of_day(raw: str, expected: str) -> None:
    assert moments.time(CHICAGO)(raw) == expected
    assert isinstance(moments.time(CHICAGO)("2575"), Flawed)


def test_period_and_one_that_runs_backwards() -> None:
    convert = moments.period(CHICAGO)
    assert convert("20260101^20260201") == {"start": "2026-01-01", "end": "2026-02-01"}
    assert convert("20260101") == {"start": "2026-01-01"}
    found = convert("20260201^20260101")
    assert isinstance(found, Flawed)
    assert (found.code, found.value) == ("bad-period", {"start": "2026-02-01"})


def test_microseconds_and_back() -> None:
    time_us = moments.microseconds("20260314101500.25-0500", CHICAGO.zone)
    assert time_us == 1773501300_250_000
    assert moments.microseconds(moments.stamp(time_us), ZoneInfo("UTC")) == time_us
    assert moments.microseconds("soon", CHICAGO.zone) is None
