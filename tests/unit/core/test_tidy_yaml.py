"""The layout of YAML that people write: what changes, and what never does."""

from pathlib import Path

import pytest

from engine.core.tidy_yaml import WIDTH, NotTidiedError, tidied

ROOT = Path(__file__).parents[3]
LONG = "Observation-long-name" * 3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a:   1\n", "a: 1\n"),
        ("a: {b: 1,c:   2}\n", "a: {b: 1, c: 2}\n"),
        ("a:\n      b: 1\n", "a:\n  b: 1\n"),
        ("a:\n- 1\n-   2\n", "a:\n  - 1\n  - 2\n"),
        ("a: [ x,y ]  # why\n", "a: [x, y]  # why\n"),
        ("a: 1\n\n\n\nb: 2", "a: 1\n\nb: 2\n"),
        ("a: 'it''s'\nb: \"q\"\n", "a: 'it''s'\nb: \"q\"\n"),
        ("# first\n\na: 1   # one\n# last\n", "# first\n\na: 1  # one\n# last\n"),
        ("a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ("- a: 1\n  b: 2\n- - x\n", "- a: 1\n  b: 2\n- - x\n"),
        ("a: [{b: c}, d: e]\n", "a: [{b: c}, {d: e}]\n"),
        (
            "a: |\n    one\n      two\n\n    three\nb: 1\n",
            "a: |\n  one\n    two\n\n  three\nb: 1\n",
        ),
        ("a: 1\n---\n# of the second\nb: 2\n", "a: 1\n---\n# of the second\nb: 2\n"),
        ("a: one\n  two\n", 'a: "one two"\n'),
        ("a: '#no'  # yes\n", "a: '#no'  # yes\n"),
    ],
)
def test_layout(before: str, after: str) -> None:
    assert tidied(before) == after
    assert tidied(after) == after


def test_brackets_that_are_too_long_become_blocks() -> None:
    before = f"a: {{one: {LONG}, two: {LONG}, three: {{four: 5}}}}\n"
    assert len(before) > WIDTH
    assert tidied(before) == f"a:\n  one: {LONG}\n  two: {LONG}\n  three: {{four: 5}}\n"


def test_a_long_item_begins_behind_its_dash() -> None:
    before = f"a:\n  - {{one: {LONG}, two: {LONG}}}\n"
    assert tidied(before) == f"a:\n  - one: {LONG}\n    two: {LONG}\n"


def test_a_long_list_of_words_is_wrapped() -> None:
    found = tidied(f"a: [{', '.join(['ADT^A01'] * 30)}]\n")
    assert len(found.splitlines()) == 3
    assert max(map(len, found.splitlines())) <= WIDTH


def test_comments_inside_brackets_are_kept_and_open_them() -> None:
    before = "a: {b: 1,  # the first\n    c: 2}\n"
    assert tidied(before) == "a:\n  b: 1  # the first\n  c: 2\n"


def test_what_would_say_something_else_is_refused() -> None:
    with pytest.raises(NotTidiedError):
        tidied("a: |2\n    deep\n  not so deep\n")


def test_everything_people_write_here_is_laid_out() -> None:
    files = [f for name in ("mappings", "config", "samples") for f in (ROOT / name).rglob("*.yaml")]
    assert len(files) > 70
    for file in files:
        text = file.read_text("utf-8")
        assert tidied(tidied(text)) == tidied(text), file


def test_the_library_is_laid_out() -> None:
    files = (ROOT / "mappings").rglob("*.yaml")
    untidy = [file for file in files if tidied(text := file.read_text("utf-8")) != text]
    assert untidy == [], "concord fmt mappings"
