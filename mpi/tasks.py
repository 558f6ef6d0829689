"""The steward's open questions: computed anew for every component that changes.

A task that still stands keeps the moment it was opened.
"""

from collections.abc import Iterable

from mpi.cluster import Task
from mpi.desk import Desk
from mpi.rows import TaskRow

CAPPED = "capped-block"


def replace_tasks(
    desk: Desk, records: Iterable[str], tasks: Iterable[Task], position: int, now_us: int
) -> None:
    """Make `tasks` the open questions about `records`, opening and closing only what differs."""
    wanted = {(task.kind, task.a, task.b): round(task.bits * 1000) for task in tasks}
    open_now = {
        row[:3]: row for record in records for row in desk.tasks.of(record) if row.kind != CAPPED
    }
    for key, row in open_now.items():
        if key not in wanted:
            desk.tasks.drop(row)
    for (kind, a, b), bits in wanted.items():
        known = open_now.get((kind, a, b))
        if known is None or known.bits != bits:
            desk.tasks.put(TaskRow(kind, a, b, bits, position, now_us))


def note_capped(desk: Desk, record: str, position: int, now_us: int) -> None:
    """Raise the task that a record shares its blocking keys with more records than are compared."""
    desk.tasks.want((record,))
    desk.tasks.put(TaskRow(CAPPED, record, record, 0, position, now_us))
