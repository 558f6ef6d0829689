"""The R4 validator over whole resources: each kind of defect, and what is none."""

from typing import Any

import pytest

from engine.core.lexeme import Number
from engine.r4.validate import compile_validator, validate

Json = dict[str, Any]
URL = "http://x.example/ext"


def patient(**more: Any) -> Json:
    return {"resourceType": "Patient", "id": "p1", **more}


def observation(**more: Any) -> Json:
    base = {"resourceType": "Observation", "status": "final", "code": {"text": "HGB"}}
    return {name: value for name, value in {**base, **more}.items() if value is not ...}


def found(resource: Any) -> list[tuple[str, str]]:
    return [(issue.code, issue.path) for issue in validate(resource)]


def test_a_resource_as_mapping_makes_it_is_valid() -> None:
    assert (
        found(
            observation(
                subject={"reference": "Patient/0f8d1c2e-8a6b-8c1d-9e3f-1a2b3c4d5e6f"},
                effectiveDateTime="2026-01-02T03:04:05-06:00",
                valueQuantity={"value": Number("13.10"), "unit": "g/dL"},
                referenceRange=[{"low": {"value": 12}, "high": {"value": 16}}],
            )
        )
        == []
    )


# libraries.md 1.1: what JSON Schema or the R4B models let through
MISSED_BY_OTHERS = [
    (observation(status=...), ("missing-element", "Observation.status")),
    (
        observation(valueString="a", valueInteger=1),
        ("two-choices", "Observation.value[x]"),
    ),
    (observation(subject="Patient/1"), ("wrong-type", "Observation.subject")),
    (patient(birthDate="2024-02-31"), ("bad-date", "Patient.birthDate")),
    (observation(status="zzz"), ("bad-code", "Observation.status")),
    (patient(gender="zz"), ("bad-code", "Patient.gender")),
    (observation(code=...), ("missing-element", "Observation.code")),
    (patient(nickname="x"), ("unknown-element", "Patient.nickname")),
    (patient(id="no_good"), ("bad-id", "Patient.id")),
    (
        observation(effectiveDateTime="2024-01-01T10:00:00"),
        ("bad-date", "Observation.effectiveDateTime"),
    ),
]


@pytest.mark.parametrize(("resource", "issue"), MISSED_BY_OTHERS)
def test_refuses_what_others_miss(resource: Json, issue: tuple[str, str]) -> None:
    assert found(resource) == [issue]


SHAPES = [
    (patient(name={"family": "A"}), ("wrong-type", "Patient.name")),
    (patient(gender=["male"]), ("wrong-type", "Patient.gender")),
    (patient(name=[]), ("empty-value", "Patient.name")),
    (patient(name=[{}]), ("empty-value", "Patient.name[0]")),
    (patient(name=[{"id": "x"}]), ("empty-value", "Patient.name[0]")),
    (patient(name=[None]), ("wrong-type", "Patient.name[0]")),
    (patient(name=[{"family": ""}]), ("empty-value", "Patient.name[0].family")),
    (patient(birthDate=None), ("wrong-type", "Patient.birthDate")),
    (patient(deceased=True), ("unknown-element", "Patient.deceased")),
    (
        patient(contact=[{"name": {"given": ["a", 3]}}]),
        ("wrong-type", "Patient.contact[0].name.given[1]"),
    ),
    (
        {"resourceType": "Appointment", "status": "proposed"},
        ("missing-element", "Appointment.participant"),
    ),
    (
        {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "length": {}},
        ("empty-value", "Encounter.length"),
    ),
    (
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order"}
        | {"subject": {"reference": "Patient/1"}},
        ("missing-element", "MedicationRequest.medication[x]"),
    ),
    (
        observation(referenceRange=[{"low": {"value": 1, "comparator": "<"}}]),
        ("unknown-element", "Observation.referenceRange[0].low.comparator"),
    ),
    (
        patient(text={"status": "generated", "div": "hello"}),
        ("bad-narrative", "Patient.text.div"),
    ),
]


@pytest.mark.parametrize(("resource", "issue"), SHAPES)
def test_refuses_a_wrong_shape(resource: Json, issue: tuple[str, str]) -> None:
    assert found(resource) == [issue]


@pytest.mark.parametrize("thing", [{}, [], None, "x", {"resourceType": "Person2"}])
def test_what_names_no_resource_type_is_refused(thing: Any) -> None:
    assert found(thing) == [("unknown-type", "")]


def test_a_compiled_validator_refuses_another_type() -> None:
    issues = compile_validator("Patient")(observation())
    assert [i.code for i in issues] == ["wrong-type"]
    with pytest.raises(KeyError):
        compile_validator("HumanName")


def test_all_issues_are_reported_not_the_first() -> None:
    resource = patient(gender="M", birthDate="x", active="y", telecom=[{"value": "1"}])
    assert found(resource) == [
        ("bad-code", "Patient.gender"),
        ("bad-date", "Patient.birthDate"),
        ("wrong-type", "Patient.active"),
        ("invariant", "Patient.telecom[0]"),
    ]


