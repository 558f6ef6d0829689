"""From a query to SQL: which index leads, what is asked of each candidate, in which order.

The most selective criterion leads; every other one is asked per candidate through the index by
resource, so no plan depends on statistics. CROSS JOIN makes SQLite keep the order of the tables
(sqlite.org/optoverview.html, 8.1.1). Searches that nothing selective leads follow an index that is
already in the order wanted and stop when the page is full.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.store.codes import code_of
from engine.store.search.conditions import (
    NEVER,
    Part,
    among,
    during_condition,
    every,
    instant_condition,
    row_condition,
    text_condition,
)
from engine.store.search.criterion import Criterion
from engine.store.search.dates import MISSING
from engine.store.search.params import CLINICAL
from engine.store.search.query import Query
from engine.store.search.rank import NOT_LEADING, SELECTIVE, rank_of
from engine.store.search.values import Absent, During, Exact
from engine.store.tables import LIVE

Records = Mapping[str, Sequence[str]]
"""What an id in a patient parameter stands for: the records of the person, or the record."""

TOTAL_BOUND = 1001
"""Totals are counted up to here unless asked for exactly."""

_KEYS = {"row": ("r.rid",), "id": ("r.id",), "updated": ("r.updated_us", "r.rid")}


@dataclass(frozen=True, slots=True)
class Plan:
    """The tables a search goes through, in order, and its conditions."""

    tables: str
    where: Part
    keys: tuple[str, ...]  # the columns that order the matches


def plan(query: Query, site: str, records: Records) -> Plan:
    """Choose the leading index for a query on the view of `site` (empty: unified)."""
    leader = min(query.criteria, key=rank_of, default=None)
    rank = rank_of(leader) if leader else NOT_LEADING
    rest = [c for c in query.criteria if c is not leader]
    shown = _view(query.type, site)
    if leader and (rank <= SELECTIVE or query.sort.by == "row") and rank < NOT_LEADING:
        first = _leading(query, leader, records)
        return _led(query, every([shown, *(_asked(c, records) for c in rest)]), first)
    if query.sort.by == "date" and query.sort.parameter:
        return _along_dates(query, shown, records)
    conditions = [shown, *(_asked(c, records) for c in query.criteria)]
    return Plan("resource r", every(conditions), _KEYS[query.sort.by])


def page(found: Plan, query: Query, after: tuple[Any, ...] | None, most: int) -> Part:
    """Return the statement for up to `most` rows behind the keys `after`: keys, then rid."""
    where, keys = found.where, ", ".join(found.keys)
    if after is not None:
        sign = "<" if query.sort.descending else ">"
        marks = ", ".join("?" * len(found.keys))
        where = every([where, Part(f"({keys}) {sign} ({marks})", after)])
    way = " DESC" if query.sort.descending else ""
    order = ", ".join(f"{key}{way}" for key in found.keys)
    text = f"SELECT {keys}, r.rid FROM {found.tables} WHERE {where.text} ORDER BY {order} LIMIT ?"
    return Part(text, (*where.values, most))


def count(found: Plan, query: Query, bound: int | None) -> Part:
    """Return the statement that counts the matches, up to `bound`."""
    way = " DESC" if query.sort.descending else ""
    order = ", ".join(f"{key}{way}" for key in found.keys)
    limit = f" ORDER BY {order} LIMIT {int(bound)}" if bound is not None else ""
    text = f"SELECT 1 AS one FROM {found.tables} WHERE {found.where.text}{limit}"
    return Part(f"SELECT count(*) FROM ({text}) AS found", found.where.values)


def _view(type_name: str, site: str) -> Part:
    """What a view shows: the site's own, or one Patient per person and everything else."""
    base = Part("r.type = ? AND r.state = ?", (code_of(type_name), LIVE))
    if site:
        return every([base, Part("r.site = ?", (site,))])
    return every([base, Part("r.site = ''" if type_name == "Patient" else "r.site <> ''")])


def _leading(query: Query, leader: Criterion, records: Records) -> Part:
    """The statement whose rows are the candidates, each once."""
    kind = leader.parameter.kind
    if kind == "id":
        ids = among("i.id", [t.value for t in leader.tests if isinstance(t, Exact)] or [""])
        text = f"SELECT i.rid FROM resource i WHERE {ids.text} AND i.type = ?"
        return Part(text, (*ids.values, code_of(query.type)))
    if kind == "patient":
        where = _clinical(query, leader, records)
        return Part(
            f"SELECT DISTINCT c.rid FROM search_clinical c WHERE {where.text}", where.values
        )
    where = row_condition(leader, "t")
    single = len(leader.tests) == len(leader.parameter.codes) == 1
    once = "" if single and isinstance(leader.tests[0], Exact) else "DISTINCT "
    return Part(f"SELECT {once}t.rid FROM search_term t WHERE {where.text}", where.values)


