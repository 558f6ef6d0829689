from hypothesis import given
from hypothesis import strategies as st

from engine.store.search.fold import EDGE, MOST, fold, string_value, token_value


def test_case_accents_and_spaces_do_not_count() -> None:
    assert fold("  NÚÑEZ   de  la Cruz ") == "nunez de la cruz"
    assert fold("Straße") == "strasse"


@given(st.text())
def test_folding_twice_changes_nothing_but_length(text: str) -> None:
    once = fold(text)
    assert EDGE not in once
    assert len(once) <= MOST * 20


@given(st.text(), st.text())
def test_index_values_have_one_edge(one: str, other: str) -> None:
    assert string_value(one).count(EDGE) == 1
    assert token_value(one, other).count(EDGE) == 1
