"""The journal: a partitioned append-only log that is durable before it answers.

It does not know what is in a body, who reads it, or how far: offsets live with the results of the
reading (`engine.journal.offsets`), so that both move in one transaction.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.core.values import Entry, Envelope


@dataclass(frozen=True, slots=True)
class JournalIdentity:
    """What an offset is an offset of. Kept with every offset and compared at start."""

    instance: str  # minted when the journal was founded; a copy keeps it
    epoch: int  # counts recoveries: positions of two epochs are not comparable
    partitions: int  # fixed for an epoch


@dataclass(frozen=True, slots=True)
class Batch:
    """What a reader gets: entries in position order.

    `upto` is the position up to which everything of the reader's partitions has been handed out.
    It may lie beyond the last entry, when what followed belonged to others.
    """

    entries: tuple[Entry, ...]
    upto: int


class Journal(Protocol):
    """One opened journal, for one thread at a time; any number of processes may share the log."""

    def identity(self) -> JournalIdentity: ...

    def append(self, envelopes: Sequence[Envelope]) -> list[int]:
        """Write all of them in one durable transaction; returns their positions, in order.

        When it returns, the bytes are on the disk. FaultError (`disk-full`, `database-busy`) means
        that nothing was written and a later try may succeed. After StorageBrokenError nobody knows
        what the disk holds: acknowledge nothing more and stop the process.
        """
        ...

    def head(self) -> int:
        """Return the last position written, 0 when there is none."""
        ...

    def read_on(
        self, after: int, limit: int, max_bytes: int, partitions: Container[int] | None
    ) -> Batch:
        """Return entries of the given partitions (None: of all) beyond position `after`.

        At most `limit` entries and about `max_bytes` of bodies, but at least one entry if there is
        one within reach. A call looks at a bounded stretch of the log: go on from `upto` until it
        reaches the head. FaultError `journal-corrupt` when the next entry is not what was written.
        """
        ...

    def entry(self, position: int) -> Entry | None:
        """Return one entry, or None when the position is unused or its day was dropped."""
        ...

    def close(self) -> None:
        """Release the files; safe to call twice."""
        ...
