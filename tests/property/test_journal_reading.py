"""However a journal is written, reopened and read in pieces, each reader gets its entries once."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.values import HL7_V2, Envelope
from engine.journal.protocol import Journal
from engine.journal.sqlite import SqliteJournal, found_journal

PARTITIONS = 4
NOON_US = 1_795_176_000_000_000
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """A group appended by one of two processes, on one of a few days, perhaps after a restart."""

    lanes: list[str]
    day: int
    writer: int
    restart: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads its partitions in pieces of a certain size, now and then between the appends."""

    partitions: frozenset[int] | None
    limit: int
    max_bytes: int


STEPS = st.lists(
    st.builds(
        Step,
        lanes=st.lists(st.sampled_from(["", "1", "2", "3", "4", "5"]), min_size=1, max_size=12),
        day=st.integers(0, 3),
        writer=st.integers(0, 1),
        restart=st.booleans(),
    ),
    max_size=8,
)
READERS = st.lists(
    st.builds(
        Reader,
        partitions=st.none() | st.frozensets(st.integers(0, PARTITIONS - 1)),
        limit=st.integers(1, 9),
        max_bytes=st.sampled_from([1, 100, 1 << 20]),
    ),
    min_size=1,
    max_size=3,
)


class Log:
    """A journal in a folder, with two handles that append and one that reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found_journal(folder, lambda _: None, instance="north", partitions=PARTITIONS)
        self.handles = [self._opened() for _ in range(3)]

    def _opened(self) -> Journal:
        return SqliteJournal(self._folder, lambda _: None)

    def restart(self, number: int) -> None:
        self.handles[number].close()
        self.handles[number] = self._opened()

    def close(self) -> None:
        for handle in self.handles:
            handle.close()


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, readers=READERS)
def test_each_reader_gets_its_entries_once_and_in_order(
    steps: list[Step], readers: list[Reader]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Log(Path(folder))
        written: list[tuple[int, str, str]] = []
        seen: list[list[tuple[int, str, str]]] = [[] for _ in readers]
        upto = [0] * len(readers)
        for step in [*steps, None]:
            if step is not None:
                written += append(log, step, len(written))
            for number, reader in enumerate(readers):
                upto[number] = read(log.handles[2], reader, upto[number], seen[number])
        partitions = {
            entry.position: entry.partition
            for position, _, _ in written
            if (entry := log.handles[2].entry(position)) is not None
        }
        log.close()
    assert [position for position, _, _ in written] == sorted(partitions)
    for reader, mine in zip(readers, seen, strict=True):
        wanted = reader.partitions
        assert mine == [line for line in written if wanted is None or partitions[line[0]] in wanted]


def append(log: Log, step: Step, count: int) -> list[tuple[int, str, str]]:
    if step.restart:
        log.restart(step.writer)
    names = [f"M{count + n}" for n in range(len(step.lanes))]
    group = [
        Envelope("adt", "mercy", HL7_V2, name.encode() * 9, NOON_US + step.day * DAY_US, name, lane)
        for name, lane in zip(names, step.lanes, strict=True)
    ]
    positions = log.handles[step.writer].append(group)
    return list(zip(positions, names, step.lanes, strict=True))


def read(journal: Journal, reader: Reader, after: int, seen: list[tuple[int, str, str]]) -> int:
    head = journal.head()
    while after < head:
        batch = journal.read_on(after, reader.limit, reader.max_bytes, reader.partitions)
        assert len(batch.entries) <= reader.limit
        assert batch.upto > after
        seen += [
            (entry.position, entry.envelope.control_id, entry.envelope.lane)
            for entry in batch.entries
        ]
        after = batch.upto
    return after
