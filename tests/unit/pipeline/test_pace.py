"""How a batch's size follows the time it works under the lock."""

from engine.pipeline.pace import FEWEST, LINGER, LOCK_GOAL_US, PIECE_GOAL_US, Pace, first_pace


def settled(each_us: int, most: int = 256, rounds: int = 20) -> Pace:
    pace = first_pace(most)
    for _ in range(rounds):
        pace = pace.after(pace.size, pace.size * each_us)
    return pace


def test_a_batch_takes_as_long_as_the_goal() -> None:
    assert settled(500).size == LOCK_GOAL_US // 500


def test_a_quick_batch_grows_to_the_limit_and_no_further() -> None:
    assert settled(1).size == 256
    assert settled(0).size == 256
    assert settled(1, most=16).size == 16


def test_a_slow_one_shrinks_but_not_to_single_messages() -> None:
    assert settled(100_000).size == FEWEST
    assert settled(100_000, most=1).size == 1


def test_who_is_not_cut_short_has_a_smaller_goal() -> None:
    pace = first_pace(512, 10_000)
    for _ in range(20):
        pace = pace.after(pace.size, pace.size * 500)
    assert pace.size == 20


def test_one_slow_batch_is_forgotten() -> None:
    pace = settled(500)
    slow = pace.after(pace.size, 20 * LOCK_GOAL_US)
    assert slow.size < pace.size
    for _ in range(20):
        slow = slow.after(slow.size, slow.size * 500)
    assert abs(slow.size - pace.size) <= 1


def test_a_batch_at_most_doubles() -> None:
    assert Pace(10, 256).after(10, 10).size == 20


def test_a_starved_machine_is_no_reason_for_smaller_batches() -> None:
    assert Pace(40, 256).after(40, 4 * LOCK_GOAL_US, strain=4.0).size == 40


def test_a_piece_is_written_before_somebody_in_a_hurry_minds() -> None:
    def urged(each_us: int) -> Pace:
        return settled(each_us).after(10, 10 * each_us, urged=True)

    assert urged(500).piece == PIECE_GOAL_US // 500
    assert urged(100_000).piece == 2
    assert urged(0).piece == FEWEST


def test_a_batch_is_written_as_a_whole_where_nobody_is_in_a_hurry() -> None:
    pace = settled(500)
    assert pace.piece == 0
    pace = pace.after(10, 5000, urged=True)
    for _ in range(LINGER):
        assert pace.piece
        pace = pace.after(10, 5000)
    assert pace.piece == 0
