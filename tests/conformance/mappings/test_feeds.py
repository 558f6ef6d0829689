"""The extracts of the samples: every row maps to valid R4, and agrees with what messages say."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.core.values import Mapped
from engine.formats.delimited.decode import EncodingChoice
from engine.formats.delimited.delivery import RowDelivery
from engine.formats.delimited.table import Table
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.validate import validate

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "samples" / "files").rglob("*.csv"))
SITES = {
    "hilltop": ("ecw", "America/Denver"),
    "glenhaven": ("oracle", "America/Los_Angeles"),
    "riverbend": ("nextgen", "America/Phoenix"),
}
KEY = b"key of the conformance tests"  # that of the messages
US = 1_790_000_000_000_000
Say = Callable[[Path, str], Any]
Rows = dict[str, Mapped]


@cache
def plan_of(site: str) -> Plan:
    vendor, zone = SITES[site]
    profile = SiteProfile(site, zone, ("base", "us", f"vendor/{vendor}", f"site/{site}"), KEY)
    return compile_plan(read_library(ROOT / "mappings"), profile)


def rows_of(path: Path) -> Rows:
    """Read a file as the channel does; rows by their first cell, which is their key."""
    plan = plan_of(path.parent.name)
    contract = next(one for one in plan.contracts if one.takes(path.name))
    choice = EncodingChoice(contract.dialect.encodings)
    choice.feed(path.read_bytes())
    text = io.StringIO(path.read_bytes().decode(choice.chosen()), newline="")
    table = Table(text.readline, contract)
    found = {}
    for row in table:
        assert row.code == ""
        columns = dict(zip(table.header, row.cells, strict=True))
        delivery = RowDelivery(contract.feed, "ab" * 32, row.number, US, columns)
        found[f"{row.cells[0]} {row.cells[2]}"] = plan.map_row(delivery, US)
    return found


@pytest.fixture(scope="module")
def rows() -> Callable[[str], Rows]:
    def of(feed: str) -> Rows:
        (path,) = (ROOT / "samples/files/hilltop").glob(f"{feed}*")
        return rows_of(path)

    return of


def body(mapped: Mapped, kind: str) -> dict[str, Any]:
    return next(given.body for given in mapped.contributions if given.type == kind)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_row_is_sound(path: Path) -> None:
    for mapped in rows_of(path).values():
        issues = [(one.type, issue) for one in mapped.contributions for issue in validate(one.body)]
        assert not issues
        assert mapped.contributions
        assert mapped.source_us != 0


def test_the_patient_of_a_row_is_the_patient_of_messages(
    rows: Callable[[str], Rows], say: Say, samples: Path
) -> None:
    (told,) = [p for p in (samples / "messages/hilltop").iterdir() if p.name.startswith("12-")]
    patient = body(rows("patients")["30611 Bartholomew"], "Patient")
    assert patient["id"] == say(told, "site/hilltop").one("Patient")["id"]
    assert patient["name"][0]["suffix"] == ["Jr"]
    assert patient["identifier"][0]["system"] == "https://hilltop.example/id/account"


def test_an_appointment_told_twice_is_one(
    rows: Callable[[str], Rows], say: Say, samples: Path
) -> None:
    (told,) = [p for p in (samples / "messages/hilltop").iterdir() if p.name.startswith("12-")]
    message = say(told, "site/hilltop").one("Appointment")
    row = body(rows("appointments")["66120 10/16/2026 09:15 AM"], "Appointment")
    same = ("id", "start", "end", "minutesDuration")
    assert [row[name] for name in same] == [message[name] for name in same]
    assert (row["status"], message["status"]) == ("booked", "booked")


def test_a_cancelled_appointment_needs_no_time(rows: Callable[[str], Rows]) -> None:
    found = body(rows("appointments")["66140 "], "Appointment")
    assert (found["status"], "start" in found, "end" in found) == ("cancelled", False, False)


def test_a_result_told_twice_is_one(rows: Callable[[str], Rows], say: Say, samples: Path) -> None:
    (told,) = [p for p in (samples / "messages/hilltop").iterdir() if p.name.startswith("05-")]
    said = say(told, "site/hilltop")
    for code in ("CHOL", "TRIG", "HDLC"):
        message = said.coded("Observation", code)
        assert body(rows("results")[f"8802 {code}"], "Observation")["id"] == message["id"]
    row, message = (
        body(rows("results")["8802 CHOL"], "Observation"),
        said.coded("Observation", "CHOL"),
    )
    assert row["valueQuantity"] == message["valueQuantity"]
    assert {one["code"] for one in row["code"]["coding"]} == {"CHOL", "2093-3"}
    assert body(rows("results")["8802 HDLC"], "Observation")["valueQuantity"]["comparator"] == ">"


def test_a_cancelled_result_has_no_value(rows: Callable[[str], Rows]) -> None:
    found = body(rows("results")["8815 HBA1C"], "Observation")
    assert not [name for name in found if name.startswith("value")]
    assert found["dataAbsentReason"]["text"] == "hemolyzed"


def test_problems_are_active_resolved_or_an_error(rows: Callable[[str], Rows]) -> None:
    found = [body(mapped, "Condition") for mapped in rows("problems").values()]
    states = [
        one["clinicalStatus"]["coding"][0]["code"] if "clinicalStatus" in one else ""
        for one in found
    ]
    assert states == ["active", "resolved", "inactive", ""]
    assert found[1]["abatementDateTime"] == "2025-12-10"
    assert found[2]["code"] == {"text": "Old knee injury"}
    assert found[3]["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
