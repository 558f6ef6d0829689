"""The strict subset of YAML: what is read, and what is refused where."""

import pytest

from engine.core import strict_yaml
from engine.core.problem import Place, Problem, concealed, suggestion


def codes(text: str) -> list[tuple[str, int, int]]:
    problems = strict_yaml.read(text, "f.yaml").problems
    return [(problem.code, problem.place.line, problem.place.column) for problem in problems]


def test_every_scalar_is_a_string() -> None:
    document = strict_yaml.read("a: NO\nb: 1.10\nc: 2026-01-01\nd:\ne: [~, 'x']\n", "f.yaml")
    assert document.problems == ()
    assert document.root is not None
    assert strict_yaml.plain(document.root) == {
        "a": "NO",
        "b": "1.10",
        "c": "2026-01-01",
        "d": "",
        "e": ["~", "x"],
    }


def test_a_node_knows_its_place() -> None:
    root = strict_yaml.read("a:\n  familly: b\n", "f.yaml").root
    assert isinstance(root, strict_yaml.Table)
    inner = root.get("a")
    assert isinstance(inner, strict_yaml.Table)
    assert inner.entries[0].key.place == Place("f.yaml", 2, 3, 7, "  familly: b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", [("E102", 2, 1)]),
        ("a: &x 1\nb: *x\n", [("E103", 1, 4), ("E103", 2, 4)]),
        ("a: !!python/object:os.system x\n", [("E104", 1, 4)]),
        ("[a]: 1\n", [("E107", 1, 1)]),
        ("a: 1\n---\nb: 2\n", [("E108", 2, 1)]),
        ("a: [1\nb: 2\n", [("E101", 1, 4)]),
        ("a: 1\nb: \x01\n", [("E101", 2, 4)]),
        ("x" * (strict_yaml.MAX_CHARACTERS + 1), [("E106", 1, 1)]),
    ],
)
def test_what_surprises_is_refused(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: 1\nb: 'x\nc: 2\nd: 'y'\ne: 3\n", 2, "quote"),
        ('a: 1\nb: "x\nc: 2\n', 2, "quote"),
        ('a: {b: "x, c: d}\ne: {f: "g"}\n', 1, "quote"),
        ("l:\n  - {a: b}\n  - {c: d\n  - {e: f}\n", 3, "bracket"),
        ("a: [x\nb: 1\nc: 2\n", 1, "bracket"),
    ],
)
def test_what_is_left_open_is_shown_where_it_is_opened(text: str, line: int, word: str) -> None:
    (problem,) = strict_yaml.read(text, "f.yaml").problems
    assert (problem.place.line, problem.help) == (
        line,
        f"is the {word} closed that is opened here?",
    )


def test_a_text_over_several_lines_is_not_blamed_for_a_later_mistake() -> None:
    (problem,) = strict_yaml.read("a: 'x\n  y'\nb: 1\n c: 2\n", "f.yaml").problems
    assert problem.place.line == 4


def test_all_problems_in_one_run() -> None:
    assert [code for code, _, _ in codes("a: &x 1\na: !t 2\na: 3\n")] == [
        "E103",
        "E104",
        "E102",
        "E102",
    ]


def test_deep_nesting_ends_early() -> None:
    assert [code for code, _, _ in codes("[" * 5000)] == ["E105"]


def test_empty_text_has_no_root() -> None:
    assert strict_yaml.read("# nothing\n", "f.yaml") == strict_yaml.Document(None)


def test_a_byte_order_mark_is_no_key() -> None:
    root = strict_yaml.read("\ufeffa: 1\n", "f.yaml").root
    assert root is not None
    assert strict_yaml.plain(root) == {"a": "1"}


def test_frame_shows_the_line_and_a_caret() -> None:
    place = Place("map.yaml", 5, 9, 7, "    to: familly")
    frame = Problem(
        "E203", "no element 'familly'", place, suggestion("familly", ["family"])
    ).frame()
    assert frame.splitlines() == [
        "map.yaml:5:9: E203 no element 'familly'",
        "     5 |     to: familly",
        "       |         ^^^^^^^",
        "       = help: did you mean 'family'?",
    ]


def test_a_concealed_place_does_not_quote() -> None:
    place = concealed(Place("r.yaml", 1, 8, 6, "token: s3cret # note"))
    assert "s3cret" not in Problem("E309", "literal secret", place).frame()
    assert place.source.endswith("# note")
