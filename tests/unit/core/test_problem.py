import pytest

from engine.core.problem import Place, Problem, concealed, suggestion

PLACE = Place("site.yaml", 14, 9, 5, "  port: wrong")


def test_a_frame_shows_the_line_with_a_caret_under_it() -> None:
    frame = Problem("E201", "not a port", PLACE, "write a number").frame()
    assert frame.splitlines() == [
        "site.yaml:14:9: E201 not a port",
        "    14 |   port: wrong",
        "       |         ^^^^^",
        "       = help: write a number",
    ]


def test_the_caret_stands_right_behind_tabs() -> None:
    caret = Problem("E101", "x", Place("f", 1, 3, 1, "\t\tx")).frame().splitlines()[2]
    assert caret == "       | \t\t^"


def test_without_a_line_there_is_no_caret_and_without_help_none() -> None:
    assert Problem("E106", "too long", Place("f", 1, 1)).frame() == "f:1:1: E106 too long"


def test_a_secret_is_masked_and_its_length_hidden() -> None:
    place = Place("r.yaml", 2, 10, 14, '  token: "hunter2-long" # mine')
    masked = concealed(place)
    assert masked.source == "  token: *** # mine"
    assert "hunter2" not in Problem("E1", "x", masked).frame()
    assert masked.width == 3


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("timezon", "did you mean 'timezone'?"),
        ("TimeZone", "did you mean 'timezone'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_a_near_word_is_suggested_and_a_far_one_is_not(word: str, said: str) -> None:
    assert suggestion(word, ["timezone", "mappings"]) == said


def test_nothing_known_suggests_nothing() -> None:
    assert suggestion("port", []) == ""
