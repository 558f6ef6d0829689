"""What only the journal on PostgreSQL has: days as partitions, and a server that goes away."""

import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from engine.core.fault import FaultError
from engine.core.values import Envelope
from engine.database.postgres import PostgresDatabase
from engine.journal.postgres import (
    PostgresJournal,
    found_postgres_journal,
    open_postgres_journal,
)

Made = Callable[..., Envelope]
Opened = Callable[[], PostgresJournal]
Told = Callable[[str], None]
DAY_US = 86_400_000_000
EVERYTHING = 1 << 30


@pytest.fixture
def journal_of(postgres_schema: tuple[str, str]) -> Iterator[Opened]:
    """Return a function that opens the journal once more."""
    found_postgres_journal(*postgres_schema, instance="north", partitions=8)
    handles: list[PostgresJournal] = []

    def another() -> PostgresJournal:
        handles.append(open_postgres_journal(*postgres_schema))
        return handles[-1]

    yield another
    for journal in handles:
        journal.close()


@pytest.fixture
def admin(postgres_schema: tuple[str, str]) -> Iterator[Told]:
    uri, schema = postgres_schema
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f'SET search_path = "{schema}"'.encode())

        def told(sql: str) -> None:
            connection.execute(sql.encode())

        yield told


def positions(journal: PostgresJournal) -> list[int]:
    found: list[int] = []
    after, head = 0, journal.head()
    while after < head:
        batch = journal.read_on(after, 3, EVERYTHING, None)
        assert batch.upto > after
        found += [entry.position for entry in batch.entries]
        after = batch.upto
    return found


def filled(journal: PostgresJournal, envelope: Made, days: int) -> list[int]:
    noon_us = envelope(0).received_us
    return [
        position
        for day in range(days)
        for position in journal.append(
            [envelope(n, at_us=noon_us + day * DAY_US) for n in range(4)]
        )
    ]


def test_reading_crosses_days(journal_of: Opened, envelope: Made) -> None:
    sent = filled(journal_of(), envelope, 6)
    assert positions(journal_of()) == sent == list(range(1, 25))
    assert [day.day for day in journal_of().days()] == [f"2026-11-2{n}" for n in range(6)]


def test_an_old_clock_does_not_reopen_a_day(journal_of: Opened, envelope: Made) -> None:
    filled(journal_of(), envelope, 2)
    late = journal_of().append([envelope(9)])
    assert positions(journal_of())[-1:] == late
    assert len(journal_of().days()) == 2


def test_a_new_day_does_not_wait_for_a_long_reader(
    journal_of: Opened, envelope: Made, admin: Told
) -> None:
    """A backup reads all the tables for hours, over midnight."""
    filled(journal_of(), envelope, 1)
    admin("BEGIN; SELECT count(*) FROM entry")
    assert len(filled(journal_of(), envelope, 2)) == 8
    admin("COMMIT")


def test_a_damaged_entry_is_found(journal_of: Opened, envelope: Made, admin: Told) -> None:
    journal = journal_of()
    sent = journal.append([envelope(n) for n in range(5)])
    admin(f"UPDATE entry SET body = body || 'x' WHERE position = {sent[3]}")
    batch = journal.read_on(0, 100, EVERYTHING, None)
    assert [entry.position for entry in batch.entries] == sent[:3]
    with pytest.raises(FaultError, match=f"journal-corrupt.*position {sent[3]}$"):
        journal.read_on(batch.upto, 100, EVERYTHING, None)
    with pytest.raises(FaultError, match="journal-corrupt"):
        journal.entry(sent[3])
    assert journal.entry(sent[4]) is not None


def test_a_day_is_dropped_only_when_everybody_passed_it(journal_of: Opened, envelope: Made) -> None:
    journal = journal_of()
    sent = filled(journal, envelope, 3)
    for day, passed in (("2026-11-20", sent[3] - 1), ("2026-11-21", sent[-1]), ("2026-01-01", 0)):
        with pytest.raises(FaultError, match="day-in-use"):
            journal.drop_day(day, passed)
    journal.drop_day("2026-11-20", sent[3])
    assert positions(journal) == sent[4:]
    assert journal.entry(sent[0]) is None
    journal.drop_day("2026-11-21", sent[-1])
    with pytest.raises(FaultError, match="day-in-use"):
        journal.drop_day("2026-11-22", sent[-1])
    assert journal.append([envelope(1)])[0] > sent[-1]


def test_an_epoch_may_begin_beyond_positions_that_are_taken(
    journal_of: Opened, envelope: Made
) -> None:
    sent = filled(journal_of(), envelope, 1)
    assert journal_of().open_epoch(beyond=1_000_000).epoch == 2
    assert journal_of().head() == sent[-1]
    assert journal_of().append([envelope(9)])[0] > 1_000_000
    journal_of().open_epoch(beyond=sent[-1])
    assert journal_of().append([envelope(9)])[0] > 1_000_000


def test_whoever_slept_through_a_recovery_appends_nothing(
    journal_of: Opened, envelope: Made
) -> None:
    sleeper = journal_of()
    sent = filled(sleeper, envelope, 1)
    journal_of().open_epoch()
    with pytest.raises(FaultError, match="journal-mismatch"):
        sleeper.append([envelope(5)])
    assert positions(journal_of()) == sent


def test_no_journal_is_told(postgres_schema: tuple[str, str]) -> None:
    with pytest.raises(FaultError, match="journal-missing"):
        open_postgres_journal(*postgres_schema)


def test_founding_at_once_and_again_agrees(postgres_schema: tuple[str, str]) -> None:
    def found(name: str) -> None:
        found_postgres_journal(*postgres_schema, instance=name)

    threads = [threading.Thread(target=found, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal = open_postgres_journal(*postgres_schema)
    found("e")
    again = open_postgres_journal(*postgres_schema)
    assert journal.identity() == again.identity()
    assert journal.identity().instance in "abcd"
    journal.close()
    again.close()


def test_a_lost_connection_refuses_one_group_only(
    journal_of: Opened, envelope: Made, admin: Told
) -> None:
    journal = journal_of()
    sent = filled(journal, envelope, 1)
    admin(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'concord'"
    )
    with pytest.raises(FaultError, match="database-unreachable"):
        journal.append([envelope(4)])
    sent += journal.append([envelope(5)])
    assert positions(journal) == sent


def test_appending_does_not_wait_for_the_store(
    journal_of: Opened, envelope: Made, postgres_schema: tuple[str, str]
) -> None:
    uri, schema = postgres_schema
    store = PostgresDatabase(uri, schema=schema)
    with store.write():
        assert len(filled(journal_of(), envelope, 1)) == 4
    store.close()
