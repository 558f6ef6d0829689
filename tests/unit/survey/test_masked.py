"""What may be shown of a resource: public codes, and shapes."""

from typing import Any

import pytest

from engine.survey.masked import shown

LOINC = {"system": "http://loinc.org", "code": "4548-4", "display": "Hemoglobin A1c"}
LOCAL = {"system": "urn:id:mercy:ward", "code": "ROSALIND", "display": "Rosalind's ward"}


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("Patient.gender", "female", "female"),
        ("Patient.active", True, "true"),
        ("Patient.birthDate", "1949-02-17", "9999-99-99"),
        ("Patient.gender", None, "-"),
        (
            "Observation.code",
            {"coding": [LOINC], "text": "A1c"},
            "{coding: [http://loinc.org|4548-4], text: A9a}",
        ),
        (
            "Patient.name",
            [{"use": "official", "family": "Quist"}],
            "[{use: official, family: Aaaaa}]",
        ),
        (
            "Patient.telecom",
            [{"system": "phone", "value": "(608)555-0121"}],
            "[{system: phone, value: (999)999-9999}]",
        ),
        ("Observation.code", {"coding": [{"code": "ROSA"}]}, "{coding: [{code: AAAA}]}"),
        ("Encounter.subject", {"reference": "Patient/0815"}, "Patient/..."),
    ],
)
def test_values(path: str, value: Any, text: str) -> None:
    assert shown(path, value) == text


def test_a_local_code_is_a_shape() -> None:
    text = shown("Encounter.serviceType", {"coding": [LOCAL]})
    assert "ROSALIND" not in text
    assert "osalind" not in text
    assert "mercy" not in text


def test_a_quantity_shows_its_unit_alone() -> None:
    value = {"value": 131, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}
    assert (
        shown("Observation.valueQuantity", value) == "{value: 999, http://unitsofmeasure.org|mg/dL}"
    )


def test_a_long_value_is_cut() -> None:
    assert len(shown("Patient.name", [{"family": "Quist"}] * 50)) <= 160
