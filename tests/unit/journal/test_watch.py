import pytest

from engine.journal.watch import Watch

LEASE = 10


class Ticks:
    now = 1_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def test_an_owner_whose_beat_stands_still_is_silent(ticks: Ticks) -> None:
    watch = Watch(LEASE, ticks)
    seen = []
    for _ in range(5):
        seen.append(watch.silent([("still", 7), ("lively", ticks.now)]))
        ticks.now += 3
    assert seen == [[], [], [], [], ["still"]]


def test_a_beat_that_went_back_is_a_sign_of_life(ticks: Ticks) -> None:
    """A host that was started again counts its ticks anew."""
    watch = Watch(LEASE, ticks)
    for beat in (9, 8, 7, 6, 5):
        assert watch.silent([("one", beat)]) == []
        ticks.now += 4


def test_time_in_which_one_could_not_look_counts_for_half_a_lease(ticks: Ticks) -> None:
    watch = Watch(LEASE, ticks)
    watch.silent([("one", 7)])
    ticks.now += 1_000
    assert watch.silent([("one", 7)]) == []
    ticks.now += 5
    assert watch.silent([("one", 7)]) == ["one"]


def test_who_comes_back_is_watched_anew(ticks: Ticks) -> None:
    watch = Watch(LEASE, ticks)
    watch.silent([("one", 7)])
    ticks.now += 5
    watch.silent([])
    ticks.now += 5
    assert watch.silent([("one", 7)]) == []
