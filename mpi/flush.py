"""Writes back what a batch changed on its desk: the rows of a table in one go, ordered by key."""

from typing import Any

from sqlalchemy import Table, and_, bindparam, delete, update

from engine.database.inserting import inserting
from engine.database.statement import Statement
from mpi.desk import Desk
from mpi.mirror import Mirror
from mpi.tables import (
    ALIAS,
    BLOCK_KEY,
    EDGE,
    IDENTITY,
    LINK_LOG,
    PERSON,
    STATEMENT,
    TASK,
    WITHDRAWAL,
)


class _Writing:
    """The statements that bring a table's rows up to date."""

    __slots__ = ("_keys", "add", "change", "drop")

    def __init__(self, table: Table) -> None:
        names = [column.name for column in table.columns]
        keys = [column.name for column in table.primary_key.columns]
        others = [name for name in names if name not in keys]
        here = and_(*(table.c[name] == bindparam(f"{name}_") for name in keys))
        self.add = inserting(table, *names)
        self.change = Statement(
            update(table).where(here).values({n: bindparam(f"{n}_") for n in others}),
            *(f"{name}_" for name in names),
        )
        self.drop = Statement(delete(table).where(here), *(f"{name}_" for name in keys))
        self._keys = [names.index(name) for name in keys]

    def flush(self, desk: Desk, mirror: Mirror[Any]) -> None:
        changes = mirror.take_changes()
        if changes.gone:
            gone = [[row[place] for place in self._keys] for row in changes.gone]
            desk.tx.run_many(self.drop, gone)
        if changes.changed:
            desk.tx.run_many(self.change, changes.changed)
        if changes.new:
            desk.tx.run_many(self.add, changes.new)


_IDENTITY = _Writing(IDENTITY)
_ALIAS = _Writing(ALIAS)
_EDGE = _Writing(EDGE)
_STATEMENT = _Writing(STATEMENT)
_WITHDRAWAL = _Writing(WITHDRAWAL)
_PERSON = _Writing(PERSON)
_TASK = _Writing(TASK)
_BLOCK_KEY = _Writing(BLOCK_KEY)
_LOG = inserting(LINK_LOG, "position", "record", "before", "after", "at_us")


def flush(desk: Desk) -> None:
    """Write everything down; the desk stays as it is and can be used on."""
    _IDENTITY.flush(desk, desk.identities)
    _ALIAS.flush(desk, desk.aliases)
    _EDGE.flush(desk, desk.edges)
    _STATEMENT.flush(desk, desk.statements)
    _WITHDRAWAL.flush(desk, desk.withdrawals)
    _PERSON.flush(desk, desk.founders)
    _TASK.flush(desk, desk.tasks)
    _flush_blocks(desk)
    if desk.log:
        desk.tx.run_many(_LOG, desk.log)
        desk.log.clear()


def _flush_blocks(desk: Desk) -> None:
    added, dropped = desk.blocks.take_changes()
    if dropped:
        desk.tx.run_many(_BLOCK_KEY.drop, dropped)
    if added:
        desk.tx.run_many(_BLOCK_KEY.add, added)
