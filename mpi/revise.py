"""Takes back what a mapping said of identity, where another mapping of the same messages differs.

What sites and stewards said otherwise stays. The callers put the components touched into groups
anew (`mpi.resolve.regroup`).
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select

from engine.database.inserting import inserting
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from mpi.desk import desk_on
from mpi.evidence import overlook
from mpi.flush import flush
from mpi.identifier import joins
from mpi.links import Said
from mpi.tables import ALIAS, IDENTITY, STATEMENT

Known = Mapping[tuple[str, str, str], tuple[int, int]]
"""System, value, record -> first entry that says so, 1 if another one does, too."""

_RECORDS = Statement(
    select(IDENTITY.c.record)
    .where(IDENTITY.c.site == bindparam("site_"), IDENTITY.c.record > bindparam("after_"))
    .order_by(IDENTITY.c.record)
    .limit(bindparam("most_")),
    *("site_", "after_", "most_"),
)
_ALIASES = ListStatement(
    lambda some: select(
        ALIAS.c.system, ALIAS.c.value, ALIAS.c.record, ALIAS.c.position, ALIAS.c.again
    ).where(ALIAS.c.record.in_(some), ALIAS.c.site == bindparam("site_")),
    "site_",
)
_HOLDERS = Statement(
    select(ALIAS.c.record).where(
        ALIAS.c.site == bindparam("site_"),
        ALIAS.c.system == bindparam("system_"),
        ALIAS.c.value == bindparam("value_"),
    ),
    *("site_", "system_", "value_"),
)
_DROP = Statement(
    delete(ALIAS).where(
        ALIAS.c.site == bindparam("site_"),
        ALIAS.c.system == bindparam("system_"),
        ALIAS.c.value == bindparam("value_"),
        ALIAS.c.record == bindparam("record_"),
    ),
    *("site_", "system_", "value_", "record_"),
)
_KEEP = inserting(
    ALIAS,
    *("site", "system", "value", "record", "position", "again"),
    on_conflict="replace",
)
_SAID = Statement(
    select(
        STATEMENT.c.position,
        STATEMENT.c.ordinal,
        STATEMENT.c.a,
        STATEMENT.c.b,
        STATEMENT.c.kind,
    ).where(
        STATEMENT.c.origin == "source",
        STATEMENT.c.actor == bindparam("site_"),
    ),
    "site_",
)
_SAY = inserting(
    STATEMENT,
    *("position", "ordinal", "a", "b", "kind", "origin", "source_us", "actor", "reason"),
    on_conflict="replace",
)
_UNSAY = Statement(
    delete(STATEMENT).where(
        STATEMENT.c.position == bindparam("position_"), STATEMENT.c.ordinal == bindparam("ordinal_")
    ),
    *("position_", "ordinal_"),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement of a source with its place: journal entry, and number within it."""

    position: int
    ordinal: int
    said: Said


def forget(tx: Transaction, records: Sequence[str]) -> set[str]:
    """Forget what matching saw of records whose Patient is gone; they stay as stubs.

    Returns the records whose company may change.
    """
    desk = desk_on(tx)
    desk.identities.want(records)
    desk.edges.want(records)
    for record in records:
        overlook(desk, record)
    flush(desk)
    return set(records)


def records_of(tx: Transaction, site: str, after: str, most: int) -> list[str]:
    """Return the next records of a site behind `after`, in the order of their ids."""
    return [row[0] for row in tx.all(_RECORDS, site, after, most)]


def revise_aliases(tx: Transaction, site: str, records: Sequence[str], wanted: Known) -> set[str]:
    """Make `wanted` the identifiers these records were seen with; returns who is concerned."""
    telling = {key: said for key, said in wanted.items() if joins(key[0], key[1])}
    known = {row[:3]: row[3:] for row in _ALIASES.all(tx, records, site)}
    concerned: set[str] = set()
    for system, value, record in sorted(known.keys() - telling.keys()):
        concerned |= {row[0] for row in tx.all(_HOLDERS, site, system, value)}
        tx.run(_DROP, site, system, value, record)
    for key, said in sorted(telling.items()):
        if known.get(key) != said:
            tx.run(_KEEP, site, *key, *said)
            concerned |= {row[0] for row in tx.all(_HOLDERS, site, key[0], key[1])}
    return concerned


def revise_statements(
    tx: Transaction, site: str, wanted: Sequence[Placed], only: Container[int] | None = None
) -> set[str]:
    """Make `wanted` what the site's messages state; returns who is concerned.

    With `only`, what messages at other positions state stays; `wanted` holds nothing of them.
    """
    known = {row[:2]: row[2:] for row in tx.all(_SAID, site) if only is None or row[0] in only}
    fresh = {(one.position, one.ordinal): one for one in wanted}
    concerned: set[str] = set()
    for place, stated in sorted(known.items()):
        one = fresh.get(place)
        if one is None or (one.said.a, one.said.b, one.said.kind) != stated:
            tx.run(_UNSAY, *place)
            concerned.update(stated[:2])
    for place, one in sorted(fresh.items()):
        if known.get(place) != (one.said.a, one.said.b, one.said.kind):
            said = one.said
            tx.run(
                _SAY,
                *(one.position, one.ordinal, said.a, said.b, said.kind),
                *(said.origin, said.source_us, said.actor, said.reason),
            )
            concerned |= {said.a, said.b}
    return concerned
