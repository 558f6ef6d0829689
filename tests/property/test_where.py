"""A filter of messages is read or refused with a place, whatever somebody types."""

from hypothesis import given
from hypothesis import strategies as st

from engine.pipeline.where import NAMES, WhereError, read_where

WORDS = st.sampled_from(
    [*NAMES, "=", "!=", " and ", "'", '"', " ", "*", "2026-11-01", "quarantined"]
)


def told(text: str) -> str:
    try:
        return " ".join(term.name for term in read_where(text).terms)
    except WhereError as error:
        return error.problem.frame()


@given(st.text() | st.lists(WORDS).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert told(text)