def _clinical(query: Query, leader: Criterion, records: Records) -> Part:
    """What there is about the records, narrowed by code and date as far as the query says."""
    code, date = CLINICAL.get(query.type, ("", ""))
    codes, low = Part("c.code = ''"), list[Part]()
    for criterion in query.criteria:
        if criterion.negated or any(isinstance(t, Absent) for t in criterion.tests):
            continue
        if criterion.parameter.name == code and code:
            codes = text_condition("c.code", criterion.tests)
        if criterion.parameter.name == date and date:
            low += _bounds(criterion)
    who = _records(leader, records)
    return every([who, Part("c.type = ?", (code_of(query.type),)), codes, *low[:2]])


def _bounds(criterion: Criterion) -> list[Part]:
    """What a single date test says about the beginning alone."""
    test = criterion.tests[0]
    if len(criterion.tests) != 1 or not isinstance(test, During):
        return []
    if test.prefix in {"lt", "eb"}:
        return [Part("c.low_us < ?", (test.low_us,))]
    if test.prefix == "le":
        return [Part("c.low_us < ?", (test.high_us,))]
    if test.prefix == "sa":
        return [Part("c.low_us >= ?", (test.high_us,))]
    if test.prefix == "eq":
        return [Part("c.low_us >= ? AND c.low_us < ?", (test.low_us, test.high_us))]
    return [Part("c.low_us > ?", (MISSING[0],))]


def _records(criterion: Criterion, records: Records) -> Part:
    ids = [t.value for t in criterion.tests if isinstance(t, Exact)]
    found = sorted({record for name in ids for record in records.get(name, (name,))})
    return among("c.record", found) if found else NEVER


def _led(query: Query, rest: Part, first: Part) -> Plan:
    """Candidates from a leading statement, joined to their resources."""
    tables = f"({first.text}) d CROSS JOIN resource r"
    where = every([Part("r.rid = d.rid"), rest])
    if query.sort.by == "date" and query.sort.parameter:
        tables += " CROSS JOIN search_date s"
        joined = Part("s.rid = r.rid AND s.param = ?", (query.sort.parameter.code,))
        where = every([where, joined])
        keys: tuple[str, ...] = ("s.low_us", "s.rid")
    else:
        keys = ("d.rid",) if query.sort.by == "row" else _KEYS[query.sort.by]
    return Plan(tables, Part(where.text, (*first.values, *where.values)), keys)


def _along_dates(query: Query, shown: Part, records: Records) -> Plan:
    """Follow the index of the date the result is sorted by."""
    by = query.sort.parameter
    conditions = [Part("s.param = ? AND r.rid = s.rid", (by.code if by else 0,)), shown]
    for criterion in query.criteria:
        own = criterion.parameter is by and not any(isinstance(t, Absent) for t in criterion.tests)
        conditions.append(
            during_condition("s.low_us", "s.high_us", criterion.tests)
            if own
            else _asked(criterion, records)
        )
    return Plan("search_date s CROSS JOIN resource r", every(conditions), ("s.low_us", "s.rid"))


def _asked(criterion: Criterion, records: Records) -> Part:
    """The condition on one candidate `r`."""
    kind = criterion.parameter.kind
    if kind == "id":
        return text_condition("r.id", criterion.tests)
    if kind == "updated":
        return instant_condition("r.updated_us", criterion.tests)
    if kind == "patient":
        who = _records(criterion, records)
        return Part(who.text.replace("c.record", "r.record"), who.values)
    if isinstance(criterion.tests[0], Absent):
        return _absent(criterion, criterion.tests[0].absent)
    where = row_condition(criterion, "t")
    table = "search_date" if kind == "date" else "search_term"
    no = "NOT " if criterion.negated else ""
    text = f"{no}EXISTS (SELECT 1 FROM {table} t WHERE t.rid = r.rid AND {where.text})"
    return Part(text, where.values)


def _absent(criterion: Criterion, absent: bool) -> Part:
    no = "NOT " if absent else ""
    if criterion.parameter.kind == "date":
        text = "SELECT 1 FROM search_date t WHERE t.rid = r.rid AND t.param = ? AND t.high_us > ?"
        return Part(f"{no}EXISTS ({text})", (criterion.parameter.code, MISSING[1]))
    codes = among("t.param", criterion.parameter.codes)
    text = f"SELECT 1 FROM search_term t WHERE t.rid = r.rid AND {codes.text}"
    return Part(f"{no}EXISTS ({text})", codes.values)
