"""Right-hand sides one by one, each put into the base by an overlay."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.formats.hl7v2.parse import Message
from engine.mapping.plan import MappingErrors, Plan

MakePlan = Callable[..., Plan]
Read = Callable[..., Message]
OMB = """source_system,source_code,target_system,target_code,target_display,relationship,comment
,2106-3,urn:oid:2.16.840.1.113883.6.238,2106-3,White,,
,W,urn:oid:2.16.840.1.113883.6.238,2106-3,White,,
,2028-9,urn:oid:2.16.840.1.113883.6.238,2028-9,Asian,,
"""
FIELDS = {
    3: "7^^^HOSP^MR",
    5: "QUILL^TESS^^^DR",
    7: "198001120930",
    10: "2106-3^White~2028-9^Asian~X^Other",
    13: "555-0100^PRN^PH~555-0101^WPN^PH",
    15: "EN",
    24: "Y",
}
PID = "|".join(["PID", *(FIELDS.get(n, "") for n in range(1, 31))])


@pytest.fixture
def element(files: dict[str, str], make_plan: MakePlan, read: Read) -> Callable[[str, str], Any]:
    """Map the message with one more rule and return the element it gives."""
    files["base/codes/race-omb.csv"] = OMB

    def made(name: str, rule: str, *more: str) -> Any:
        text = f"map: v1\nkind: overlay\nchange:\n  PID-Patient:\n    {name}: {rule}\n"
        files["site/x/overlay.yaml"] = text
        mapped = make_plan("site/x").map(read(PID, *more), 0)
        body = next(one.body for one in mapped.contributions if one.type == "Patient")
        return body.get(name)

    return made


Element = Callable[..., Any]


def test_what_is_only_named_is_a_logical_reference(element: Element) -> None:
    rule = "[{set: {display: PID-15, identifier: {value: PID-3.1}}}, {ref: {Organization: PID-15}}]"
    first, second = element("generalPractitioner", rule)
    assert first == {"display": "EN", "identifier": {"value": "7"}}
    assert second.keys() == {"reference"}


def test_a_literal_reference_is_not_written_by_hand(element: Element) -> None:
    with pytest.raises(MappingErrors) as refused:
        element("managingOrganization", '{reference: "=Organization/1"}')
    assert [problem.code for problem in refused.value.problems] == ["E113"]


def test_race_is_one_extension_of_all_repetitions(element: Element) -> None:
    rule = "[{ext: us-core-race, each: PID-10, omb: race-omb, text: $2 | $1}]"
    assert element("extension", rule) == [
        {
            "extension": [
                {
                    "url": "ombCategory",
                    "valueCoding": {
                        "system": "urn:oid:2.16.840.1.113883.6.238",
                        "code": code,
                        "display": display,
                    },
                }
                for code, display in (("2106-3", "White"), ("2028-9", "Asian"))
            ]
            + [{"url": "text", "valueString": "White, Asian, Other"}],
            "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
        }
    ]


def test_extension_by_url_and_its_condition(element: Element) -> None:
    rule = '[{ext: "https://a.example/x", when: PID-24 = "Y", valueString: PID-5.1}]'
    assert element("extension", rule) == [{"url": "https://a.example/x", "valueString": "QUILL"}]
    assert element("extension", rule.replace('"Y"', '"N"')) is None


def test_primitive_extension(element: Element) -> None:
    rule = "{ext: patient-birthTime, valueDateTime: PID-7, when: length(PID-7) > 8}"
    found = element("_birthDate", rule)
    assert found["extension"][0]["valueDateTime"] == "1980-01-12T09:30:00-06:00"


def test_text_with_values_in_it_drops_what_is_missing(element: Element) -> None:
    rule = '[{text: "{PID-5.5} {PID-5.3} {PID-5.1}"}]'
    assert element("name", rule) == [{"text": "DR QUILL"}]
    assert element("name", '[{text: "{PID-9.1} {PID-9.2}"}]') is None


def test_each_with_filter_and_set(element: Element) -> None:
    rule = '[{each: PID-13, if: $2 = "WPN", set: {system: "=phone", value: $1}}]'
    assert element("telecom", rule) == [{"system": "phone", "value": "555-0101"}]


def test_each_segment_of_the_own_group(element: Element) -> None:
    rule = "[{each: NK1, if: NK1-3 valued, set: {name: NK1-2, relationship: NK1-3}}]"
    found = element("contact", rule, "NK1|1|QUILL^PERCY|SPO", "NK1|2|QUILL^ANN")
    assert found == [
        {
            "relationship": [{"coding": [{"code": "SPO"}]}],
            "name": {"family": "QUILL", "given": ["PERCY"]},
        }
    ]


def test_further_elements_replace_and_fill(element: Element) -> None:
    rule = """[{from: 'PID-13[1]', use: '=old', fill: {use: '=temp', rank: '=2'}}]"""
    assert element("telecom", rule) == [
        {"system": "phone", "value": "555-0100", "use": "old", "rank": 2}
    ]


def test_first_branch_with_a_value_wins(element: Element) -> None:
    assert element("multipleBirthBoolean", "PID-24") is True
    rule = "[{integer: PID-25}, {boolean: PID-24}]"
    assert element("multipleBirth", rule) is None  # the name is that of the form


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            '"=http://a.example|X|Shown"',
            {"system": "http://a.example", "code": "X", "display": "Shown"},
        ),
        ("{from: PID-15, map: {EN: en}}", None),
    ],
)
def test_coded_literals_and_inline_tables(
    element: Element, rule: str, expected: dict[str, str] | None
) -> None:
    found = element("maritalStatus", rule)
    if expected is None:
        assert [coding["code"] for coding in found["coding"]] == ["EN", "en"]
    else:
        assert found == {"coding": [expected]}


def test_made_organization_is_keyed_by_its_identifier(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    rule = "{ref: {Organization: {name: IN1-4.1, identifier: IN1-3}}}"
    text = f"map: v1\nkind: overlay\nchange:\n  PID-Patient:\n    managingOrganization: {rule}\n"
    files["site/x/overlay.yaml"] = text
    plan = make_plan("site/x")
    ids = set()
    for name in ("BLUE", "BLUE PLAN"):
        mapped = plan.map(read(PID, f"IN1|1|P|B1^^^HOSP|{name}"), 0)
        ids |= {one.id for one in mapped.contributions if one.type == "Organization"}
    assert len(ids) == 1


def test_a_message_asks_for_the_system_of_an_authority_by_name(element: Element) -> None:
    rule = "[{set: {system: assigner(PID-3.4), value: PID-3.1}}]"
    assert element("identifier", rule) == [{"system": "urn:oid:1.2.3", "value": "7"}]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ('ucum("mg/dL")', "mg/dL"),
        ('ucum("C/m")', None),
        ('ucum("C/m", "UCUM")', "C/m"),
        ('ucum("idx", "UCUM")', None),
    ],
)
def test_a_unit_is_one_of_ucum_or_nothing(element: Element, call: str, code: str | None) -> None:
    found = element("extension", f"[{{ext: 'http://x.example/u', valueString: '{call}'}}]")
    assert (found[0]["valueString"] if found else None) == code
