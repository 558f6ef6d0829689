"""Resources that events only named: noted with the account of the event, until somebody has them.

A resource is noted once however many events name it. It is settled for the newest event that was
known when it was asked for: a newer one leaves it to be asked for once more.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, select, update

from engine.database.inserting import inserting
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.prepare import Prepared
from engine.pipeline.recall_tables import ASK
from engine.plugin.recall import Ask

_NOTE = inserting(
    ASK,
    *("site", "reference", "position"),
    on_conflict="replace",
    replaced=("position", "tries", "due_us"),
    tries=0,
    due_us=0,
)
_DUE = Statement(
    select(ASK.c.reference, ASK.c.position, ASK.c.tries)
    .where(ASK.c.site == bindparam("site_"), ASK.c.due_us <= bindparam("now"))
    .order_by(ASK.c.due_us, ASK.c.position)
    .limit(bindparam("most", type_=ASK.c.tries.type)),
    *("site_", "now", "most"),
)
_WAITING = Statement(
    select(func.count()).select_from(ASK).where(ASK.c.site == bindparam("site_")), "site_"
)
_SAME = (
    ASK.c.site == bindparam("site_"),
    ASK.c.reference == bindparam("reference_"),
    ASK.c.position == bindparam("position_"),
)
_SETTLE = Statement(delete(ASK).where(*_SAME), "site_", "reference_", "position_")
_LATER = Statement(
    update(ASK).where(*_SAME).values(tries=ASK.c.tries + 1, due_us=bindparam("due")),
    *("site_", "reference_", "position_", "due"),
)


def note_asks(tx: Transaction, batch: Sequence[Prepared]) -> None:
    """Note what the events of a batch named, repeated ones included: asking twice does no harm."""
    rows = [
        (item.entry.envelope.site, name, item.entry.position)
        for item in batch
        if item.mapped is not None
        for name in item.mapped.named
    ]
    if rows:
        tx.run_many(_NOTE, rows)


def due(tx: Transaction, site: str, most: int, now_us: int) -> list[Ask]:
    """Return what is to be asked for, what has waited longest first."""
    return [Ask(*row) for row in tx.all(_DUE, site, now_us, most)]


def waiting(tx: Transaction, site: str) -> int:
    row = tx.one(_WAITING, site)
    return int(row[0]) if row else 0


def settle(tx: Transaction, site: str, asks: Sequence[Ask]) -> None:
    tx.run_many(_SETTLE, [(site, one.reference, one.position) for one in asks])


def put_off(tx: Transaction, site: str, asks: Sequence[tuple[Ask, int]]) -> None:
    """Note when to ask again."""
    tx.run_many(_LATER, [(site, one.reference, one.position, due) for one, due in asks])
