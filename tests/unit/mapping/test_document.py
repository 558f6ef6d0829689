"""`document:` where it cannot stand, labels of security, and references by key."""

from collections.abc import Callable

import pytest

from engine.formats.hl7v2.parse import Message
from engine.mapping.plan import Plan
from engine.mapping.problem import MappingErrors

MakePlan = Callable[..., Plan]
Read = Callable[..., Message]
HEAD = "map: v1\nkind: overlay\nchange:\n"
PID = "PID|1||7^^^HOSP^MR||QUILL^TESS||19800112|F"


def codes(files: dict[str, str], make_plan: MakePlan, change: str) -> list[str]:
    files["site/x/overlay.yaml"] = HEAD + change
    with pytest.raises(MappingErrors) as caught:
        make_plan("site/x")
    return [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("birthDate: {document: PID-7}", "E220"),
        ("photo: [{document: PID-3}]", "E220"),
        ("photo: [{document: [PID-3]}]", "E220"),
        ("photo: [{document: PID-99}]", "E202"),
    ],
)
def test_a_document_is_an_attachment_of_an_ed_or_of_text(
    files: dict[str, str], make_plan: MakePlan, rule: str, code: str
) -> None:
    assert codes(files, make_plan, f"  PID-Patient:\n    {rule}\n") == [code]


def test_labels_are_codings_of_the_meta(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    label = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R"
    rule = f'[{{when: PID-8 = "F", from: "={label}"}}]'
    files["site/x/overlay.yaml"] = f"{HEAD}  PID-Patient:\n    $security: {rule}\n"
    plan = make_plan("site/x")
    (closed,) = plan.map(read(PID), 0).contributions
    assert closed.body["meta"]["security"] == [
        {"system": label.partition("|")[0], "code": "R"},
    ]
    (open_one,) = plan.map(read(PID[:-1] + "M"), 0).contributions
    assert "security" not in open_one.body["meta"]


def test_a_reference_by_key_stands_only_where_it_leads(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    rule = "[{label: first, set: {condition: {ref: Condition, key: [[Patient, PV1-3.1]]}}}]"
    files["site/x/overlay.yaml"] = f"{HEAD}  PV1-Encounter:\n    diagnosis: {rule}\n"
    plan = make_plan("site/x")
    visit = "PV1|1|I|{}||||||||||||||||V1"
    said = plan.map(read(PID, visit.format("J18"), "DG1|1||J18^Pneumonia"), 0).contributions
    bodies = {one.type: one.body for one in said}
    link = {"reference": f"Condition/{bodies['Condition']['id']}"}
    assert bodies["Encounter"]["diagnosis"] == [{"condition": link}]
    said = plan.map(read(PID, visit.format("J19"), "DG1|1||J18^Pneumonia"), 0).contributions
    assert "diagnosis" not in next(one.body for one in said if one.type == "Encounter")
