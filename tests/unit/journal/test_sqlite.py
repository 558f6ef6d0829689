from pathlib import Path

from engine.core.values import HL7_V2, Envelope
from engine.journal.protocol import Journal
from engine.journal.sqlite import SqliteJournal, found_journal

MORNING = 1_795_176_000_000_000  # 2026-11-20T12:00Z


def test_what_was_appended_is_read_on(tmp_path: Path) -> None:
    found_journal(tmp_path, lambda _: None, instance="a", partitions=4)
    journal: Journal = SqliteJournal(tmp_path, lambda _: None)
    sent = [Envelope("adt", "mercy", HL7_V2, b"x%d" % n, MORNING, str(n), "") for n in range(3)]
    assert journal.append(sent) == [1, 2, 3]
    batch = journal.read_on(0, 10, 1 << 20, None)
    assert [entry.envelope for entry in batch.entries] == sent
    assert batch.upto == journal.head() == 3
    journal.close()
