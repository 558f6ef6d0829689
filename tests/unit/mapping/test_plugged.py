from dataclasses import replace

import pytest

from engine.core.fault import FaultError
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import Library
from engine.mapping.plan import MappingErrors, Plan, compile_plan
from engine.mapping.plugged import Functions, FunctionSpec, registered
from engine.mapping.site import SiteProfile
from tests.small_mapping import small_mapping

MAPS = small_mapping("name: {set: {family: 'backwards(PID-5.1)'}}", trigger="ADT^A08")
MESSAGE = b"MSH|^~\\&|A|B|C|D|20260914080000||ADT^A08^ADT_A01|1|P|2.5.1\rPID|1||7||%b\r"


def backwards(args: list[list[str]]) -> str:
    return args[0][0][::-1]


SPEC = FunctionSpec("backwards", 1, 1, "1.0", "turns a text round", backwards, pure=True)


def plan_of(functions: Functions, text: str = MAPS) -> Plan:
    profile = SiteProfile("mercy", "UTC", ("base",), bytes(32), functions=functions)
    return compile_plan(Library((("base/all.yaml", text),)), profile)


def family(plan: Plan, name: bytes) -> object:
    (patient,) = plan.map(parse(MESSAGE % name), 0).contributions
    return patient.body.get("name")


def test_a_mapping_calls_it_by_name() -> None:
    assert family(plan_of(registered([SPEC])), b"EOD") == [{"family": "DOE"}]


def test_it_is_not_called_for_nothing() -> None:
    assert family(plan_of(registered([SPEC])), b"") is None


def test_what_fails_says_the_rule_and_not_the_value() -> None:
    def failing(args: list[list[str]]) -> str:
        raise ValueError(args[0][0])

    plan = plan_of(registered([replace(SPEC, call=failing)]))
    with pytest.raises(FaultError) as caught:
        family(plan, b"SECRET")
    assert caught.value.fault.code == "function-failed"
    assert caught.value.fault.where == "base/all.yaml:13, backwards(PID-5.1)"
    assert "SECRET" not in str(caught.value.fault)


def test_what_gives_no_text_is_a_fault_too() -> None:
    plan = plan_of(registered([replace(SPEC, call=lambda _: None)]))  # type: ignore[arg-type,return-value]
    with pytest.raises(FaultError, match="function-result"):
        family(plan, b"EOD")


def test_name_and_version_are_part_of_the_plan() -> None:
    other = registered([replace(SPEC, version="1.1")])
    unused = registered([SPEC, replace(SPEC, name="sideways")])
    one = plan_of(registered([SPEC]))
    assert one.id != plan_of(other).id
    assert one.id == plan_of(unused).id


def test_an_unknown_one_is_a_mistake_with_advice() -> None:
    with pytest.raises(MappingErrors) as caught:
        plan_of(registered([SPEC]), MAPS.replace("backwards(", "bakwards("))
    (problem,) = caught.value.problems
    assert problem.code == "E205"
    assert "did you mean 'backwards'" in problem.frame()


def test_the_number_of_arguments_is_checked() -> None:
    with pytest.raises(MappingErrors) as caught:
        plan_of(registered([SPEC]), MAPS.replace("(PID-5.1)", "(PID-5.1, PID-5.2)"))
    assert [one.code for one in caught.value.problems] == ["E205"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (replace(SPEC, pure=False), "pure"),
        (replace(SPEC, name="upper"), "another function"),
        (replace(SPEC, name="Bad-Name"), "a name is"),
        (replace(SPEC, least=0), "arguments"),
        (replace(SPEC, version=""), "a version is"),
    ],
)
def test_what_cannot_be_one_is_refused(spec: FunctionSpec, why: str) -> None:
    with pytest.raises(FaultError, match="function-refused") as caught:
        registered([spec])
    assert why in caught.value.fault.message


def test_one_name_is_one_function() -> None:
    with pytest.raises(FaultError, match="function-refused"):
        registered([SPEC, SPEC])
