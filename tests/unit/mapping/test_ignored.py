"""`ignore:`: left out on purpose, with a reason, and refused where a rule reads it."""

import pytest

from engine.mapping.plan import MappingErrors
from tests.unit.mapping.conftest import MakePlan
from tests.unit.mapping.fhir_documents import FILES, plan_of

OVERLAY = "map: v1\nkind: overlay\nignore:\n"


def codes(make_plan: MakePlan, *layers: str) -> list[str]:
    with pytest.raises(MappingErrors) as caught:
        make_plan(*layers)
    return [one.code for one in caught.value.problems]


def test_a_field_a_segment_and_a_z_field(make_plan: MakePlan, files: dict[str, str]) -> None:
    files["base/ignored.yaml"] = OVERLAY + '  PID-1: "a number"\n  ZPD-4: "..."\n  GT1: "no"\n'
    found = make_plan().ignored
    assert {name: one.reason for name, one in found.items()} == {
        "PID-1": "a number",
        "ZPD-4": "...",
        "GT1": "no",
    }
    assert str(found["ZPD-4"].place) == "base/ignored.yaml:5:3"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('PID-99: "beyond"', "E202"),
        ('QQQ-1: "unknown"', "E202"),
        ('birthDate: "no field"', "E202"),
        ('PID-1: ""', "E113"),
        ('PID-7: "a rule reads it"', "E280"),
        ('PID: "rules read fields of it"', "E280"),
        ('PV1-2: "a rule reads it"', "E280"),
        ('PID-4: "the identity rule reads it"', "E280"),
    ],
)
def test_mistakes(make_plan: MakePlan, files: dict[str, str], line: str, code: str) -> None:
    files["base/ignored.yaml"] = f"{OVERLAY}  {line}\n"
    assert codes(make_plan) == [code]


def test_a_later_layer_thinks_better_of_it(make_plan: MakePlan, files: dict[str, str]) -> None:
    files["base/ignored.yaml"] = OVERLAY + '  PID-39: "tribe"\n'
    files["site/a/overlay.yaml"] = (
        "map: v1\nkind: overlay\nchange:\n  PID-Patient: {maritalStatus: PID-39}\n"
    )
    assert "PID-39" in make_plan().ignored
    assert "PID-39" not in make_plan("site/a").ignored


def test_a_later_layer_cannot_ignore_what_is_read(
    make_plan: MakePlan, files: dict[str, str]
) -> None:
    files["site/a/overlay.yaml"] = OVERLAY + '  PID-7: "nobody asks"\n'
    assert codes(make_plan, "site/a") == ["E280"]


def test_elements_of_resources() -> None:
    name = next(name for name, text in FILES.items() if "from: Observation" in text)
    text = FILES[name].replace("from: Observation\n", "from: Observation\nignore: {textt: why}\n")
    with pytest.raises(MappingErrors) as caught:
        plan_of({**FILES, name: text})
    (problem,) = caught.value.problems
    assert (problem.code, problem.help) == ("E203", "did you mean 'text'?")
