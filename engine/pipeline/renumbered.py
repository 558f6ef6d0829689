"""Messages under a number that another one has: both are kept, and the sender's fault is noted.

MSH-10 tells a message from every other of its sender (HL7 v2.5.1, 2.14.9.10). The same bytes under
the same number are a repetition; others are not, and would be lost if they were taken for one.
"""

from collections.abc import Sequence, Set

from engine.core.values import HL7_V2, Diagnostic
from engine.database.transaction import Transaction
from engine.pipeline import ledger
from engine.pipeline.prepare import DAY_US, Prepared

REUSED = Diagnostic(
    "control-id-reused", "MSH-10", "another message came under the same control id this week"
)
_WINDOW_US = 7 * DAY_US


def renumbered(tx: Transaction, fresh: Sequence[Prepared]) -> Set[int]:
    """Return the entries whose control id another one has that came within a week before."""
    asked = [one for one in fresh if _is_numbered(one)]
    if not asked:
        return frozenset()
    ids = list(dict.fromkeys(one.entry.envelope.control_id for one in asked))
    known = ledger.numbered(tx, ids)
    found = set()
    for one in asked:
        envelope, position = one.entry.envelope, one.entry.position
        others = known.setdefault((envelope.site, envelope.control_id), [])
        earliest_us = envelope.received_us - _WINDOW_US
        if any(at != position and us >= earliest_us for at, us in others):
            found.add(position)
        others.append((position, envelope.received_us))
    return found


def _is_numbered(one: Prepared) -> bool:
    envelope = one.entry.envelope
    return one.fault is None and envelope.media_type == HL7_V2 and bool(envelope.control_id)
