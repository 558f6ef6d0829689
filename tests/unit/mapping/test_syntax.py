"""The notation of expressions."""

import pytest

from engine.mapping import syntax
from engine.mapping.syntax import Compare, Current, Either, ExpressionError, Literal, Path


def test_path_with_group_repetition_component_and_sub() -> None:
    tree = syntax.parse("PATIENT.VISIT.PV1-3[2].4.1")
    assert tree == Path(("PATIENT", "VISIT"), "PV1", 3, 2, 4, 1)


def test_path_with_condition() -> None:
    tree = syntax.parse('PID-3[$5 = "MR"].1')
    condition = Compare("=", Current(5), (Literal("MR"),))
    assert tree == Path((), "PID", 3, condition, 1)


def test_bar_binds_tighter_than_comparison() -> None:
    tree = syntax.parse('PID-7 | PID-8 = "F"')
    assert isinstance(tree, Compare)
    assert isinstance(tree.left, Either)


@pytest.mark.parametrize(
    ("text", "negated", "kind"),
    [
        ("PID-7 valued", False, "valued"),
        ("PID-7 is not valued", True, "valued"),
        ("PID-7 not valued", True, "valued"),
        ("PID-7 is null", False, "null"),
    ],
)
def test_states_of_a_field(text: str, negated: bool, kind: str) -> None:
    assert syntax.parse(text) == syntax.Test(kind, Path((), "PID", 7), negated)


def test_both_quotes_and_escapes() -> None:
    assert syntax.parse(r'"a\n\"b\""') == Literal('a\n"b"')
    assert syntax.parse("'it'") == Literal("it")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("PID-", 3),
        ("PID-3[0]", 6),
        ("(PID-3", 6),
        ("PID-3 in PID-4", 9),
        ("PID-3 =", 7),
        ("", 0),
        ("PID-3 PID-4", 6),
        ("a(b", 3),
    ],
)
def test_what_is_no_expression_says_where(text: str, start: int) -> None:
    with pytest.raises(ExpressionError) as raised:
        syntax.parse(text)
    assert raised.value.start == start


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ExpressionError, match="nested too deep"):
        syntax.parse("(" * 100 + "PID-3" + ")" * 100)


def test_names_of_the_fields_read() -> None:
    tree = syntax.parse('concat(PID-5.1, PID-5.2) | PID-9 = "x"')
    assert syntax.label(tree) == "PID-5.1, PID-5.2, PID-9"
