"""Writes and reads the account of messages. Every accepted message has exactly one row."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import bindparam, delete, func, select

from engine.core.values import Diagnostic
from engine.database.inserting import inserting
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from engine.pipeline.tables import DELIVERY, LEDGER

_COLUMNS = tuple(column.name for column in LEDGER.columns)
WRITTEN, FILTERED, DUPLICATE = "written", "filtered", "duplicate"
QUARANTINED = "quarantined"
_WRITE = inserting(LEDGER, *_COLUMNS, on_conflict="replace", only_over=("state", QUARANTINED))
_FIRST = ListStatement(
    lambda some: select(DELIVERY.c.digest, DELIVERY.c.position, DELIVERY.c.received_us).where(
        DELIVERY.c.digest.in_(some)
    )
)
_REMEMBER = inserting(DELIVERY, "digest", "position", "received_us", on_conflict="replace")
_FORGET = Statement(delete(DELIVERY).where(DELIVERY.c.received_us < bindparam("before")), "before")
_NEWEST_IN_LANE = Statement(
    select(func.max(LEDGER.c.position)).where(
        LEDGER.c.site == bindparam("site_"),
        LEDGER.c.lane == bindparam("lane_"),
        LEDGER.c.position < bindparam("before_"),
        LEDGER.c.state != "duplicate",
    ),
    *("site_", "lane_", "before_"),
)
_ROW = Statement(select(LEDGER).where(LEDGER.c.position == bindparam("at")), "at")
_FINAL = ListStatement(
    lambda some: select(LEDGER.c.position).where(
        LEDGER.c.position.in_(some), LEDGER.c.state != QUARANTINED
    )
)
_COUNTS = Statement(select(LEDGER.c.state, func.count()).group_by(LEDGER.c.state))

_QUARANTINED = Statement(
    select(LEDGER.c.code, func.count()).where(LEDGER.c.state == QUARANTINED).group_by(LEDGER.c.code)
)


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one message; the columns of the ledger, in their order."""

    position: int
    state: str
    channel: str
    site: str
    control_id: str
    kind: str
    lane: str
    received_us: int
    processed_us: int
    plan: str = ""
    category: str = ""
    code: str = ""
    place: str = ""
    of: int = 0
    changed: int = 0
    unchanged: int = 0
    notes: tuple[Diagnostic, ...] = ()


def write_accounts(tx: Transaction, accounts: list[Account]) -> None:
    """Enter the outcomes of a batch.

    An entry that is worked on again keeps what it came to, unless it was quarantined then.
    """
    tx.run_many(_WRITE, [_row(account) for account in accounts])


def _row(account: Account) -> tuple[object, ...]:
    notes = [[note.code, note.where] for note in account.notes]
    return (
        *(account.position, account.state, account.channel, account.site, account.control_id),
        *(account.kind, account.lane, account.received_us, account.processed_us, account.plan),
        *(account.category, account.code, account.place, account.of),
        *(account.changed, account.unchanged),
        orjson.dumps(notes).decode(),
    )


def read_account(tx: Transaction, position: int) -> Account | None:
    """Return what became of the entry at `position`, or None while it is pending."""
    row = tx.one(_ROW, position)
    if row is None:
        return None
    return account_of(row)


def account_of(row: Row) -> Account:
    """Read a row of the ledger."""
    notes = tuple(Diagnostic(code, where, "") for code, where in orjson.loads(row[-1]))
    return Account(**{**dict(zip(_COLUMNS, row, strict=True)), "notes": notes})


def settled_of(tx: Transaction, positions: Sequence[int]) -> frozenset[int]:
    """Return those of the entries that have an outcome which working on them would not change."""
    return frozenset(position for (position,) in _FINAL.all(tx, list(positions)))


def count_states(tx: Transaction) -> dict[str, int]:
    """Return how many messages ended in each state."""
    return dict(tx.all(_COUNTS))


def count_quarantined(tx: Transaction) -> dict[str, int]:
    """Return how many messages are quarantined for each reason, by code."""
    return dict(tx.all(_QUARANTINED))


def first_deliveries(tx: Transaction, digests: list[bytes]) -> dict[bytes, tuple[int, int]]:
    """Return position and receipt time of the first entry that brought each of these deliveries."""
    return {digest: (position, received) for digest, position, received in _FIRST.all(tx, digests)}


def remember_deliveries(tx: Transaction, rows: list[tuple[bytes, int, int]]) -> None:
    """Note first deliveries: digest, position, received time."""
    tx.run_many(_REMEMBER, rows)


def forget_deliveries(tx: Transaction, before_us: int) -> int:
    """Drop what is older than the window in which a repetition counts as one."""
    return tx.run(_FORGET, before_us)


def newest_in_lane(tx: Transaction, site: str, lane: str, before: int) -> int:
    """Return the last entry of this patient before `before` that has an account, 0 if none."""
    row = tx.one(_NEWEST_IN_LANE, site, lane, before)
    return int(row[0] or 0) if row else 0
