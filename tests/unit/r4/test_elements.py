"""What the R4 definitions say, asked through `engine.r4.elements`."""

import pytest

from engine.r4 import elements


def test_every_r4_resource_is_known_and_no_abstract_or_later_one() -> None:
    known = elements.resource_types()
    assert len(known) == 146
    assert {"Patient", "Observation", "MedicinalProduct", "Bundle"} <= known
    assert not known & {"Resource", "DomainResource", "SubscriptionStatus", "HumanName"}


def test_children_are_json_names_in_the_order_of_the_definition() -> None:
    names = list(elements.children("Patient"))
    assert names[:3] == ["id", "meta", "implicitRules"]
    assert names.index("name") < names.index("birthDate") < names.index("deceasedBoolean")
    assert "deceased[x]" not in names


def test_a_choice_is_expanded_to_one_element_per_type() -> None:
    forms = {n: e for n, e in elements.children("Observation").items() if e.group == "value[x]"}
    assert len(forms) == 11
    assert forms["valueQuantity"].types == ("Quantity",)
    assert forms["valueDateTime"].types == ("dateTime",)
    assert all(form.choice for form in forms.values())


def test_reference_targets_belong_to_the_reference_form_only() -> None:
    below = elements.children("MedicationRequest")
    assert below["medicationReference"].targets == ("Medication",)
    assert below["medicationCodeableConcept"].targets == ()


@pytest.mark.parametrize(
    ("path", "types", "least", "most"),
    [
        ("Patient.name", ("HumanName",), 0, None),
        ("Patient.name.family", ("string",), 0, 1),
        ("Patient.contact.name.given", ("string",), 0, None),
        ("Patient.id", ("id",), 0, 1),
        ("Patient.contact.id", ("string",), 0, 1),
        ("Extension.url", ("uri",), 1, 1),
        ("Observation.status", ("code",), 1, 1),
        ("Observation.valueQuantity.value", ("decimal",), 0, 1),
        ("Observation.component.referenceRange.low", ("Quantity",), 0, 1),
        ("Questionnaire.item.item.item.linkId", ("string",), 1, 1),
        ("Bundle.entry.resource", ("Resource",), 0, 1),
        ("Narrative.div", ("xhtml",), 1, 1),
    ],
)
def test_resolve(path: str, types: tuple[str, ...], least: int, most: int | None) -> None:
    found = elements.resolve(path)
    assert found is not None
    assert (found.types, found.min, found.max) == (types, least, most)


@pytest.mark.parametrize("path", ["Patient", "Patient.nam", "Nobody.name", "Patient.name.family.x"])
def test_resolve_finds_nothing_where_nothing_is(path: str) -> None:
    assert elements.resolve(path) is None


def test_an_unexpanded_choice_resolves_with_all_its_types() -> None:
    found = elements.resolve("Patient.deceased[x]")
    assert found is not None
    assert found.types == ("boolean", "dateTime")


def test_children_are_found_below_any_element() -> None:
    assert elements.children("Patient.name") == elements.children("HumanName")
    assert elements.children("Patient.nobody.name") == {}
    assert elements.children("Patient.gender") == {}


def test_content_references_lead_to_the_same_children() -> None:
    nested = elements.children("Observation.component.referenceRange")
    assert nested == elements.children("Observation.referenceRange")


def test_required_bindings_are_enumerated() -> None:
    gender = elements.children("Patient")["gender"]
    assert gender.binding == frozenset({"male", "female", "other", "unknown"})
    assert gender.binding_strength == "required"


def test_bindings_that_cannot_be_enumerated_say_so() -> None:
    mime = elements.children("Attachment")["contentType"]
    assert mime.binding is None
    assert mime.binding_strength == "required"


def test_order_puts_resource_type_first_and_primitive_extensions_beside() -> None:
    rank = elements.order("Patient")
    assert rank["resourceType"] == 0
    assert rank["_birthDate"] == rank["birthDate"] + 1
    assert rank["name"] < rank["gender"] < rank["birthDate"] < rank["address"]
    assert "resourceType" not in elements.order("HumanName")


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("Patient.nmae.famly", "Patient.name.family"),
        ("Patint.birthdate", "Patient.birthDate"),
        ("Observation.value", "Observation.valueQuantity"),
        ("Observation.valueQuantty.unit", "Observation.valueQuantity.unit"),
        ("Patient.qqqqqq", None),
        ("Qqqqqqqqqq.name", None),
    ],
)
def test_suggest(path: str, meant: str | None) -> None:
    assert elements.suggest(path) == meant


def test_primitive_types_are_told_from_complex_ones() -> None:
    assert elements.is_primitive("dateTime")
    assert elements.is_primitive("xhtml")
    assert not elements.is_primitive("HumanName")
    assert not elements.is_primitive("Nothing")


def test_every_type_an_element_names_exists() -> None:
    for owner in elements.resource_types() | elements.data_types():
        for element in elements.type_children(owner).values():
            for named in element.types:
                exists = elements.is_primitive(named) or elements.type_children(named)
                assert exists, element.path
