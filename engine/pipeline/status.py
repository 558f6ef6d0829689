"""Where a region stands: how many messages ended how, and how many have not ended yet."""

from dataclasses import dataclass

from engine.database.protocol import Database
from engine.journal.offsets import lag
from engine.journal.partition import EVERYONES
from engine.journal.protocol import Journal
from engine.pipeline.ledger import count_quarantined, count_states

_STRIDE = 2000
_MOST_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Status:
    """`acked = written + filtered + duplicate + quarantined + pending`, in distinct deliveries."""

    states: dict[str, int]
    pending: int
    quarantined: dict[str, int]  # of those quarantined: how many for each code


def status(database: Database, journal: Journal) -> Status:
    """Count from ledger, offsets and journal. Pending entries are read to be counted."""
    with database.read() as tx:
        states, quarantined = count_states(tx), count_quarantined(tx)
        offsets = {one.partition: one.position for one in lag(tx, journal.head())}
    return Status(states, _pending(journal, offsets), quarantined)


def _pending(journal: Journal, offsets: dict[int, int]) -> int:
    count, cursor = 0, min(offsets.values(), default=0)
    while cursor < journal.head():
        batch = journal.read_on(cursor, _STRIDE, _MOST_BYTES, None)
        count += sum(
            entry.position > offsets[entry.partition]
            for entry in batch.entries
            if entry.partition != EVERYONES
        )
        cursor = batch.upto
    return count
