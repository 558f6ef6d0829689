"""The steward's open questions: computed anew for every component that changes.

A task that still stands keeps the moment it was opened.
"""

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, or_, select

from engine.database.inserting import inserting
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from mpi.cluster import Task
from mpi.tables import TASK

_OPEN = ListStatement(lambda some: select(TASK).where(or_(TASK.c.a.in_(some), TASK.c.b.in_(some))))
_CLOSE = Statement(
    delete(TASK).where(
        TASK.c.kind == bindparam("kind_"),
        TASK.c.a == bindparam("a_"),
        TASK.c.b == bindparam("b_"),
    ),
    *("kind_", "a_", "b_"),
)
_ADD = inserting(TASK, "kind", "a", "b", "bits", "position", "opened_us")

CAPPED = "capped-block"


def replace_tasks(
    tx: Transaction, records: Iterable[str], tasks: Iterable[Task], position: int, now_us: int
) -> None:
    """Make `tasks` the open questions about `records`, opening and closing only what differs."""
    wanted = {(task.kind, task.a, task.b): round(task.bits * 1000) for task in tasks}
    open_now = {row[:3]: row[3] for row in _OPEN.all(tx, sorted(records)) if row[0] != CAPPED}
    for key, bits in open_now.items():
        if wanted.get(key) != bits:
            tx.run(_CLOSE, *key)
    for (kind, a, b), bits in wanted.items():
        if open_now.get((kind, a, b)) != bits:
            tx.run(_ADD, kind, a, b, bits, position, now_us)


def note_capped(tx: Transaction, record: str, position: int, now_us: int) -> None:
    """Raise the task that a record shares its blocking keys with more records than are compared."""
    tx.run(_CLOSE, CAPPED, record, record)
    tx.run(_ADD, CAPPED, record, record, 0, position, now_us)
