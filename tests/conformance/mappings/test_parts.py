"""A message that says less of an element takes nothing else away (HL7 V2.9.1, 2.4.3.1 and 2.9.5).

Messages under the real mappings, through the registers of the store, in every order of arrival.
"""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.core.values import Mapped
from engine.formats.delimited.delivery import RowDelivery
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.validate import validate
from engine.store import registers, stamps
from engine.store.registers import State

MAPPINGS = Path(__file__).parents[3] / "mappings"
MRN, EPI = "M77^^^MERCY^MRN", "E88^^^EPI^EPI"
SSN_SYSTEM = "http://hl7.org/fhir/sid/us-ssn"
Last = Callable[..., dict[str, Any]]


def plan_of(site: str, vendor: str) -> Plan:
    chain = ("base", "us", f"vendor/{vendor}", f"site/{site}")
    return compile_plan(read_library(MAPPINGS), SiteProfile(site, "America/Chicago", chain, b"k"))


@pytest.fixture(scope="module")
def mercy() -> Plan:
    return plan_of("mercy", "epic")


@pytest.fixture(scope="module")
def hilltop() -> Plan:
    return plan_of("hilltop", "ecw")


def said(plan: Plan, minute: int, pid: dict[int, str], pv1: dict[int, str], kind: str) -> Mapped:
    """Map a message of a minute past noon."""
    at = f"2026100512{minute:02}00"
    text = "\r".join(
        [
            f"MSH|^~\\&|EPIC|MERCY|CONCORD|NORTH|{at}||ADT^{kind}|{minute}|P|2.5.1",
            f"EVN||{at}",
            segment("PID", {3: f"{MRN}~{EPI}", **pid}),
            segment("PV1", {2: "I", 19: "V1", **pv1}),
        ]
    )
    return plan.map(parse(text.encode()), 0)


def segment(name: str, fields: dict[int, str]) -> str:
    return "|".join([name, *(fields.get(n, "") for n in range(1, max(fields) + 1))])


def message(plan: Plan, pid: dict[int, str], pv1: dict[int, str] | None = None) -> tuple[Any, ...]:
    return plan, pid, pv1 or {}


def stored(kind: str, told: list[Mapped]) -> dict[str, Any]:
    """Lay what was told about one resource over each other, as the store does after each."""
    state: State | None = None
    ident = ""
    for mapped in told:
        for one in (c for c in mapped.contributions if c.type == kind):
            at = one.said_us or mapped.source_us
            state = registers.merge(state, one, at, int(at / 1e6))
            ident = one.id
            body = registers.body_of(state, kind, ident)
            state = stamps.from_text(stamps.to_text(state), kind, body)
    assert state is not None
    return registers.body_of(state, kind, ident)


def last(kind: str, *messages: tuple[Any, ...]) -> dict[str, Any]:
    """Return what holds after messages a minute apart; the same in whatever order they came."""
    told = [
        said(plan, minute, pid, {k: v for k, v in pv1.items() if k}, pv1.get(0, "A08"))
        for minute, (plan, pid, pv1) in enumerate(messages, 1)
    ]
    ways = [stored(kind, list(way)) for way in itertools.permutations(told)]
    assert all(way == ways[0] for way in ways)
    assert validate(ways[0]) == []
    return ways[0]


def numbers(body: dict[str, Any]) -> list[str]:
    return [item["value"] for item in body["identifier"]]


def test_a_blank_number_takes_no_number(mercy: Plan) -> None:
    first = message(mercy, {19: "666-12-3456"})
    assert numbers(last("Patient", first, message(mercy, {}))) == ["M77", "E88", "666123456"]


def test_an_emptied_number_takes_itself(mercy: Plan) -> None:
    first = message(mercy, {19: "666-12-3456"})
    assert numbers(last("Patient", first, message(mercy, {19: '""'}))) == ["M77", "E88"]


def test_a_repeating_field_is_a_snapshot(mercy: Plan) -> None:
    first = message(mercy, {19: "666-12-3456"})
    found = last("Patient", first, message(mercy, {3: EPI}), message(mercy, {}))
    assert numbers(found) == ["M77", "E88", "666123456"]
    assert numbers(last("Patient", first, message(mercy, {3: EPI}))) == ["E88", "666123456"]


def test_phones_of_home_and_work_come_and_go_by_themselves(mercy: Plan) -> None:
    both = message(mercy, {13: "^PRN^PH^^^608^5550121", 14: "^WPN^PH^^^608^5550122"})
    home = message(mercy, {13: "^PRN^PH^^^608^5550199"})
    found = last("Patient", both, home)["telecom"]
    assert [(phone["use"], phone["value"][-4:]) for phone in found] == [
        ("home", "0199"),
        ("work", "0122"),
    ]
    assert [p["use"] for p in last("Patient", both, message(mercy, {13: '""'}))["telecom"]] == [
        "work"
    ]


def test_a_blank_address_leaves_the_address(mercy: Plan) -> None:
    first = message(mercy, {11: "1 HERON RD^^MARLOW BAY^WI^53902"})
    assert last("Patient", first, message(mercy, {}))["address"][0]["city"] == "MARLOW BAY"


