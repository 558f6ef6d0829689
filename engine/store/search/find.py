"""Runs a search: one page of matches as a view shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from engine.database.lists import ListStatement
from engine.database.transaction import Transaction
from engine.store.membership import members_of, survivors_of
from engine.store.read import CURRENT_COLUMNS, Stored, View, row, shown
from engine.store.search import cursor, sql
from engine.store.search.query import Query
from engine.store.search.values import Exact
from engine.store.tables import BODY, MEMBER, RESOURCE


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `next` is the cursor of the following one, empty on the last."""

    matches: tuple[Stored, ...]
    next: str = ""
    total: int | None = None  # None: not counted


_BY_RID = ListStatement(
    lambda keys: (
        select(*CURRENT_COLUMNS)
        .join(BODY, BODY.c.bid == RESOURCE.c.bid)
        .outerjoin(MEMBER, MEMBER.c.record == RESOURCE.c.record)
        .where(RESOURCE.c.rid.in_(keys))
    )
)


def search(tx: Transaction, query: Query, view: View) -> Page:
    """Return the page of `query.cursor`. FaultError `search-cursor-invalid`."""
    found = sql.plan(query, view.site, _records(tx, query, view))
    total = _total(tx, found, query)
    if query.only_count:
        return Page((), total=total)
    after = cursor.read(query.cursor, query.sort.by) if query.cursor else None
    statement = sql.page(found, query, after, query.count + 1)
    keys = tx.query(statement.text, statement.values)
    more = len(keys) > query.count
    keys = keys[: query.count]
    following = cursor.write(query.sort.by, keys[-1][:-1]) if more else ""
    return Page(tuple(_bodies(tx, [key[-1] for key in keys], view)), following, total)


def _bodies(tx: Transaction, rids: Sequence[int], view: View) -> list[Stored]:
    rows = {found.rid: found for found in map(row, _BY_RID.all(tx, rids))}
    return shown(tx, [rows[rid] for rid in rids], view)


def _records(tx: Transaction, query: Query, view: View) -> Mapping[str, Sequence[str]]:
    """The records each id in a patient parameter stands for; on a site's view itself.

    The id of a retired person stands for the survivor: an empty answer would be a dangerous one.
    """
    ids = [
        test.value
        for criterion in query.criteria
        if criterion.parameter.kind == "patient"
        for test in criterion.tests
        if isinstance(test, Exact)
    ]
    if view.site or not ids:
        return {}
    survivors = survivors_of(tx, list(dict.fromkeys(ids)))
    persons = {name: survivors.get(name, name) for name in ids}
    members = members_of(tx, list(dict.fromkeys(persons.values())))
    return {name: [name, *(m.record for m in members.get(persons[name], ()))] for name in ids}


def _total(tx: Transaction, found: sql.Plan, query: Query) -> int | None:
    if query.total == "none" and not query.only_count:
        return None
    exact = query.total == "accurate" or query.only_count
    statement = sql.count(found, query, None if exact else sql.TOTAL_BOUND)
    rows: list[tuple[Any, ...]] = tx.query(statement.text, statement.values)
    number = int(rows[0][0])
    return number if exact or number < sql.TOTAL_BOUND else None
