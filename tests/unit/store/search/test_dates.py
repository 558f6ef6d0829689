from datetime import UTC, datetime

import pytest

from engine.store.search.dates import LATEST, range_of


def us(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", "2024-01-01", "2025-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2024-12", "2024-12-01", "2025-01-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("2024-02-29T10:15", "2024-02-29T10:15:00", "2024-02-29T10:16:00"),
        ("2024-02-29T10:15:00Z", "2024-02-29T10:15:00", "2024-02-29T10:15:01"),
        ("2024-02-29T23:30:00-05:00", "2024-03-01T04:30:00", "2024-03-01T04:30:01"),
        ("2024-02-29T10:15:00.25Z", "2024-02-29T10:15:00.250", "2024-02-29T10:15:00.260"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00", "2017-01-01T00:00:01"),
    ],
)
def test_a_partial_date_means_all_the_time_it_names(text: str, low: str, high: str) -> None:
    assert range_of(text) == (us(low), us(high))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "2023-02-29",
        "2024-13",
        "2024-00-01",
        "0000",
        "2024-02-29T24:00:00Z",
        "2024-02-29T10:60:00Z",
        "2024-02-29T10:15:61Z",
        "2024-02-29T10:15:00+15:00",
        "2024-02-29 10:15",
        "2024-02-29T10",
        "\uff12\uff10\uff12\uff14",
        "yesterday",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert range_of(text) is None


def test_the_last_day_of_the_calendar_has_an_end() -> None:
    for text in ("9999-12-31", "9999-12", "9999"):
        found = range_of(text)
        assert found is not None
        assert found[0] < found[1] < LATEST
        assert found[1] == us("9999-12-31") + 86_400_000_000


def test_years_before_the_epoch_sort_before_it() -> None:
    found = range_of("1901-05-05")
    assert found is not None
    assert found[0] < found[1] < 0
