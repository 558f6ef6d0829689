import dataclasses

import pytest

from engine.core.fault import Category, Fault, FaultError, refuse


def test_a_fault_says_code_message_and_place() -> None:
    fault = Fault(Category.INVALID, "field-missing", "a required field is empty", "PID-3[2].1")
    assert str(fault) == "field-missing: a required field is empty at PID-3[2].1"


def test_a_fault_without_a_place_says_nothing_of_one() -> None:
    assert str(Fault(Category.BUSY, "intake-full", "try again")) == "intake-full: try again"


def test_a_fault_is_a_value() -> None:
    one = Fault(Category.BUG, "x", "y")
    assert one == Fault(Category.BUG, "x", "y")
    assert len({one, Fault(Category.BUG, "x", "y")}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.code = "z"  # type: ignore[misc]  # that it is refused is what is tested


def test_refuse_builds_what_carries_the_fault() -> None:
    error = refuse(Category.NOT_FOUND, "no-such", "nothing is there", "Patient/1")
    assert isinstance(error, FaultError)
    assert error.fault == Fault(Category.NOT_FOUND, "no-such", "nothing is there", "Patient/1")
    assert str(error) == str(error.fault)


def test_the_categories_are_those_four_tables_read() -> None:
    assert {one.value for one in Category} == {
        "invalid",
        "unsupported",
        "forbidden",
        "not-found",
        "conflict",
        "busy",
        "unavailable",
        "bug",
    }
