"""What a rule gives counts as valid R4 by how it is made; where that is in doubt, it does not."""

from collections.abc import Callable

import pytest

from engine.core.values import Contribution
from engine.formats.hl7v2.parse import Message
from engine.mapping.plan import Plan
from engine.r4.validate import validate

MakePlan = Callable[..., Plan]
Read = Callable[..., Message]
HEADER = "source_system,source_code,target_system,target_code,target_display,relationship,comment\n"


def patient(plan: Plan, message: Message) -> Contribution:
    """Return the Patient of a message, as valid as it says."""
    (made,) = (one for one in plan.map(message, 0).contributions if one.type == "Patient")
    assert validate(made.body, made.proven) == validate(made.body)
    return made


@pytest.mark.parametrize(
    ("name", "pid"),
    [
        ("identifier", "PID|1||7^^^HOSP^MR~8^^^NOBODY^MR"),
        ("name", "PID|1||7||QUILL^TESS AVA^^JR^DR^^L"),
        ("name", "PID|1||7||\\.br\\^\\X41\\^\t\x7f"),
        ("telecom", "PID|1||7||||||||||555-0142^PRN^PH~^NET^Internet^tess@mail.example"),
        ("birthDate", "PID|1||7||||19800112"),
        ("gender", "PID|1||7|||||X"),
        ("contact", "PID|1||7\rNK1|1|QUILL^PERCY"),
    ],
)
def test_what_is_valid_by_construction_is_proven_at_first_sight(
    plan: Plan, read: Read, name: str, pid: str
) -> None:
    made = patient(plan, read(*pid.split("\r")))
    assert name in made.body
    assert name in made.proven


@pytest.mark.parametrize(
    ("name", "pid"),
    [
        ("name", "PID|1||7||QUILL^TESS^^^^^L^^^20260101000000+1430"),  # no zone is that far east
        ("identifier", "PID|1||7^^^HOSP^MR^^20260101000000+1430"),
        ("name", f"PID|1||7||{'Q' * 30_000}"),
    ],
)
def test_what_may_be_invalid_is_not(plan: Plan, read: Read, name: str, pid: str) -> None:
    for _ in range(2):
        made = patient(plan, read(pid))
        assert name in made.body
        assert name not in made.proven


def test_a_code_table_that_gives_foreign_codes_proves_nothing(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    files["base/codes/name-use.csv"] = HEADER + ",L,,legal,,,\n"
    made = patient(make_plan(), read("PID|1||7||QUILL^TESS^^^^^L"))
    assert made.body["name"] == [{"use": "legal", "family": "QUILL", "given": ["TESS"]}]
    assert "name" not in made.proven


def test_what_an_expression_puts_together_is_measured(
    files: dict[str, str], make_plan: MakePlan, read: Read
) -> None:
    text = f'replace(PID-2, "Q", "{"z" * 100}")'
    files["site/x/overlay.yaml"] = f"""map: v1
kind: overlay
change:
  PID-Patient:
    maritalStatus: {{set: {{text: '{text}'}}}}
"""
    plan = make_plan("site/x")
    assert "maritalStatus" in patient(plan, read("PID|1|Q|7")).proven
    assert "maritalStatus" not in patient(plan, read(f"PID|1|{'Q' * 19_000}|7")).proven
