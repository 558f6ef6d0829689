"""How far each process of a region is with the plans: what was offered to it, what it goes by.

A row stays behind when its process is killed; who reads them has to know who lives.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select

from engine.database.inserting import inserting
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.activation_tables import FOLLOWER

COMPILING, READY, FAILED = "compiling", "ready", "failed"

_COLUMNS = ("host", "role", "offer", "state", "position")
_SAY = inserting(FOLLOWER, *_COLUMNS, on_conflict="replace")
_ALL = Statement(
    select(*(FOLLOWER.c[name] for name in _COLUMNS)).order_by(FOLLOWER.c.host, FOLLOWER.c.role)
)
_LEAVE = Statement(
    delete(FOLLOWER).where(
        FOLLOWER.c.host == bindparam("host_"), FOLLOWER.c.role == bindparam("role_")
    ),
    *("host_", "role_"),
)


@dataclass(frozen=True, slots=True)
class Follower:
    """The columns of the table, in their order."""

    host: str  # host and data folder
    role: str
    offer: str
    state: str
    position: int


def say(tx: Transaction, follower: Follower) -> None:
    """Write how far a process is."""
    tx.run(_SAY, *(getattr(follower, name) for name in _COLUMNS))


def followers(tx: Transaction) -> list[Follower]:
    """Return what the processes said last."""
    return [Follower(*row) for row in tx.all(_ALL)]


def leave(tx: Transaction, host: str, role: str) -> None:
    """Strike a process off: it has ended, or nobody has seen it."""
    tx.run(_LEAVE, host, role)
