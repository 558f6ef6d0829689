"""Why two records are, or are not, one person: the evidence in words, and what was said about them.

Works from what the index holds now; writes nothing.
"""

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, or_, select

from engine.core.fault import Category, refuse
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from mpi.component import withdrawn
from mpi.decide import Verdict, judge
from mpi.desk import desk_on
from mpi.model import Model
from mpi.person import from_text
from mpi.tables import IDENTITY, LINK_LOG, STATEMENT, WITHDRAWAL

_COLUMNS = (
    IDENTITY.c.record,
    IDENTITY.c.site,
    IDENTITY.c.local_id,
    IDENTITY.c.person,
    IDENTITY.c.survivor,
    IDENTITY.c.seen,
)
_BY_RECORD = Statement(
    select(*_COLUMNS).where(IDENTITY.c.record == bindparam("record_")), "record_"
)
_BY_LOCAL = Statement(
    select(*_COLUMNS).where(
        IDENTITY.c.site == bindparam("site_"), IDENTITY.c.local_id == bindparam("local_")
    ),
    *("site_", "local_"),
)
_BETWEEN = Statement(
    select(
        STATEMENT.c.position,
        STATEMENT.c.kind,
        STATEMENT.c.origin,
        STATEMENT.c.actor,
        STATEMENT.c.reason,
    )
    .where(
        or_(
            and_(STATEMENT.c.a == bindparam("a_"), STATEMENT.c.b == bindparam("b_")),
            and_(STATEMENT.c.a == bindparam("b_"), STATEMENT.c.b == bindparam("a_")),
        )
    )
    .order_by(STATEMENT.c.position),
    *("a_", "b_"),
)
_SAID_AT = Statement(
    select(STATEMENT.c.position).where(STATEMENT.c.position == bindparam("at")), "at"
)
_UNDID_AT = Statement(
    select(WITHDRAWAL.c.position).where(WITHDRAWAL.c.position == bindparam("at")), "at"
)
_MOVES = Statement(
    select(LINK_LOG.c.position, LINK_LOG.c.before, LINK_LOG.c.after, LINK_LOG.c.at_us)
    .where(LINK_LOG.c.record == bindparam("record_"))
    .order_by(LINK_LOG.c.seq),
    "record_",
)


@dataclass(frozen=True, slots=True)
class Known:
    """A source record as the index knows it. `seen` is empty for a stub."""

    record: str
    site: str
    local_id: str
    person: str
    survivor: str
    seen: str


@dataclass(frozen=True, slots=True)
class SaidOf:
    """A statement about a pair, and whether it was undone."""

    position: int
    kind: str
    origin: str
    actor: str
    reason: str
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that decides about a pair. `verdict` is None while one of them is a stub."""

    a: Known
    b: Known
    verdict: Verdict | None
    said: tuple[SaidOf, ...]

    @property
    def one_person(self) -> bool:
        return self.a.person == self.b.person


def find(tx: Transaction, name: str) -> Known:
    """Find a record by `site|local id` or by its id; FaultError when there is not just one."""
    site, bar, local_id = name.partition("|")
    rows = tx.all(_BY_LOCAL, site, local_id) if bar else tx.all(_BY_RECORD, name)
    if not rows:
        message = "no such record: name one as 'site|local id'"
        raise refuse(Category.NOT_FOUND, "unknown-record", message)
    if len(rows) > 1:
        message = "several records have this local id: name one by its id"
        raise refuse(Category.CONFLICT, "several-records", message)
    return Known(*rows[0])


def require_act(tx: Transaction, position: int) -> None:
    """Make sure that a journal entry said or undid something. FaultError `unknown-act`."""
    if tx.one(_SAID_AT, position) is None and tx.one(_UNDID_AT, position) is None:
        raise refuse(
            Category.NOT_FOUND, "unknown-act", "no such act: `mpi explain` prints the numbers"
        )


def explain(tx: Transaction, a: str, b: str, model: Model) -> Explanation:
    """Gather what decides about two records, named as `find` takes them."""
    first, second = find(tx, a), find(tx, b)
    verdict = None
    if first.seen and second.seen:
        verdict = judge(from_text(first.seen), from_text(second.seen), model)
    rows = tx.all(_BETWEEN, first.record, second.record)
    undone = withdrawn(desk_on(tx), {row[0] for row in rows})
    said = tuple(
        SaidOf(position, kind, origin, actor, reason, position in undone)
        for position, kind, origin, actor, reason in rows
    )
    return Explanation(first, second, verdict, said)


def moves(tx: Transaction, record: str) -> list[tuple[int, str, str, int]]:
    """Return the record's way through enterprise ids: journal position, before, after, when."""
    return [(position, before, after, at) for position, before, after, at in tx.all(_MOVES, record)]
