"""Shapes show no value."""

import pytest

from engine.survey.mask import shape, shape_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Abernathy^Rosalind", "Aaaaa^Aaaaa"),
        ("19490217", "9999"),
        ("666-41-7702", "999-99-9999"),
        ("4 Sedge Ln", "9 Aaaaa Aa"),
        ("Müller", "Aaaaa"),
        ("MR4N", "AA9A"),
        ("a\tb\nc", "a a a"),
        ("\u2603", "?"),
        ("", ""),
    ],
)
def test_shapes(text: str, shown: str) -> None:
    assert shape(text) == shown


def test_a_long_value_has_a_short_shape() -> None:
    assert len(shape("a1" * 500)) <= 40


def test_an_object_shows_its_names_alone() -> None:
    assert shape_of({"text": "Doe", "coding": []}) == "{coding, text}"
    assert shape_of([{"text": "Doe"}, 1]) == "[{text}]"
    assert shape_of(12) == "99"
