"""Paths into a resource: what each step reads, and what does not exist."""

from typing import Any

import pytest

from engine.core.lexeme import Number
from engine.mapping import syntax
from engine.mapping.plan import MappingErrors
from tests.unit.mapping.fhir_documents import FILES, RECEIVED_US, plan_of, told

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"lastUpdated": "2026-03-14T10:15:00Z"},
    "active": False,
    "name": [
        {"use": "usual", "family": "Quist", "given": ["Roz"]},
        {"use": "official", "family": " Abernathy ", "given": ["Rosalind", "Mae"]},
    ],
    "telecom": [{"system": "phone", "value": "608-555-0121", "rank": 2}],
    "birthDate": "1949-02-17",
    "_birthDate": {"extension": [{"url": "urn:time", "valueDateTime": "1949-02-17T08:00:00Z"}]},
    "multipleBirthInteger": 2,
    "extension": [
        {"url": "urn:a", "valueString": "first"},
        {"url": "urn:b", "valueDecimal": Number("1.50")},
    ],
    "contact": [{"name": {"family": "Quist"}, "relationship": [{"text": "child"}]}],
}


def read(expression: str, **more: Any) -> list[str]:
    """Return what an expression gives, as the city of an address."""
    quoted = expression.replace("'", "''")
    document = f"map: v1\nkind: fhir\nfrom: Patient\nPatient:\n  address: [{{city: '{quoted}'}}]\n"
    plan = plan_of({**FILES, "base/patient.yaml": document})
    body = told(plan.map_resource({**PATIENT, **more}, RECEIVED_US), "Patient").body
    return [address["city"] for address in body.get("address", ())]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("name.family", "Quist"),
        ("name[1].family", "Abernathy"),
        ("name[2].family", ""),
        ("name.given[1]", "Rosalind"),
        ("name.where(use = 'official').given.last()", "Mae"),
        ('name.where(use = "old").family', ""),
        ("name.first().given.first()", "Roz"),
        ("telecom.rank", "2"),
        ("active", "false"),
        ("multipleBirth.ofType(integer)", "2"),
        ("multipleBirthInteger", "2"),
        ("multipleBirth", "2"),
        ("multipleBirth.ofType(boolean)", ""),
        ("extension('urn:a').value.ofType(string)", "first"),
        ("extension('urn:b').valueDecimal", "1.50"),
        ("birthDate.extension('urn:time').valueDateTime", "1949-02-17T08:00:00Z"),
        ("name.where(given = 'Roz').exists()", "true"),
        ("name.exists(use = 'official')", "true"),
        ("name.exists(use = 'old')", ""),
        ("photo.empty()", "true"),
        ("name.empty()", ""),
        ("name.where(%resource.active = 'false').family", "Quist"),
        ("contact.name.family | name.family", "Quist"),
        ("join(name.family, '+')", "Quist+Abernathy"),
        ("count(name.given)", "3"),
        ("upper(name.family)", "QUIST"),
        ("date(birthDate.extension('urn:time').valueDateTime)", "1949-02-17"),
        ("{name.given} {name.family}", "Roz Quist"),
        ("assigner('MRN')", "urn:oid:1.2.3"),
        ("assigner('LAB')", "urn:id:mercy:LAB"),
        ("$site.name", "mercy"),
        ("active = 'true'", "false"),
        ("name.where(use in ('usual', 'old')).family", "Quist"),
        ("name.where($ valued and family starts with 'A').family", "Abernathy"),
        ("telecom.where(value matches '^608').system", "phone"),
    ],
)
def test_a_path_reads(expression: str, value: str) -> None:
    assert read(expression) == ([value] if value else [])


def test_shapes_that_are_wrong_read_as_nothing() -> None:
    for name in ("Quist", ["Quist"], [["Quist"]], {"family": ["a"]}, [None], None, 7):
        assert read("name.family", name=name) in ([], ["a"])


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("nam.family", "E260"),
        ("name.family.given", "E260"),
        ("value", "E260"),
        ("deceased.ofType(Quantity)", "E260"),
        ("multipleBirth.value", "E260"),
        ("name.where()", "E205"),
        ("name.extension(family)", "E205"),
        ("name.fold(family)", "E205"),
        ("name[x]", "E201"),
        ("name[-1]", "E201"),
        ("PID-5.1", "E261"),
        ("$2", "E261"),
        ("name.where(famly = 'Q').use", "E260"),
        ("%resource.nam", "E260"),
    ],
)
def test_what_does_not_exist_is_said_before_the_first_resource(expression: str, code: str) -> None:
    with pytest.raises(MappingErrors) as raised:
        read(expression)
    assert {problem.code for problem in raised.value.problems} == {code}


@pytest.mark.parametrize(
    "text",
    ["name.where(use = 'x').given[0]", "%resource.status", "a.b.c.first()", "x[3].y.exists()"],
)
def test_a_path_is_written_as_it_was_read(text: str) -> None:
    tree = syntax.parse(text)
    assert isinstance(tree, syntax.Reach)
    assert str(tree) == text.replace("use = 'x'", "")
    assert (tree.span.start, tree.span.length) == (0, len(text))
