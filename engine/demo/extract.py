"""Hilltop's nightly files: CSV extracts in the conventions of eClinicalWorks (eBO).

Dates as MM/DD/YYYY, words for codes, the suffix inside the family name, Windows-1252. What a row
says was changed a few seconds after the message that said the same, so that no two statements are
of one instant.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.demo.chart import Chart, Result
from engine.demo.delivery import Delivery, Extract, Fact
from engine.demo.ecw import SITE

_PATIENTS = (
    "Patient Acct No,Patient Last Name,Patient First Name,Patient MI,Patient DOB,Patient Gender,"
    "Address Line 1,City,State,Zip,Home Phone,Email,SSN,Patient Status,Modified On"
)
_RESULTS = (
    "Order No,Patient Acct No,Test Code,Test Name,Result,Units,Result Status,"
    "Collection Date,Reported Date"
)
_APPOINTMENTS = (
    "Appointment ID,Patient Acct No,Start Time,Duration,Provider Name,Facility Name,Visit Status,"
    "Modified On"
)
_MINUTE, _SECOND = "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p"
_LATER = timedelta(seconds=7)


@dataclass(frozen=True, slots=True)
class Changed:
    """A chart as it stands, and when it was changed last."""

    chart: Chart
    when: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """A laboratory result of a chart."""

    chart: Chart
    result: Result
    when: datetime


@dataclass(frozen=True, slots=True)
class Booked:
    """An appointment nobody sends a message about."""

    chart: Chart
    number: str
    start: datetime
    when: datetime


def patients(day: datetime, charts: Sequence[Changed], damaged: int = -1) -> Extract:
    """Write the snapshot of all charts; the row at `damaged` has a date as no contract allows."""
    cells = [_patient(one, damaged=place == damaged) for place, one in enumerate(charts)]
    facts = [(("Patient", one.chart.local_id),) for one in charts]
    return _file(f"patients_{day:%Y%m%d%H%M}.csv", _PATIENTS, cells, facts, damaged)


def results(day: datetime, reported: Sequence[Reported]) -> Extract:
    """Write one row for each value of each result."""
    cells, facts = [], list[tuple[Fact, ...]]()
    for one in reported:
        for code, name, value, unit in one.result.values:
            cells.append(_result(one, (code, name, value, unit)))
            key = f"{one.result.order} {code}^{name}"
            facts.append((("Patient", one.chart.local_id), ("Observation", key)))
    return _file(f"results_{day:%Y%m%d%H%M}.csv", _RESULTS, cells, facts)


def appointments(day: datetime, booked: Sequence[Booked]) -> Extract:
    """Write the visits to come."""
    cells = [_appointment(one) for one in booked]
    facts = [(("Patient", one.chart.local_id), ("Appointment", one.number)) for one in booked]
    return _file(f"appointments_{day:%Y%m%d%H%M}.csv", _APPOINTMENTS, cells, facts)


def _patient(one: Changed, *, damaged: bool) -> list[str]:
    known = one.chart.known
    family = f"{known.family} {known.suffix}" if known.suffix else known.family
    return [
        one.chart.local_id,
        family,
        known.given,
        known.middle,
        f"{known.born:%Y-%j}" if damaged else f"{known.born:%m/%d/%Y}",
        "Female" if known.sex == "F" else "Male",
        known.address.street,
        known.address.town,
        "WI",
        known.address.zip_code,
        known.phone,
        known.mail,
        known.ssn,
        "Active",
        f"{one.when + _LATER:{_SECOND}}",
    ]


def _result(one: Reported, value: tuple[str, str, str, str]) -> list[str]:
    code, name, number, unit = value
    collected = one.when - timedelta(hours=2)
    row = [one.result.order, one.chart.local_id, code, name, number, unit, one.result.status]
    return [*row, f"{collected:{_MINUTE}}", f"{one.when - timedelta(minutes=1):{_MINUTE}}"]


def _appointment(one: Booked) -> list[str]:
    row = [one.number, one.chart.local_id, f"{one.start:{_MINUTE}}", "20"]
    return [*row, "Vasquez-Lindt, Perpetua R", "HILLTOP MAIN", "CONF", f"{one.when:{_SECOND}}"]


def _file(
    name: str,
    header: str,
    cells: Sequence[Sequence[str]],
    facts: Sequence[tuple[Fact, ...]],
    damaged: int = -1,
) -> Extract:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header.split(","))
    writer.writerows(cells)
    rows = tuple(
        Delivery(SITE, f"{name}:{place + 2}", b"", said, place == damaged, "csv")
        for place, said in enumerate(facts)
    )
    return Extract(name, out.getvalue().encode("cp1252"), rows)
