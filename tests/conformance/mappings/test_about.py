"""The resources about a message that a bundle has: who sent it, who keyed it in, who gets it."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.formats.hl7v2.parse import parse
from engine.mapping.plan import Plan

PID = "PID|1||7001^^^MERCY^MR||Quill^Tess||19800401|F"
ORC = "ORC|NW|P77^EHR|||||||20261001080000|51^Moss^Ada|52^Hale^Bo|1234^Vance^Iris"
ORC += "|||||ED^Emergency^L|PC9"
OBR = "OBR|1|P77^EHR||2823-3^Potassium^LN"
Bundled = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def bundled(plan_of: Callable[[str], Plan]) -> Bundled:
    """Map one message to a bundle; return its resources, whose references all resolve."""

    def of(
        kind: str, *segments: str, sender: str = "EPIC|MERCY", to: str = "HUB", more: str = ""
    ) -> list[dict[str, Any]]:
        header = f"MSH|^~\\&|{sender}|{to}|NORTH|20261001090000||{kind}|77|P|2.5.1{more}"
        message = parse("\r".join((header, *segments)).encode())
        found = plan_of("site/mercy").bundle([message], 0)["entry"]
        return [entry["resource"] for entry in found]

    return of


def get(found: list[dict[str, Any]], reference: dict[str, str]) -> dict[str, Any]:
    kind, _, key = reference["reference"].partition("/")
    return next(one for one in found if (one["resourceType"], one["id"]) == (kind, key))


def roles(found: list[dict[str, Any]], provenance: dict[str, Any]) -> dict[str, str]:
    """Return the family name, or the name, of each agent by its role."""
    said = {}
    for agent in provenance["agent"]:
        who = get(found, agent["who"])
        name = who.get("name") or who["identifier"][0]["value"]
        said[agent["type"]["coding"][0]["code"]] = (
            name[0]["family"] if isinstance(name, list) else name
        )
    return said


def about(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the provenances of nothing but one resource of a type."""
    return [
        one
        for one in found
        if one["resourceType"] == "Provenance"
        and [target["reference"].partition("/")[0] for target in one["target"]] == [kind]
    ]


def test_facility_that_receives_is_a_part_of_who_is_responsible(bundled: Bundled) -> None:
    found = bundled("ADT^A01", PID, "PV1|1|I", more=f"{'|' * 11}North Region^L")
    (header,) = [one for one in found if one["resourceType"] == "MessageHeader"]
    facility = get(found, header["destination"][0]["receiver"])
    assert facility["name"] == "NORTH"
    assert get(found, facility["partOf"])["name"] == "North Region"


def test_destination_is_named_by_its_address_and_its_application(bundled: Bundled) -> None:
    found = bundled(
        "ADT^A01", PID, "PV1|1|I", to="HUB^1.2.9.7^ISO", more=f"{'|' * 13}GATE^1.2.9.8^ISO"
    )
    (header,) = [one for one in found if one["resourceType"] == "MessageHeader"]
    (destination,) = header["destination"]
    assert (destination["name"], destination["endpoint"]) == ("GATE", "urn:oid:1.2.9.8")
    assert get(found, destination["target"])["deviceName"][0]["name"] == "HUB"


def test_country_of_a_sender_without_facility_is_the_sites(bundled: Bundled) -> None:
    found = bundled("ADT^A01", PID, "PV1|1|I", sender="EPIC|", more="|||||USA")
    (header,) = [one for one in found if one["resourceType"] == "MessageHeader"]
    sender = get(found, header["sender"])
    assert (sender["name"], sender["address"]) == ("mercy", [{"country": "USA"}])


def test_order_says_who_entered_verified_and_gave_it(bundled: Bundled) -> None:
    found = bundled("ORM^O01", PID, ORC, OBR)
    (order,) = about(found, "ServiceRequest")
    assert roles(found, order) == {
        "enterer": "Moss",
        "verifier": "Hale",
        "author": "Vance",
        "assembler": "PC9",
    }
    assert get(found, order["agent"][0]["onBehalfOf"])["name"] == "Emergency"
    assert order["activity"]["coding"][0]["code"] == "CREATE"
    assert order["occurredDateTime"].startswith("2026-10-01T08:00:00")


def test_result_tells_of_no_order_entry(bundled: Bundled) -> None:
    assert about(bundled("ORU^R01", PID, ORC, OBR), "ServiceRequest") == []


@pytest.mark.parametrize(("facility", "expected"), [("ELM CLINIC", "ELM CLINIC"), ("", "MERCY")])
def test_last_update_of_a_patient_is_told_with_its_place(
    bundled: Bundled, facility: str, expected: str
) -> None:
    pid = f"{PID}{'|' * 25}20260930170000|{facility}"
    found = bundled("ADT^A01", pid, "PV1|1|I")
    (update,) = about(found, "Patient")
    assert roles(found, update) == {"performer": expected}
    assert update["occurredDateTime"].startswith("2026-09-30T17:00:00")


def test_patient_without_last_update_has_none(bundled: Bundled) -> None:
    assert about(bundled("ADT^A01", PID, "PV1|1|I"), "Patient") == []
