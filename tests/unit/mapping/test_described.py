"""`kind: datatype` and `kind: codemap`: conversions and tables that a layer writes itself."""

from collections.abc import Callable

import pytest

from engine.core.fault import FaultError
from engine.formats.hl7v2.parse import Message
from engine.mapping.plan import MappingErrors, Plan

MakePlan = Callable[..., Plan]
Read = Callable[..., Message]
XPN = """map: v1
kind: datatype
from: XPN
to: HumanName
HumanName:
  family: {label: family, from: upper($1.1)}
  given: [$2, $3]
  use: {from: $7, map: uses}
---
map: v1
kind: codemap
name: uses
unmapped: drop
system: http://hl7.org/fhir/name-use
codes: {L: official, "HL70200|N": "http://hl7.org/fhir/name-use|nickname|Nickname"}
"""
PID = "PID|1||77^^^HOSP^MR||Doe^Jane^Q^^^^L~Roe^Joan^^^^^Z||19800102|F"


def patient(plan: Plan, message: Message) -> dict[str, object]:
    found = plan.map(message, 0)
    (made,) = [one.body for one in found.contributions if one.type == "Patient"]
    return made


def test_a_described_conversion_stands_in_for_the_built_in_one(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    files["site/x/names.yaml"] = XPN
    found = patient(make_plan("site/x"), read(PID))
    assert found["name"] == [
        {"use": "official", "family": "DOE", "given": ["Jane", "Q"]},
        {"family": "ROE", "given": ["Joan"]},
    ]


def test_it_is_used_below_other_elements_too(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    files["site/x/names.yaml"] = XPN
    found = patient(make_plan("site/x"), read(PID, "NK1|1|Doe^Ann"))
    assert found["contact"] == [{"name": {"family": "DOE", "given": ["Ann"]}}]


def test_overlays_change_it_by_label(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    files["site/x/names.yaml"] = XPN
    files["site/y/overlay.yaml"] = (
        "map: v1\nkind: overlay\nchange:\n  XPN-HumanName: {family: $1.1, given: remove}\n"
    )
    found = patient(make_plan("site/x", "site/y"), read(PID))
    assert found["name"] == [{"use": "official", "family": "Doe"}, {"family": "Roe"}]


def test_trace_shows_the_line_of_the_datatype(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    files["site/x/names.yaml"] = XPN
    lines = {one.rule for one in make_plan("site/x").trace(read(PID), 0).lineage}
    assert {"site/x/names.yaml:6", "site/x/names.yaml:7", "base/resources.yaml:8"} <= lines


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (XPN.replace("given: [$2, $3]", "givn: $2"), "E203", 7),
        (XPN.replace("$7", "$77"), "E204", 8),
        (XPN.replace("from: XPN", "from: XPM"), "E234", 1),
        (XPN.replace("to: HumanName\nHumanName", "to: HumanNam\nHumanNam"), "E223", 1),
        (XPN.replace("unmapped: drop", "unmapped: dorp"), "E211", 13),
        (XPN.replace("L: official", "L: a|b|c|d"), "E211", 15),
        (XPN.replace("codes: {", "coeds: {"), "E111", 15),
    ],
)
def test_mistakes_are_shown_where_they_are(
    files: dict[str, str], make_plan: MakePlan, text: str, code: str, line: int
) -> None:
    files["site/x/names.yaml"] = text
    with pytest.raises(MappingErrors) as raised:
        make_plan("site/x")
    assert (code, line) in {(one.code, one.place.line) for one in raised.value.problems}


def test_a_conversion_that_uses_itself_is_refused(
    files: dict[str, str], make_plan: MakePlan
) -> None:
    files["site/x/names.yaml"] = XPN.replace(
        "given: [$2, $3]", 'extension: [{ext: "http://example.org/n", valueHumanName: $}]'
    )
    with pytest.raises(MappingErrors) as raised:
        make_plan("site/x")
    assert {one.code for one in raised.value.problems} == {"E227"}


def test_a_code_without_a_row_can_refuse_the_message(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    files["base/codes/sex.csv"] = files["base/codes/sex.csv"].replace("drop", "error")
    plan = make_plan()
    assert patient(plan, read(PID))["gender"] == "female"
    with pytest.raises(FaultError) as raised:
        plan.map(read(PID.replace("|F", "|Q")), 0)
    assert raised.value.fault.code == "unmapped-code-refused"
    assert raised.value.fault.where == "PID-8, base/resources.yaml:11"
