"""Search parameters of R4, narrowed to the resource asked for."""

import pytest

from engine.r4 import elements, search_parameters


@pytest.mark.parametrize(
    ("resource_type", "name", "kind", "expression"),
    [
        ("Patient", "family", "string", "Patient.name.family"),
        ("Patient", "birthdate", "date", "Patient.birthDate"),
        ("Patient", "death-date", "date", "(Patient.deceased as dateTime)"),
        ("Patient", "_id", "token", "Resource.id"),
        ("Encounter", "date", "date", "Encounter.period"),
        ("Condition", "patient", "reference", "Condition.subject.where(resolve() is Patient)"),
        (
            "Observation",
            "combo-code",
            "token",
            "Observation.code | Observation.component.code",
        ),
        (
            "Observation",
            "value-quantity",
            "quantity",
            "(Observation.value as Quantity) | (Observation.value as SampledData)",
        ),
        ("MedicationRequest", "_text", "string", ""),
    ],
)
def test_of(resource_type: str, name: str, kind: str, expression: str) -> None:
    found = search_parameters.of(resource_type)[name]
    assert (found.type, found.base, found.expression) == (kind, resource_type, expression)


def test_reference_parameters_say_where_they_lead() -> None:
    found = search_parameters.of("Patient")["general-practitioner"]
    assert found.targets == ("Organization", "Practitioner", "PractitionerRole")


def test_composites_name_their_components() -> None:
    found = search_parameters.of("Observation")["code-value-quantity"]
    assert found.components == (("code", "code"), ("value-quantity", "value.as(Quantity)"))


def test_what_is_no_resource_has_none() -> None:
    assert search_parameters.of("HumanName") == {}
    assert search_parameters.of("Nobody") == {}


def test_a_resource_without_text_has_no_text_parameter() -> None:
    assert "_text" not in search_parameters.of("Binary")
    assert "_id" in search_parameters.of("Binary")


def test_every_resource_has_parameters_of_known_types() -> None:
    kinds = {
        parameter.type
        for resource_type in elements.resource_types()
        for parameter in search_parameters.of(resource_type).values()
    }
    assert kinds == {
        *("token", "string", "date", "reference", "quantity"),
        *("uri", "number", "composite", "special"),
    }
