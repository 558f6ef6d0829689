"""`absent:` says why a value is missing, where FHIR wants a reason rather than nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.formats.hl7v2.parse import Message
from engine.mapping.plan import MappingErrors, Plan
from engine.r4.validate import validate

MakePlan = Callable[..., Plan]
Read = Callable[..., Message]
HEAD = "map: v1\nkind: overlay\nchange:\n  OBX-Observation:\n"
WHY = {
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": "unknown",
        }
    ]
}
PID = "PID|1||77^^^HOSP^MR||Doe^Jane||19800102|F"


@pytest.fixture
def observed(files: dict[str, str], make_plan: MakePlan, read: Read) -> Callable[..., Any]:
    def found(overlay: str, obx: str) -> dict[str, Any]:
        files["site/x/overlay.yaml"] = HEAD + overlay
        message = read(PID, "OBR|1|P1|F1|CBC", obx, kind="ORU^R01")
        made = make_plan("site/x").map(message, 0).contributions
        (body,) = [one.body for one in made if one.type == "Observation"]
        assert validate(body) == []
        return body

    return found


def test_a_primitive_gets_the_reason_beside_it(observed: Callable[..., Any]) -> None:
    overlay = "    status: {from: OBX-11, map: {F: final}, absent: unknown}\n"
    assert observed(overlay, "OBX|1|ST|GLU||5||||||F")["status"] == "final"
    body = observed(overlay, "OBX|1|ST|GLU||5")
    assert "status" not in body
    assert body["_status"] == WHY


def test_anything_else_gets_it_in_its_place(observed: Callable[..., Any]) -> None:
    overlay = "    method: {from: OBX-17, absent: unknown}\n"
    assert observed(overlay, "OBX|1|ST|GLU||5")["method"] == WHY
    body = observed(overlay, "OBX|1|ST|GLU||5||||||F||||||M1^Strip")
    assert body["method"]["coding"][0]["code"] == "M1"


def test_inside_other_elements(observed: Callable[..., Any]) -> None:
    overlay = (
        "    component: [{set: {code: OBX-17, valueQuantity: "
        "{value: {from: OBX-5, absent: unknown}, unit: OBX-6.1}}}]\n"
    )
    body = observed(overlay, "OBX|1|NM|GLU|||mg|||||||||||M1")
    assert body["component"][0]["valueQuantity"] == {"_value": WHY, "unit": "mg"}


@pytest.mark.parametrize(
    ("overlay", "code"),
    [
        ("    status: {from: OBX-11, absent: unknwon}\n", "E212"),
        ('    method: {from: OBX-17, absent: unknown, default: "=x|y"}\n', "E113"),
    ],
)
def test_mistakes(files: dict[str, str], make_plan: MakePlan, overlay: str, code: str) -> None:
    files["site/x/overlay.yaml"] = HEAD + overlay
    with pytest.raises(MappingErrors) as raised:
        make_plan("site/x")
    assert code in {one.code for one in raised.value.problems}


def test_a_reason_that_would_outlive_its_value_is_refused(
    files: dict[str, str], make_plan: MakePlan
) -> None:
    overlay = (
        "map: v1\nkind: overlay\nchange:\n"
        "  PID-Patient: {birthDate: {from: PID-7, absent: unknown}}\n"
    )
    files["site/x/overlay.yaml"] = overlay
    with pytest.raises(MappingErrors) as raised:
        make_plan("site/x")
    (problem,) = raised.value.problems
    assert (problem.code, problem.help) == ("E113", "in mode merge write default:")
