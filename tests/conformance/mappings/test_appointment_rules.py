"""Appointments that say little are valid R4: app-1 (participants), app-2 and app-3 (times)."""

from itertools import product
from typing import Any

import pytest

from engine.core.values import Mapped
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.validate import validate

KEY = b"key of the conformance tests"
PID = "PID|1||77^^^MRN^MR||QUILL^TESS"
LOCATION = "RGS|1\rAIL|1||W4^412"


@pytest.fixture(scope="module", params=["base", "vendor/athena", "vendor/ecw"])
def plan(request: pytest.FixtureRequest) -> Plan:
    chain = tuple(dict.fromkeys(["base", "us", str(request.param)]))
    return compile_plan(
        read_library(request.config.rootpath / "mappings"), SiteProfile("s", "UTC", chain, KEY)
    )


def said(plan: Plan, *segments: str, trigger: str = "S12") -> Mapped:
    head = f"MSH|^~\\&|A|B|C|D|||SIU^{trigger}|C1|P|2.5.1"
    return plan.map(parse("\r".join([head, *segments]).encode()), 0)


def appointment(mapped: Mapped) -> dict[str, Any]:
    (found,) = (one.body for one in mapped.contributions if one.type == "Appointment")
    assert validate(found) == []
    return found


def sch(start: str, end: str = "", minutes: str = "", status: str = "") -> str:
    fields = {1: "P1", 9: minutes, 11: f"^^^{start}^{end}", 25: status}
    return "SCH|" + "|".join(fields.get(n, "") for n in range(1, 26))


def test_nobody_takes_part_in_an_empty_schedule(plan: Plan) -> None:
    mapped = said(plan, "SCH")
    assert [one.type for one in mapped.contributions] == []
    assert ("broken-rule", "Appointment.participant") in {
        (note.code, note.where) for note in mapped.diagnostics
    }


def test_a_place_alone_takes_part(plan: Plan) -> None:
    found = appointment(said(plan, sch("202604010930", "202604011000"), LOCATION))
    assert [list(one["actor"]) for one in found["participant"]] == [["reference"]]
    assert found["status"] == "booked"


@pytest.mark.parametrize(
    ("trigger", "sent", "status"),
    [
        ("S12", "", "proposed"),
        ("S12", "Waitlist", "waitlist"),
        ("S12", "Complete", "proposed"),
        ("S15", "", "cancelled"),
        ("S17", "", "cancelled"),
        ("S26", "", "cancelled"),
    ],
)
def test_without_times_a_status_says_less(plan: Plan, trigger: str, sent: str, status: str) -> None:
    found = appointment(said(plan, sch("", "", "", sent), PID, trigger=trigger))
    assert found["status"] == status
    assert found.keys().isdisjoint({"start", "end"})


@pytest.mark.parametrize(
    ("start", "end", "minutes", "ends"),
    [
        ("202604010930", "202604011000", "", "2026-04-01T10:00:00+00:00"),
        ("202604010930", "", "20", "2026-04-01T09:50:00+00:00"),
        ("202604010930", "", "", "2026-04-01T09:30:00+00:00"),
        ("202604010930", "20260401", "x", "2026-04-01T09:30:00+00:00"),
        ("", "202604011000", "", None),
        ("20260401", "202604011000", "30", None),
    ],
)
def test_times_come_in_pairs(
    plan: Plan, start: str, end: str, minutes: str, ends: str | None
) -> None:
    found = appointment(said(plan, sch(start, end, minutes), PID))
    assert found.get("end") == ends


def test_every_trigger_with_every_bit_of_schedule_is_valid(plan: Plan) -> None:
    times = ("", "20260401", "202604010930", '""')
    triggers = ("S12", "S13", "S14", "S15", "S16", "S17", "S26")
    for trigger, start, end, minutes in product(triggers, times, times, ("", "30", "0")):
        appointment(said(plan, sch(start, end, minutes), PID, trigger=trigger))
