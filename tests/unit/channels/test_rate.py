"""How many requests are let through: by the rate agreed on, two seconds' worth at once."""

from channels.fhir_rest.rate import Rate

SECOND_US = 1_000_000


def let_through(rate: Rate, now_us: int, attempts: int) -> int:
    return sum(rate.allows(now_us) for _ in range(attempts))


def test_two_seconds_worth_then_the_rate() -> None:
    rate = Rate(10)
    assert let_through(rate, 5 * SECOND_US, 100) == 20
    assert let_through(rate, 6 * SECOND_US, 100) == 10
    assert let_through(rate, 6 * SECOND_US + 100_000, 100) == 1
    assert let_through(rate, 3600 * SECOND_US, 100) == 20


def test_a_clock_that_jumps_back_fills_nothing() -> None:
    rate = Rate(10)
    assert let_through(rate, 100 * SECOND_US, 100) == 20
    assert let_through(rate, 50 * SECOND_US, 100) == 0
    assert let_through(rate, 51 * SECOND_US, 100) == 10


def test_a_slow_rate_lets_one_through() -> None:
    assert let_through(Rate(0.001), 0, 10) == 1
