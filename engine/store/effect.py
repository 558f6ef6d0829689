"""What a journal entry did to resources: which version each has now, and whether it made one."""

from collections.abc import Iterable

from sqlalchemy import bindparam, func, select

from engine.core.values import Touched
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.store.codes import code_of
from engine.store.tables import LIVE, RESOURCE, VERSION

_MADE = (
    select(func.min(VERSION.c.version))
    .where(VERSION.c.rid == RESOURCE.c.rid, VERSION.c.position == bindparam("position"))
    .scalar_subquery()
)
_NOW = Statement(
    select(RESOURCE.c.version, _MADE).where(
        RESOURCE.c.type == bindparam("type"),
        RESOURCE.c.id == bindparam("id"),
        RESOURCE.c.state == LIVE,
    ),
    *("position", "type", "id"),
)


def effects(tx: Transaction, keys: Iterable[tuple[str, str]], position: int) -> list[Touched]:
    """Return those of the resources `(type, id)` that live, as the entry at `position` left them.

    An entry may make several versions of one: its content first, then its person.
    """
    found = []
    for name, ident in keys:
        row = tx.one(_NOW, position, code_of(name), ident)
        if row is not None:
            version, made = row
            outcome = "unchanged" if made is None else "created" if made == 1 else "updated"
            found.append(Touched(name, ident, version, outcome))
    return found
