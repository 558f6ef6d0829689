"""Writes the index rows of resources: only what changed."""

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Table, and_, bindparam, delete, insert

from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.store.search.extract import Rows
from engine.store.search.tables import CLINICAL, DATE, TERM


class Change(NamedTuple):
    """The index rows of one resource as they are, and as they should be."""

    rid: int
    old: Rows
    new: Rows


_SECOND = itemgetter(1)
_TERM = ("param", "value", "rid")
_DATE = ("param", "low_us", "high_us", "rid")
_CLINICAL = ("record", "type", "code", "low_us", "rid")


def _adding(table: Table, names: Sequence[str]) -> Statement:
    return Statement(insert(table).values({name: bindparam(name) for name in names}), *names)


def _removing(table: Table, names: Sequence[str]) -> Statement:
    return Statement(
        delete(table).where(and_(*(table.c[name] == bindparam(name) for name in names))), *names
    )


_ADD = {t.name: _adding(t, n) for t, n in ((TERM, _TERM), (DATE, _DATE), (CLINICAL, _CLINICAL))}
_TAKE = {t.name: _removing(t, n) for t, n in ((TERM, _TERM), (DATE, _DATE), (CLINICAL, _CLINICAL))}


def write(tx: Transaction, changes: Iterable[Change]) -> None:
    """Bring the index from the old rows to the new ones."""
    found = list(changes)
    for table, name in ((TERM.name, "terms"), (DATE.name, "dates"), (CLINICAL.name, "clinical")):
        gone, come = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
        for rid, before, after in found:
            old, new = getattr(before, name), getattr(after, name)
            if old:
                gone += [(*row, rid) for row in old - new]
            come += [(*row, rid) for row in (new - old if old else new)]
        if gone:
            tx.run_many(_TAKE[table], gone)
        if come:
            tx.run_many(_ADD[table], _in_order(come))


def _in_order(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Order rows about as their table is, so that neighbours are written one after the other.

    By the first column, of which there are few values, then by the second: whole rows take longer
    to compare than what their order saves.
    """
    groups: dict[Any, list[tuple[Any, ...]]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    for first in sorted(groups):
        yield from sorted(groups[first], key=_SECOND)
