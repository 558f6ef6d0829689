"""Finds messages in the ledger by what became of them, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, bindparam, or_, select

from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.ledger import Account, account_of
from engine.pipeline.tables import LEDGER

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages; an empty text stands for any."""

    state: str = ""
    site: str = ""
    control_id: str = ""


def _is(name: str) -> ColumnElement[bool]:
    column = LEDGER.c[name]
    given = bindparam(f"{name}_", type_=column.type)
    return or_(given == "", column == given)


_FIND = Statement(
    select(LEDGER)
    .where(
        LEDGER.c.position < bindparam("before"),
        and_(*(_is(name) for name in ("state", "site", "control_id"))),
    )
    .order_by(LEDGER.c.position.desc())
    .limit(_PAGE),
    *("before", "state_", "site_", "control_id_"),
)


def messages(tx: Transaction, wanted: Wanted) -> Iterator[Account]:
    """Yield the accounts of the messages wanted, newest first."""
    before = 1 << 62
    while rows := tx.all(_FIND, before, wanted.state, wanted.site, wanted.control_id):
        yield from map(account_of, rows)
        before = int(rows[-1][0])
