"""NextGen: what its messages, resources and extracts say together, by the samples of riverbend."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest


class Said(Protocol):
    mapped: Any
    one: Callable[[str], dict[str, Any]]


Read = Callable[[str], Said]


@pytest.fixture
def read(say: Callable[[Path, str], Said], samples: Path) -> Read:
    """Map a message by the start of its name, a resource by `+` and the start."""

    def of(start: str) -> Said:
        folder = "resources" if start.startswith("+") else "messages"
        (path,) = (samples / folder / "riverbend").glob(f"{start.removeprefix('+')}*")
        return say(path, "site/riverbend")

    return of


def test_a_patient_told_by_message_and_resource_is_one(read: Read) -> None:
    assert read("01").one("Patient")["id"] == read("+01").one("Patient")["id"]


def test_who_is_only_referred_to_is_joined_by_the_id(read: Read) -> None:
    whole, named = (
        {(alias.system, alias.value) for alias in read(name).mapped.aliases}
        for name in ("+01", "+03")
    )
    assert whole & named == {
        ("urn:id:riverbend:fhir-Patient", "5c1e6d0a-7745-4b1e-9a00-000000045210")
    }


def test_a_visit_told_by_both_is_one(read: Read) -> None:
    assert read("01").one("Encounter")["id"] == read("+02").one("Encounter")["id"]


def test_an_appointment_keeps_its_id_to_the_end(read: Read) -> None:
    booked, missed = read("03").one("Appointment"), read("04").one("Appointment")
    assert (booked["id"], missed["status"]) == (missed["id"], "noshow")


def test_one_record_number_in_two_practices_joins_nobody(read: Read) -> None:
    one, other = (
        {(alias.system, alias.value) for alias in read(name).mapped.aliases}
        for name in ("01", "06")
    )
    assert not one & other
    assert "7745" in {value for _, value in one}


def test_a_dose_has_its_unit_in_ucum(read: Read) -> None:
    assert read("07").one("Immunization")["doseQuantity"]["code"] == "mL"
