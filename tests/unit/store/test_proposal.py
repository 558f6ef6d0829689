"""What one contribution makes of nothing."""

from typing import Any

from engine.core.values import Contribution
from engine.store.proposal import propose

CLINIC = "a7c1f1e2-0000-4000-8000-000000000001"


def clinic(address: dict[str, Any], patient: str = "") -> Contribution:
    body = {"resourceType": "Location", "id": CLINIC, "status": "active", "address": address}
    return Contribution("Location", CLINIC, body, patient, "merge")


def test_what_is_about_no_patient_is_worked_out_once() -> None:
    first = propose(clinic({"city": "Elmdale", "state": "OH"}))
    assert propose(clinic({"city": "Elmdale", "state": "OH"})) is first
    assert first.text.endswith(b'"status":"active","address":{"city":"Elmdale","state":"OH"}}')
    assert first.stamped(5, 7) == ";1.5.7*"
    assert first.said_at(";1.6.8*") == (6, 8)
    assert first.said_at(";1.6.8*;1.7.9:status") is None


def test_another_order_of_members_is_another_text() -> None:
    first = propose(clinic({"city": "Elmdale", "state": "OH"}))
    other = propose(clinic({"state": "OH", "city": "Elmdale"}))
    assert other.text != first.text
    assert other.text.endswith(b'"address":{"state":"OH","city":"Elmdale"}}')


def test_what_is_about_a_patient_is_not_kept() -> None:
    told = clinic({"city": "Elmdale"}, CLINIC)
    assert propose(told) is not propose(told)
    assert propose(told) == propose(told)


def test_a_whole_has_one_stamp() -> None:
    told = Contribution("Location", CLINIC, {"status": "active"}, CLINIC, rank=3)
    assert propose(told).stamped(-4, 2) == "3.-4.2"
