"""Parts of a field."""

import pytest

from engine.formats.hl7v2.encoding import STANDARD, read_delimiters
from engine.formats.hl7v2.path import component, is_null, repetitions, subcomponent


def test_repetitions() -> None:
    assert repetitions("a~b~", STANDARD) == ["a", "b", ""]
    assert repetitions("a", STANDARD) == ["a"]
    assert repetitions("", STANDARD) == []


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("a^b^c", 1, "a"),
        ("a^b^c", 2, "b"),
        ("a^b^c", 3, "c"),
        ("a^b^c", 4, ""),
        ("a^b^c", 0, ""),
        ("a", 1, "a"),
        ("a", 2, ""),
        ("", 1, ""),
        ("^b", 1, ""),
        ("a&b^c", 1, "a&b"),
    ],
)
def test_component(text: str, number: int, expected: str) -> None:
    assert component(text, number, STANDARD) == expected


@pytest.mark.parametrize(
    ("text", "number", "sub", "expected"),
    [
        ("a&b^c", 1, 2, "b"),
        ("a&b^c", 2, 1, "c"),
        ("a&b^c", 2, 2, ""),
        ("a&b^c", 1, -1, ""),
        ("a", 1, 1, "a"),
    ],
)
def test_subcomponent(text: str, number: int, sub: int, expected: str) -> None:
    assert subcomponent(text, number, sub, STANDARD) == expected


def test_only_two_quotes_are_null() -> None:
    assert is_null('""')
    assert not is_null("")
    assert not is_null('" "')
    assert not is_null('"""')


def test_separators_that_were_not_declared_never_split() -> None:
    delimiters = read_delimiters("MSH|^|")
    assert repetitions("a~b", delimiters) == ["a~b"]
    assert subcomponent("x^a&b", 2, 1, delimiters) == "a&b"