def test_a_key_that_is_no_name_is_not_repeated() -> None:
    issue = validate(patient(**{"Jane Doe 1961": 1}))[0]
    assert issue.path == "Patient.?"
    assert "Jane" not in issue.message


# primitive extensions (json.html#primitive)
MASKED = {"extension": [{"url": URL, "valueCode": "masked"}]}


@pytest.mark.parametrize(
    "resource",
    [
        patient(_birthDate=MASKED),
        patient(birthDate="2024-02-29", _birthDate=MASKED),
        observation(status=..., _status=MASKED),
        patient(name=[{"given": ["a", None], "_given": [None, MASKED]}]),
        patient(name=[{"_given": [MASKED]}]),
        observation(valueString="a", _valueString=MASKED),
        patient(birthDate="2024-02-29", _birthDate={"id": "b"}),
        patient(name=[{"given": ["a", None], "_given": [{"id": "g"}, MASKED]}]),
    ],
)
def test_accepts_extended_primitives(resource: Json) -> None:
    assert found(resource) == []


@pytest.mark.parametrize(
    ("resource", "issue"),
    [
        (
            patient(name=[{"given": ["a", None]}]),
            ("null-value", "Patient.name[0].given[1]"),
        ),
        (
            patient(name=[{"given": ["a", None], "_given": [MASKED, None]}]),
            ("null-value", "Patient.name[0].given[1]"),
        ),
        (
            patient(name=[{"given": ["a"], "_given": [None, MASKED]}]),
            ("bad-padding", "Patient.name[0].given"),
        ),
        (patient(_name=[MASKED]), ("unknown-element", "Patient._name")),
        (patient(_birthDate={"id": "b"}), ("empty-value", "Patient._birthDate")),
        (
            patient(birthDate="2024-02-29", _birthDate={"id": 1}),
            ("wrong-type", "Patient._birthDate.id"),
        ),
        (
            patient(name=[{"_given": [{"id": "g"}, MASKED]}]),
            ("empty-value", "Patient.name[0]._given[0]"),
        ),
        (patient(_birthDate={}), ("empty-value", "Patient._birthDate")),
        (
            patient(_birthDate={"value": "2024"}),
            ("unknown-element", "Patient._birthDate.value"),
        ),
        (
            observation(valueString="a", _valueInteger=MASKED),
            ("two-choices", "Observation.value[x]"),
        ),
    ],
)
def test_refuses_badly_extended_primitives(resource: Json, issue: tuple[str, str]) -> None:
    assert found(resource) == [issue]


def test_nested_items_are_checked_by_the_element_they_repeat() -> None:
    item = {"linkId": "1", "type": "group", "item": [{"type": "string"}]}
    resource = {"resourceType": "Questionnaire", "status": "draft", "item": [item]}
    assert found(resource) == [("missing-element", "Questionnaire.item[0].item[0].linkId")]


def test_a_required_concept_needs_a_code_of_the_set() -> None:
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"

    def allergy(status: Json) -> Json:
        who = {"patient": {"reference": "Patient/1"}}
        return {"resourceType": "AllergyIntolerance", "clinicalStatus": status, **who}

    assert found(allergy({"coding": [{"system": system, "code": "active"}]})) == []
    wrong = [("bad-code", "AllergyIntolerance.clinicalStatus")]
    assert found(allergy({"coding": [{"system": system, "code": "ACTIVE"}]})) == wrong
    assert found(allergy({"coding": [{"code": "active"}]})) == wrong
    assert found(allergy({"text": "active"})) == wrong
    assert found(allergy({"extension": [{"url": URL, "valueCode": "masked"}]})) == []
    assert found(allergy({"coding": "active"})) == [
        ("wrong-type", "AllergyIntolerance.clinicalStatus.coding")
    ]


def test_extensions_nest_to_a_limit_and_no_further() -> None:
    extension: Json = {"url": URL, "valueCode": "x"}
    for _ in range(400):
        extension = {"url": URL, "extension": [extension]}
    (issue,) = validate(patient(extension=[extension]))
    assert issue.code == "too-deep"


def test_bundles_nest_to_a_limit_and_no_further() -> None:
    bundle: Json = {"resourceType": "Bundle", "type": "collection"}
    for _ in range(400):
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": bundle}]}
    (issue,) = validate(bundle)
    assert issue.code == "too-deep"


def test_a_defect_is_found_among_names_that_were_right_before() -> None:
    whole = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    for _ in range(2):
        assert validate(whole) == []
        (issue,) = validate({**whole, "status": "done"})
        assert (issue.code, issue.path) == ("bad-code", "Observation.status")
        (issue,) = validate({**whole, "name": "x"})
        assert issue.code == "unknown-element"
        name = {"given": ["A", None]}
        codes = [i.code for i in validate({"resourceType": "Patient", "name": [name]})]
        assert codes == ["null-value"]
        assert validate({"resourceType": "Patient", "name": [{"given": ["A"]}]}) == []
