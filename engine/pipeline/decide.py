"""A steward's way in: a decision goes through the journal like every message."""

from engine.core.clock import Clock
from engine.core.values import DECISION, Envelope
from engine.database.protocol import Database
from engine.journal.protocol import Journal
from engine.pipeline.decision import Decision
from engine.pipeline.ledger import Account, read_account

CHANNEL = "steward"


def submit(journal: Journal, decision: Decision, clock: Clock) -> int:
    """Make a decision durable; returns its journal position. All decisions share one lane."""
    envelope = Envelope(CHANNEL, "", DECISION, decision.to_bytes(), clock.now_us(), lane=CHANNEL)
    return journal.append([envelope])[0]


def outcome(database: Database, position: int) -> Account | None:
    """Return what became of a decision, or None while no worker has come to it."""
    with database.read() as tx:
        return read_account(tx, position)
