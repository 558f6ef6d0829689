"""What a replay remembers of the messages that workers write beside it."""

from engine.pipeline.rederive.fold import Seen


def test_what_is_settled_needs_not_be_remembered_one_by_one() -> None:
    seen = Seen().also({3, 5, 9}).settled(5)
    assert seen == Seen(5, frozenset({9}))
    assert seen.also({7}) == Seen(5, frozenset({7, 9}))


def test_an_offset_that_lags_behind_takes_nothing_back() -> None:
    assert Seen(8, frozenset({9})).settled(4) == Seen(8, frozenset({9}))
