import json
from typing import Any

import pytest

from mpi.normalise_address import Address
from mpi.person import SSN_SYSTEM, Person, from_text, person_of, to_text

FULL: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [
        {"system": SSN_SYSTEM, "value": "666-12-0309"},
        {"system": "http://hl7.org/fhir/sid/us-mbi", "value": "1EG4-TE5-ZZ73"},
        {"system": "urn:oid:1.2.3", "value": "E100"},
    ],
    "name": [
        {"use": "maiden", "family": "Delacroix", "given": ["Marguerite"]},
        {"use": "official", "family": "Delacroix-Whitfield Sr.", "given": ["Marguerite", "Anne"]},
        {"use": "usual", "family": "Whitfield", "given": ["Maggie"]},
    ],
    "telecom": [
        {"system": "phone", "value": "(608)555-0143"},
        {"system": "phone", "value": "(608)555-0142"},
        {"system": "email", "value": "MDW@mail.example"},
        {"system": "fax", "value": "(608)555-0199"},
    ],
    "gender": "female",
    "birthDate": "1958-03-09",
    "address": [{"line": ["412 Tamarack Ln", "Apt 3B"], "city": "X", "postalCode": "53099"}],
    "multipleBirthInteger": 2,
}


def test_everything_matching_sees() -> None:
    assert person_of(FULL) == Person(
        first="MARGUERITE",
        middle=("ANNE",),
        surnames=("DELACROIX", "WHITFIELD"),
        suffix="SR",
        other_firsts=("MAGGIE",),
        other_surnames=(),
        birth="1958-03-09",
        sex="F",
        ssn="666120309",
        ssn4="0309",
        phones=("6085550142", "6085550143"),
        emails=("mdw@mail.example",),
        addresses=(Address("412", "TAMARACK", "3B", "53099", "X"),),
        birth_order=2,
        multiple=True,
        identifiers=("http://hl7.org/fhir/sid/us-mbi|1EG4TE5ZZ73",),
    )


def test_text_is_compact_and_reads_back() -> None:
    person = person_of(FULL)
    text = to_text(person)
    assert from_text(text) == person
    assert ": " not in text
    assert json.loads(text)[0] == "MARGUERITE"


def test_text_is_equal_when_matching_sees_no_change() -> None:
    other = json.loads(json.dumps(FULL))
    other["telecom"] = [{"value": "608.555.0142"}, {"value": "608-555-0143"}, FULL["telecom"][2]]
    other["photo"] = [{"url": "Binary/1"}]
    assert to_text(person_of(other)) == to_text(person_of(FULL))


def test_an_empty_patient_is_nobody() -> None:
    assert person_of({"resourceType": "Patient"}) == Person()


def name_of(**name: Any) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    person = person_of({"name": [name]})
    return person.first, person.middle, person.surnames


@pytest.mark.parametrize(
    "name",
    [
        {"family": "Okafor, Imani N"},
        {"family": "Okafor", "given": ["Imani N"]},
        {"family": "Okafor", "given": ["Imani", "N"]},
        {"text": "Imani N Okafor"},
        {"text": "Okafor, Imani N"},
    ],
)
def test_a_whole_name_in_one_field(name: dict[str, Any]) -> None:
    assert name_of(**name) == ("IMANI", ("N",), ("OKAFOR",))


def test_a_suffix_in_the_given_name_is_found() -> None:
    person = person_of({"name": [{"family": "Ash", "given": ["Theo", "Jr"]}]})
    assert (person.first, person.middle, person.suffix) == ("THEO", (), "JR")


def test_a_newborn_has_no_first_name_but_an_order() -> None:
    person = person_of({"name": [{"family": "Ash", "given": ["BABYBOY", "B"]}]})
    assert (person.first, person.newborn, person.birth_order) == ("", True, 2)


def test_a_stand_in_name_leaves_the_real_one() -> None:
    person = person_of(
        {
            "name": [
                {"use": "temp", "family": "Unknown", "given": ["Unknown"]},
                {"family": "Ash", "given": ["Theo"]},
            ]
        }
    )
    assert (person.first, person.surnames, person.placeholders) == ("THEO", ("ASH",), ("name",))


def test_stand_ins_are_noted_and_not_used() -> None:
    person = person_of(
        {
            "name": [{"family": "Doe", "given": ["John"]}],
            "birthDate": "1900-01-01",
            "identifier": [{"system": SSN_SYSTEM, "value": "999-99-9999"}],
            "telecom": [{"system": "phone", "value": "000-000-0000"}],
        }
    )
    assert person == Person(placeholders=("birth-date", "name", "ssn", "telecom"))


def test_a_number_the_source_gave_up_is_not_used() -> None:
    old = {"use": "old", "system": SSN_SYSTEM, "value": "666120309"}
    assert person_of({"identifier": [old]}) == Person()
