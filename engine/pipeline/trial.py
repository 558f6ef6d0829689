"""Which message ends the processes that work on it: tried one by one, in writing.

After a take-over at an unmoved offset entries are worked on singly, and each is noted before it is
touched. An entry on which one life after the other ended is the cause; what waited behind it, in
this partition or another, is not.
"""

from sqlalchemy import bindparam, delete, select

from engine.core.fault import Category, Fault
from engine.database.inserting import inserting
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.tables import TRIAL

DEADLY_TRIES = 2
"""Tries by itself that did not end, after the life that was lost on the batch: thrice in all."""

KILLER = Fault(
    Category.BUG, "killed-the-process", "working on this message ended the process thrice"
)

_TRIES = Statement(select(TRIAL.c.tries).where(TRIAL.c.position == bindparam("at")), "at")
_NOTE = inserting(TRIAL, "position", "tries", on_conflict="replace")
_END = Statement(delete(TRIAL).where(TRIAL.c.position == bindparam("at")), "at")


def begin(tx: Transaction, position: int) -> Fault | None:
    """Note that an entry is about to be tried; the fault of one that has ended too many lives."""
    row = tx.one(_TRIES, position)
    tries = int(row[0]) if row else 0
    if tries >= DEADLY_TRIES:
        return KILLER
    tx.run(_NOTE, position, tries + 1)
    return None


def end(tx: Transaction, position: int) -> None:
    """Note that a tried entry has its outcome."""
    tx.run(_END, position)
