"""Types of cells: the normal form of what fits, a code for what does not."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.formats.delimited.cell import CellError, cell, time_in


@pytest.mark.parametrize(
    ("kind", "argument", "text", "found"),
    [
        ("date", "%m/%d/%Y", "3/9/1958", "19580309"),
        ("date", "%Y-%m-%d", "2024-02-29", "20240229"),
        ("datetime", "%m/%d/%Y %I:%M:%S %p", "09/14/2026 12:05:00 AM", "20260914000500"),
        ("datetime", "%m/%d/%Y %I:%M:%S %p", "09/14/2026 1:05:00 pm", "20260914130500"),
        ("digits", "9", "666-12-0309", "666120309"),
        ("decimal", "", "-0.50", "-0.50"),
        ("id", "", "007", "007"),
        ("zip", "", "53099-4410", "53099-4410"),
        ("phone", "", "(608) 555-0119", "(608) 555-0119"),
        ("email", "", "l.tran@mail.example", "l.tran@mail.example"),
    ],
)
def test_what_fits_is_normal(kind: str, argument: str, text: str, found: str) -> None:
    assert cell(kind, argument)(text) == found


@pytest.mark.parametrize(
    ("kind", "argument", "text", "code"),
    [
        ("date", "%m/%d/%Y", "02/29/2023", "bad-date"),
        ("date", "%m/%d/%Y", "44179", "bad-date"),
        ("datetime", "%m/%d/%Y %I:%M %p", "01/02/2020 13:05 PM", "bad-date"),
        ("digits", "9", "12345678", "bad-digits"),
        ("digits", "9", "6.66E+08", "excel-number"),
        ("decimal", "", "1,5", "bad-number"),
        ("decimal", "", "1E+05", "excel-number"),
        ("integer", "", "1.0", "bad-number"),
        ("id", "", "1E+05", "excel-number"),
        ("zip", "", "3777", "bad-zip"),
        ("phone", "", "555", "bad-phone"),
        ("phone", "", "--------", "bad-phone"),
        ("email", "", "nobody", "bad-email"),
    ],
)
def test_what_does_not_fit_is_never_guessed(kind: str, argument: str, text: str, code: str) -> None:
    with pytest.raises(CellError) as caught:
        cell(kind, argument)(text)
    assert caught.value.code == code
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "argument"),
    [
        ("date", ""),
        ("date", "%m/%d/%y"),
        ("date", "%m/%Y"),
        ("date", "%Y%m%d%d"),
        ("datetime", "%Y-%m-%d %I:%M"),
        ("str", "x"),
        ("colour", ""),
        ("digits", "many"),
    ],
)
def test_a_type_that_would_need_a_guess_is_none(kind: str, argument: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        cell(kind, argument)


def test_a_file_name_tells_when_it_was_extracted() -> None:
    zone = ZoneInfo("America/Denver")
    found = time_in("patients_20260915.csv", "%Y%m%d", zone)
    assert found == datetime(2026, 9, 15, tzinfo=zone)
    found = time_in("p-2026-09-15-0630.csv", "%Y-%m-%d-%H%M", zone)
    assert found == datetime(2026, 9, 15, 6, 30, tzinfo=zone)
    for name in ("patients_20261315.csv", "patients_120260915.csv", "patients.csv"):
        assert time_in(name, "%Y%m%d", zone) is None
