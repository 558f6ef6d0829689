"""What every journal keeps, whatever it is built on."""

import subprocess
from collections.abc import Callable

import pytest

from engine.core.values import Envelope
from engine.journal.protocol import Journal

Opened = Callable[[], Journal]
Made = Callable[..., Envelope]
EVERYTHING = 1 << 30


def whole(journal: Journal, partitions: frozenset[int] | None = None) -> list[tuple[int, str]]:
    """Read from the beginning to the head."""
    found: list[tuple[int, str]] = []
    after, head = 0, journal.head()
    while after < head:
        batch = journal.read_on(after, 7, EVERYTHING, partitions)
        assert batch.upto > after
        found += [(entry.position, entry.envelope.control_id) for entry in batch.entries]
        after = batch.upto
    return found


def test_a_new_journal_is_empty(opened: Opened) -> None:
    journal = opened()
    batch = journal.read_on(0, 10, EVERYTHING, None)
    assert (journal.head(), batch.entries, batch.upto) == (0, (), 0)
    assert journal.entry(1) is None


def test_appending_nothing_writes_nothing(opened: Opened) -> None:
    journal = opened()
    assert journal.append([]) == []
    assert journal.head() == 0


def test_positions_follow_the_order_of_appending(opened: Opened, envelope: Made) -> None:
    journal = opened()
    positions = [
        position
        for start in range(0, 12, 4)
        for position in journal.append([envelope(n) for n in range(start, start + 4)])
    ]
    assert positions == sorted(set(positions))
    assert whole(journal) == [(position, f"M{n}") for n, position in enumerate(positions)]
    assert journal.head() == positions[-1]


def test_an_entry_is_what_was_appended(opened: Opened, envelope: Made) -> None:
    journal = opened()
    sent = [envelope(1, body=bytes(range(256)), lane="é|\x00"), envelope(2)]
    entries = [journal.entry(position) for position in journal.append(sent)]
    assert [entry.envelope for entry in entries if entry] == sent


def test_a_large_body_is_kept(opened: Opened, envelope: Made) -> None:
    journal = opened()
    body = bytes(range(256)) * 80_000
    position = journal.append([envelope(1, body=body)])[0]
    entry = opened().entry(position)
    assert entry is not None
    assert entry.envelope.body == body


def test_what_was_appended_survives_reopening(opened: Opened, envelope: Made) -> None:
    journal = opened()
    positions = journal.append([envelope(n) for n in range(3)])
    journal.close()
    again = opened()
    assert [position for position, _ in whole(again)] == positions
    assert min(again.append([envelope(3)])) > max(positions)


def test_identity_survives_reopening(opened: Opened) -> None:
    identity = opened().identity()
    assert (identity.instance, identity.epoch, identity.partitions) == ("contract", 1, 8)
    assert opened().identity() == identity


def test_another_handle_sees_what_was_appended(opened: Opened, envelope: Made) -> None:
    reader, writer = opened(), opened()
    assert whole(reader) == []
    positions = writer.append([envelope(1)])
    assert whole(reader) == [(positions[0], "M1")]


def test_two_handles_never_share_a_position(opened: Opened, envelope: Made) -> None:
    one, two = opened(), opened()
    positions = [
        position for n in range(10) for position in (one, two)[n % 2].append([envelope(n)])
    ]
    assert positions == sorted(set(positions))
    assert [name for _, name in whole(one)] == [f"M{n}" for n in range(10)]


def test_partitions_share_everything_out(opened: Opened, envelope: Made) -> None:
    journal = opened()
    journal.append([envelope(n, lane=f"lane {n % 20}") for n in range(100)])
    parts = [whole(journal, frozenset({n})) for n in range(8)]
    assert sorted(entry for part in parts for entry in part) == whole(journal)
    assert sum(1 for part in parts if part) > 4


def test_a_lane_keeps_to_one_partition(opened: Opened, envelope: Made) -> None:
    journal = opened()
    journal.append([envelope(n, lane=f"lane {n % 5}") for n in range(40)])
    entries = journal.read_on(0, 100, EVERYTHING, None).entries
    homes = {(entry.envelope.lane, entry.partition) for entry in entries}
    assert len(homes) == 5


def test_upto_passes_over_what_belongs_to_others(opened: Opened, envelope: Made) -> None:
    journal = opened()
    journal.append([envelope(n) for n in range(500)])
    mine = journal.read_on(0, 1, EVERYTHING, None).entries[0].partition
    others = frozenset(range(8)) - {mine}
    batch = journal.read_on(0, 10, EVERYTHING, others)
    assert (batch.entries, batch.upto) == ((), journal.head())


def test_a_read_is_bounded_by_count(opened: Opened, envelope: Made) -> None:
    journal = opened()
    positions = journal.append([envelope(n) for n in range(20)])
    batch = journal.read_on(0, 5, EVERYTHING, None)
    assert [entry.position for entry in batch.entries] == positions[:5]
    assert batch.upto == positions[4]


@pytest.mark.parametrize(("room", "count"), [(1, 1), (10, 1), (20, 2), (29, 2), (1000, 20)])
def test_a_read_is_bounded_by_bytes(opened: Opened, envelope: Made, room: int, count: int) -> None:
    journal = opened()
    positions = journal.append([envelope(n, body=b"0123456789") for n in range(20)])
    batch = journal.read_on(0, 100, room, None)
    assert [entry.position for entry in batch.entries] == positions[:count]
    assert batch.upto == positions[count - 1]


def test_closing_twice_is_harmless(opened: Opened) -> None:
    journal = opened()
    journal.close()
    journal.close()
    assert opened().head() == 0


def test_processes_appending_at_once_are_read_in_order(
    opened: Opened, append_elsewhere: Callable[..., subprocess.Popen[str]]
) -> None:
    reader = opened()
    writers = [append_elsewhere(name, groups=40, size=5) for name in ("a", "b", "c")]
    seen: list[tuple[int, str]] = []
    after = 0
    running = True
    while running:
        running = any(writer.poll() is None for writer in writers)
        batch = reader.read_on(after, 50, EVERYTHING, None)
        seen += [(entry.position, entry.envelope.control_id) for entry in batch.entries]
        after = batch.upto
        running = running or after < reader.head()
    promised: list[tuple[int, str]] = []
    for writer in writers:
        said, _ = writer.communicate()
        lines = [line.split() for line in said.splitlines()]
        positions = [int(position) for _, position in lines]
        assert len(positions) == 200
        assert positions == sorted(positions)
        promised += [(int(position), name) for name, position in lines]
    # A reader that goes on from `upto` has missed nothing and seen nothing twice.
    assert seen == sorted(promised)
