"""Identifiers that records were seen with: two records of a site that share one are one person.

That is a statement of the site, made by whichever entries say it; it falls when all of them are
undone. An identifier that very many records share says nothing about any of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select, update

from engine.core.values import Alias
from engine.database.inserting import inserting
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from mpi.cluster import Statement as Said
from mpi.identifier import joins
from mpi.tables import ALIAS

MOST_SHARING = 20
"""Records of one site under one identifier; beyond that it is a stand-in nobody has listed."""

Number = tuple[str, str, str]
"""Site, system, value."""

_OF_RECORDS = ListStatement(
    lambda some: select(
        ALIAS.c.site,
        ALIAS.c.system,
        ALIAS.c.value,
        ALIAS.c.record,
        ALIAS.c.position,
        ALIAS.c.again,
    ).where(ALIAS.c.record.in_(some))
)
_SHARING = Statement(
    select(ALIAS.c.record, ALIAS.c.position, ALIAS.c.again)
    .where(
        ALIAS.c.site == bindparam("site_"),
        ALIAS.c.system == bindparam("system_"),
        ALIAS.c.value == bindparam("value_"),
    )
    .order_by(ALIAS.c.record)
    .limit(MOST_SHARING + 2),
    *("site_", "system_", "value_"),
)
_ADD = inserting(ALIAS, "site", "system", "value", "record", "position", again=0)
_AGAIN = Statement(
    update(ALIAS)
    .where(
        ALIAS.c.site == bindparam("site_"),
        ALIAS.c.system == bindparam("system_"),
        ALIAS.c.value == bindparam("value_"),
        ALIAS.c.record == bindparam("record_"),
    )
    .values(again=1, position=bindparam("position_")),
    *("position_", "site_", "system_", "value_", "record_"),
)


@dataclass(slots=True)
class Sharing:
    """Who shares which identifier, as far as it was asked for."""

    by_number: dict[Number, list[tuple[str, int, int]]] = field(default_factory=dict)

    def of(self, tx: Transaction, records: Iterable[str]) -> set[str]:
        """Return the records that share an identifier with one of these."""
        found: set[str] = set()
        for site, system, value, *_ in _OF_RECORDS.all(tx, sorted(records)):
            number = (site, system, value)
            if number not in self.by_number:
                rows = tx.all(_SHARING, *number)
                self.by_number[number] = [(row[0], row[1], row[2]) for row in rows]
            holders = self.by_number[number]
            if len(holders) <= MOST_SHARING:
                found.update(record for record, _, _ in holders)
        return found

    def positions(self) -> set[int]:
        """Return the entries that said it, of identifiers said only once."""
        return {
            position
            for holders in self.by_number.values()
            for _, position, again in holders
            if not again
        }

    def statements(self, withdrawn: set[int]) -> list[Said]:
        """Say for each shared identifier that the first of its records is each other one."""
        said = []
        for holders in self.by_number.values():
            if len(holders) > MOST_SHARING:
                continue
            live = [record for record, at, again in holders if again or at not in withdrawn]
            said += [Said(live[0], other, "link", "source", 0, 0) for other in live[1:]]
        return said


def add_aliases(tx: Transaction, site: str, aliases: tuple[Alias, ...], position: int) -> set[str]:
    """Note identifiers; returns the records whose company may change by it."""
    telling = {
        (one.system, one.value, one.record) for one in aliases if joins(one.system, one.value)
    }
    known = _known(tx, site, {record for _, _, record in telling})
    touched: set[str] = set()
    for system, value, record in sorted(telling):
        before = known.get((system, value, record))
        if before is None:
            tx.run(_ADD, site, system, value, record, position)
            touched |= _met(tx, (site, system, value), record)
        elif before[0] != position and not before[1]:
            tx.run(_AGAIN, min(position, before[0]), site, system, value, record)
            touched.add(record)
    return touched


def _known(
    tx: Transaction, site: str, records: set[str]
) -> Mapping[tuple[str, str, str], tuple[int, int]]:
    return {
        (system, value, record): (position, again)
        for at, system, value, record, position, again in _OF_RECORDS.all(tx, sorted(records))
        if at == site
    }


def _met(tx: Transaction, number: Number, record: str) -> set[str]:
    """Whom a record meets under an identifier; all of them when it becomes one too many."""
    holders = {row[0] for row in tx.all(_SHARING, *number)}
    if len(holders) == MOST_SHARING + 1:
        return holders
    return {record} if len(holders) > 1 else set()
