"""A steward's way in: a decision goes through the journal like every message."""

from collections.abc import Sequence

from engine.core.clock import Clock
from engine.core.values import DECISION, Envelope
from engine.database.protocol import Database
from engine.journal.protocol import Journal
from engine.pipeline.decision import Decision
from engine.pipeline.ledger import Account, read_account

CHANNEL = "steward"


def submit(journal: Journal, decision: Decision, clock: Clock) -> int:
    """Make a decision durable; returns its journal position."""
    return submit_all(journal, [decision], clock)[0]


def submit_all(journal: Journal, decisions: Sequence[Decision], clock: Clock) -> list[int]:
    """Make decisions durable together; returns their positions. All share one lane."""
    now_us = clock.now_us()
    return journal.append(
        [Envelope(CHANNEL, "", DECISION, one.to_bytes(), now_us, lane=CHANNEL) for one in decisions]
    )


def outcome(database: Database, position: int) -> Account | None:
    """Return what became of a decision, or None while no worker has come to it."""
    with database.read() as tx:
        return read_account(tx, position)
