"""Has workers try quarantined messages once more: each under the mapping that holds now."""

import getpass
import time
from collections.abc import Sequence

from engine.cli.messages import in_words
from engine.core.clock import SystemClock
from engine.core.fault import Category, refuse
from engine.database.protocol import Database
from engine.journal.protocol import Journal
from engine.pipeline.decide import outcome, submit_all
from engine.pipeline.decision import Decision
from engine.pipeline.ledger import QUARANTINED, read_account
from engine.pipeline.messages import Wanted
from engine.pipeline.messages import messages as find

_WAIT_S = 30.0


def all_quarantined(store: Database) -> list[int]:
    """Return the messages that are quarantined now."""
    with store.read() as tx:
        return sorted(one.position for one in find(tx, Wanted(state=QUARANTINED)))


def replay_quarantined(
    store: Database, journal: Journal, positions: Sequence[int], *, quiet: bool = False
) -> int:
    """Have them worked on, say what became of each; returns how many are quarantined still.

    FaultError `not-quarantined`.
    """
    _require(store, positions)
    clock, actor = SystemClock(), getpass.getuser()
    decisions = [Decision("replay", actor, "", clock.now_us(), of=at) for at in positions]
    _wait(store, submit_all(journal, decisions, clock))
    return _report(store, positions, quiet=quiet)


def _require(store: Database, positions: Sequence[int]) -> None:
    with store.read() as tx:
        for position in positions:
            account = read_account(tx, position)
            if account is None or account.state != QUARANTINED:
                message = "only a quarantined message is replayed"
                raise refuse(Category.CONFLICT, "not-quarantined", message, f"message {position}")


def _wait(store: Database, asked: Sequence[int]) -> None:
    deadline_s = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline_s:
        if all(outcome(store, position) for position in asked):
            return
        time.sleep(0.05)


def _report(store: Database, positions: Sequence[int], *, quiet: bool) -> int:
    left = 0
    with store.read() as tx:
        for position in positions:
            account = read_account(tx, position)
            if account is not None:
                left += account.state == QUARANTINED
                if not quiet:
                    print(in_words(account))
    return left
