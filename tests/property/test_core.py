"""Laws of the small values every layer shares."""

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.clock import instant
from engine.core.ids import keyed_id
from engine.core.lexeme import Number, decode, encode, number
from engine.core.problem import Place, Problem, concealed
from engine.core.strict_yaml import read

DECIMALS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?", fullmatch=True)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | DECIMALS.map(Number)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('abé"\\:,[0.', max_size=4), inner)
    ),
    max_leaves=12,
)
KEYS = st.binary(min_size=16, max_size=32)
WORDS = st.text('ab\x1f"[],é', max_size=4)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_what_was_written_is_read_back_and_written_the_same(tree: Any) -> None:
    text = encode(tree)
    assert encode(decode(text)) == text


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_what_is_written_is_json_with_the_same_numbers(tree: Any) -> None:
    theirs = json.loads(encode(tree), parse_float=Decimal, parse_int=Decimal)
    assert theirs == _decimals(tree)


def _decimals(tree: Any) -> Any:
    if isinstance(tree, Number):
        return Decimal(tree)
    if isinstance(tree, dict):
        return {key: _decimals(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_decimals(value) for value in tree]
    return Decimal(tree) if type(tree) is int else tree


@given(st.text("0123456789+-.eE \u0661", max_size=12))
def test_a_number_is_none_or_json_of_the_same_value(text: str) -> None:
    read_number = number(text)
    if read_number is not None:
        assert json.loads(read_number, parse_float=Decimal, parse_int=Decimal) == Decimal(
            text.strip()
        )
        assert number(read_number) == read_number


@given(DECIMALS)
def test_a_json_number_stays_as_it_is(text: str) -> None:
    assert number(text) == text


@given(KEYS, WORDS, WORDS, st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=4))
def test_ids_agree_exactly_when_the_parts_do(
    key: bytes, site: str, kind: str, one: list[str], other: list[str]
) -> None:
    same = keyed_id(key, site, kind, one) == keyed_id(key, site, kind, other)
    assert same == (one == other)


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_an_instant_is_the_millisecond_it_names(time_us: int) -> None:
    text = instant(time_us)
    assert INSTANT.fullmatch(text)
    seconds = datetime.fromisoformat(text) - datetime.fromisoformat("1970-01-01T00:00:00Z")
    assert seconds.days * 86_400_000 + seconds.seconds * 1000 + seconds.microseconds // 1000 == (
        time_us // 1000
    )


@given(st.text(max_size=80), st.integers(1, 90), st.integers(1, 90))
def test_a_frame_is_total_and_a_secret_never_shows(line: str, column: int, width: int) -> None:
    place = Place("r.yaml", 1, column, width, line)
    assert Problem("E1", "x", place, "y").frame().startswith("r.yaml:1:")
    hidden = line[column - 1 : column - 1 + width]
    masked = concealed(place)
    assert masked.source == line[: column - 1] + "***" + line[column - 1 + width :]
    assert masked.source.count(hidden) <= line.count(hidden) or set(hidden) <= {"*"}


@settings(max_examples=100, deadline=None)
@given(st.text("ab: -[]{}&*!#|>\n\t\"'\\%@`,?\0\u2028\ufeff", max_size=60))
def test_reading_yaml_never_raises_and_gives_a_root_or_a_problem(text: str) -> None:
    document = read(text, "f.yaml")
    assert all(
        problem.place.line >= 1 and problem.place.column >= 1 for problem in document.problems
    )
    assert all(problem.frame() for problem in document.problems)
