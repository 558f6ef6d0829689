"""References: the literal's form, its type, and the resources contained beside it."""

from typing import Any

import pytest

from engine.r4.validate import validate

Json = dict[str, Any]
PATH = "Observation.subject.reference"


def about(subject: Json, **more: Any) -> Json:
    code = {"text": "HGB"}
    return {"resourceType": "Observation", "status": "final", "code": code, "subject": subject} | (
        more
    )


def found(resource: Any) -> list[tuple[str, str]]:
    return [(issue.code, issue.path) for issue in validate(resource)]


@pytest.mark.parametrize(
    "literal",
    [
        "Patient/1",
        "Patient/0f8d1c2e-8a6b-8c1d-9e3f-1a2b3c4d5e6f",
        "Patient/1.2/_history/3",
        "http://hospital.example/fhir/Patient/1",
        "https://hospital.example/Patient/1/_history/2",
        "https://hospital.example/records?id=5",
        "https://hospital.example/Thing/5",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "urn:oid:2.999.1",
        "Group/g",
    ],
)
def test_accepts_a_literal(literal: str) -> None:
    assert found(about({"reference": literal})) == []


@pytest.mark.parametrize(
    ("literal", "code"),
    [
        ("Practitioner/1", "wrong-target"),
        ("http://hospital.example/fhir/Practitioner/1", "wrong-target"),
        ("Person2/1", "bad-reference"),
        ("patient/1", "bad-reference"),
        ("Patient", "bad-reference"),
        ("Patient/", "bad-reference"),
        ("Patient/a_b", "bad-reference"),
        ("Patient/" + "a" * 65, "bad-reference"),
        ("Patient/1/extra", "bad-reference"),
        ("Patient?identifier=1", "bad-reference"),
        ("#nobody", "bad-reference"),
    ],
)
def test_refuses_a_literal(literal: str, code: str) -> None:
    assert found(about({"reference": literal})) == [(code, PATH)]


def test_a_logical_reference_needs_no_literal() -> None:
    assert found(about({"identifier": {"system": "urn:oid:2.999.1", "value": "A1"}})) == []
    assert found(about({"display": "somebody"})) == []


def test_the_stated_type_has_to_be_a_target() -> None:
    assert found(about({"type": "Patient", "display": "somebody"})) == []
    assert found(about({"type": "Claim", "display": "x"})) == [
        ("wrong-target", "Observation.subject.type")
    ]


def test_a_conditional_reference_stands_in_a_bundle_only() -> None:
    entry = {"resource": about({"reference": "Patient?identifier=1"})}
    assert found({"resourceType": "Bundle", "type": "collection", "entry": [entry]}) == []


INNER = {"resourceType": "Patient", "id": "p"}


def test_contained_resources_are_found_and_used() -> None:
    assert found(about({"reference": "#p"}, contained=[INNER])) == []
    assert found(about({"reference": "#q"}, contained=[INNER])) == [
        ("bad-reference", PATH),
        ("invariant", "Observation.contained[0]"),
    ]


def test_a_contained_resource_may_point_outward_instead() -> None:
    inner = {
        "resourceType": "Provenance",
        "id": "v",
        "target": [{"reference": "#"}],
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"who": {"display": "desk"}}],
    }
    assert found(about({"display": "x"}, contained=[inner])) == []


@pytest.mark.parametrize(
    ("inner", "issue"),
    [
        ({**INNER, "gender": "M"}, ("bad-code", "Observation.contained[0].gender")),
        ({"id": "p"}, ("unknown-type", "Observation.contained[0].resourceType")),
        ("x", ("wrong-type", "Observation.contained[0]")),
        ({**INNER, "contained": [INNER]}, ("invariant", "Observation.contained[0]")),
        (
            {**INNER, "meta": {"versionId": "1"}},
            ("invariant", "Observation.contained[0].meta"),
        ),
        (
            {**INNER, "meta": {"security": [{"code": "R"}]}},
            ("invariant", "Observation.contained[0].meta.security"),
        ),
    ],
)
def test_contained_resources_are_checked(inner: Any, issue: tuple[str, str]) -> None:
    assert found(about({"reference": "#p"}, contained=[inner])) == [issue]


def test_two_contained_resources_have_two_ids() -> None:
    twice = about({"reference": "#p"}, contained=[INNER, INNER])
    assert found(twice) == [("bad-id", "Observation.contained")]


def test_entries_are_checked_by_their_own_type_and_on_their_own() -> None:
    entries: list[Json] = [{"resource": {"resourceType": "Patient", "gender": "M"}}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert found(bundle) == [("bad-code", "Bundle.entry[0].resource.gender")]
    entries[0]["resource"] = "Patient/1"
    assert found(bundle) == [("wrong-type", "Bundle.entry[0].resource")]
    entries[0]["resource"] = {"resourceType": "DomainResource"}
    assert found(bundle) == [("unknown-type", "Bundle.entry[0].resource.resourceType")]
    entries[0]["resource"] = about({"reference": "#p"})
    assert found(bundle) == [("bad-reference", "Bundle.entry[0].resource.subject.reference")]