def test_names_in_two_fields_stay_apart(mercy: Plan) -> None:
    first = message(mercy, {5: "QUIST^ROZ", 9: "ABERNATHY^ROZ"})
    found = last("Patient", first, message(mercy, {5: "QUIST-LUND^ROZ"}))["name"]
    assert [name["family"] for name in found] == ["QUIST-LUND", "ABERNATHY"]


def test_a_discharge_without_admission_time_keeps_the_start(mercy: Plan) -> None:
    admitted = message(mercy, {}, {0: "A01", 14: "7", 44: "202610050800"})
    discharged = message(mercy, {}, {0: "A03", 36: "01", 45: "202610051100"})
    visit = last("Encounter", admitted, discharged)
    assert visit["period"] == {
        "start": "2026-10-05T08:00:00-05:00",
        "end": "2026-10-05T11:00:00-05:00",
    }
    assert set(visit["hospitalization"]) == {"admitSource", "dischargeDisposition"}
    reopened = message(mercy, {}, {0: "A13", 45: '""'})
    assert set(last("Encounter", admitted, discharged, reopened)["period"]) == {"start"}


def test_a_corrected_admission_after_the_discharge_hides_the_end(mercy: Plan) -> None:
    told = [
        message(mercy, {}, {0: "A01", 44: "202610050800"}),
        message(mercy, {}, {0: "A03", 45: "202610051100"}),
        message(mercy, {}, {44: "202610051130"}),
    ]
    assert set(last("Encounter", *told)["period"]) == {"start"}
    mended = message(mercy, {}, {44: "202610050900"})
    assert set(last("Encounter", *told, mended)["period"]) == {"start", "end"}


def row(plan: Plan, minute: int, **cells: str) -> Mapped:
    """Map a row of the patients extract, extracted at a minute past noon."""
    columns = {
        "Patient Acct No": "30911",
        "Patient Last Name": "Oduya",
        "Patient First Name": "Festus",
        "Patient DOB": "02/14/1976",
        "Patient Gender": "Male",
        "Address Line 1": "",
        "City": "",
        "State": "",
        "Zip": "",
        "Home Phone": "",
        "Cell Phone": "",
        **cells,
    }
    at = 1_791_219_600_000_000 + minute * 60_000_000
    return plan.map_row(RowDelivery("patients", "ab" * 32, minute, at, columns), 0)


def test_rows_and_messages_of_one_patient_complete_each_other(hilltop: Plan) -> None:
    pid = {3: "", 2: "30911", 4: "HT-30911", 5: "Oduya^Festus", 19: "666123456"}
    told = [
        said(hilltop, 1, {**pid, 9: "Adeyemi^Festus", 13: "608-555-0101"}, {}, "A08"),
        row(hilltop, 2, **{"Home Phone": "608-555-0102", "Cell Phone": "608-555-0103"}),
        said(hilltop, 3, {**pid, 19: ""}, {}, "A08"),
    ]
    ways = [stored("Patient", list(way)) for way in itertools.permutations(told)]
    assert all(way == ways[0] for way in ways)
    assert numbers(ways[0]) == ["30911", "HT-30911", "666123456"]
    assert [name["family"] for name in ways[0]["name"]] == ["Oduya", "Adeyemi"]
    assert sorted(phone["use"] for phone in ways[0]["telecom"]) == ["home", "mobile"]
    assert "0102" in next(p["value"] for p in ways[0]["telecom"] if p["use"] == "home")


def sent(plan: Plan, minute: int) -> Mapped:
    """Map a Patient sent by FHIR at a minute past noon."""
    core = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
    patient = {
        "resourceType": "Patient",
        "id": "a-888120.E-700388",
        "meta": {"lastUpdated": f"2026-10-05T12:{minute:02}:00-05:00"},
        "extension": [{"url": core, "valueCode": "F"}],
        "identifier": [
            {"system": "https://fhir.athena.io/sid/ah-patient", "value": "a-888120.E-700388"}
        ],
        "name": [{"use": "official", "family": "Whitfield", "given": ["Maggie"]}],
        "telecom": [
            {"system": "phone", "value": "6085550142", "use": "home"},
            {"system": "phone", "value": "6085550144", "use": "work"},
        ],
    }
    return plan.map_resource(patient, 0)


def test_resources_and_messages_of_one_patient_complete_each_other() -> None:
    plan = plan_of("lakeside", "athena")
    pid = {3: "", 4: "700388", 5: "WHITFIELD-LUND^MAGGIE", 9: "MAGS", 17: "LUT", 19: "666120309"}
    told = [
        said(plan, 1, pid, {}, "A08"),
        sent(plan, 2),
        said(plan, 3, {**pid, 9: "", 13: "(608)555-0199^PRN^PH", 17: "", 19: ""}, {}, "A08"),
    ]
    ways = [stored("Patient", list(way)) for way in itertools.permutations(told)]
    assert all(way == ways[0] for way in ways)
    assert "666120309" in numbers(ways[0])
    assert [n["family"] for n in ways[0]["name"] if "family" in n] == ["WHITFIELD-LUND"]
    phones = [(phone["use"], phone["value"][-4:]) for phone in ways[0]["telecom"]]
    assert phones == [("home", "0199"), ("work", "0144")]
    urls = {item["url"].rpartition("/")[2] for item in ways[0]["extension"]}
    assert urls == {"us-core-birthsex", "patient-religion"}
