"""What is proven of elements is not looked at again, and nothing else is believed."""

from typing import Any

import pytest

from engine.core.values import WHOLE
from engine.r4.compiled import proves
from engine.r4.validate import validate


@pytest.mark.parametrize(
    ("name", "value", "proven"),
    [
        ("birthDate", "1980-01-12", True),
        ("birthDate", "1980-02-31", False),
        ("_birthDate", {"id": "a"}, False),
        ("gender", "robot", False),
        ("name", [{"family": "Quill"}], True),
        ("name", [], False),
        ("nonsense", "x", False),
        ("managingOrganization", {"reference": "Organization/1"}, True),
        ("managingOrganization", {"reference": "Patient/1"}, False),
        ("managingOrganization", {"reference": "#1"}, False),  # depends on what is contained
    ],
)
def test_a_value_is_proven_by_its_own_content(name: str, value: Any, *, proven: bool) -> None:
    assert proves("Patient", name, value) is proven


def test_a_proven_element_is_not_looked_at() -> None:
    broken = {"resourceType": "Patient", "gender": "robot", "name": [{"family": ""}]}
    found = validate(broken)
    assert [issue.path for issue in found] == ["Patient.gender", "Patient.name[0].family"]
    assert validate(broken, frozenset({"gender"})) == found[1:]


def test_what_is_proven_of_a_resource_says_nothing_of_elements_of_that_name_inside() -> None:
    contact = [{"name": {"family": ""}}]
    broken = {"resourceType": "Patient", "name": [{"family": "Quill"}], "contact": contact}
    (issue,) = validate(broken, frozenset({"name"}))
    assert issue.path == "Patient.contact[0].name.family"


def test_rules_between_elements_hold_for_proven_ones() -> None:
    missing = {"resourceType": "Observation", "status": "final"}
    assert [i.code for i in validate(missing, frozenset(missing))] == ["missing-element"]
    both = {"resourceType": "Patient", "deceasedBoolean": True, "deceasedDateTime": "2026"}
    assert [i.code for i in validate(both, frozenset(both))] == ["two-choices"]
    appointment = {
        "resourceType": "Appointment",
        "status": "booked",
        "start": "2026-04-01T09:30:00Z",
        "participant": [{"actor": {"reference": "Patient/1"}, "status": "accepted"}],
    }
    assert [i.code for i in validate(appointment, frozenset(appointment))] == ["invariant"]


def test_of_what_is_proven_as_a_whole_nothing_is_looked_at() -> None:
    broken = {"resourceType": "Patient", "gender": "robot"}
    assert validate(broken, frozenset({WHOLE})) == []
