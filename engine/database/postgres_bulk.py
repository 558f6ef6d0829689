"""A statement for many rows at once, their columns as arrays.

One statement for each row costs the server more than the row itself. And a row after the other in
libpq's pipeline leaves a transaction behind whose idleness the server does not time: its last word
is a flush, after which PostgresMain (tcop/postgres.c) starts no timer. A holder of the lock that
falls asleep then would keep it for ever.

Rule: one statement for all rows means what the statements one by one mean. Where the order of two
rows would matter, because they have one key, it is not used.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import String, Table
from sqlalchemy.sql.dml import Delete, Insert, Update

from engine.database.postgres_schema import DIALECT
from engine.database.statement import Statement

_NAME = r'(?:\w+|"\w+")'
_INSERT = re.compile(
    rf"INSERT INTO (?P<table>{_NAME}) \((?P<names>[^()]+)\) VALUES \(%s(?:, %s)*\)"
    rf"(?: RETURNING {_NAME}\.{_NAME})?"
    r"(?P<tail> ON CONFLICT (?:DO NOTHING|\((?P<keys>[^()]+)\) DO UPDATE SET .+))?"
)
_TERMS = rf"{_NAME}\.{_NAME} = %s(?: AND {_NAME}\.{_NAME} = %s)*"
_UPDATE = re.compile(
    rf"UPDATE (?P<table>{_NAME}) SET (?P<sets>{_NAME}=%s(?:, {_NAME}=%s)*)\s+"
    rf"WHERE (?P<terms>{_TERMS})"
)
_DELETE = re.compile(rf"DELETE FROM (?P<table>{_NAME})\s+WHERE (?P<terms>{_TERMS})")


@dataclass(frozen=True, slots=True)
class Bulk:
    """A statement that takes a list for each parameter of the one it stands for."""

    text: bytes
    keys: tuple[int, ...] = ()  # parameters no two rows may have in common; none: any may

    def fits(self, rows: Sequence[Sequence[Any]]) -> bool:
        """Say whether these rows may go in one statement."""
        if not self.keys:
            return True
        return len({tuple(row[place] for place in self.keys) for row in rows}) == len(rows)


@lru_cache(maxsize=512)
def bulk_of(statement: Statement) -> Bulk | None:
    """Return the statement for many rows, None when there is none."""
    source, text = statement.source, statement.text(DIALECT)
    if not isinstance(source, Insert | Update | Delete) or not isinstance(source.table, Table):
        return None
    if any(column.nullable for column in source.table.columns):
        return None
    if isinstance(source, Insert):
        found = _INSERT.fullmatch(text)
        return _inserting(found) if found else None
    found = (_UPDATE if isinstance(source, Update) else _DELETE).fullmatch(text)
    return _changing(found, source.table) if found else None


def _inserting(found: re.Match[str]) -> Bulk:
    names = found["names"].split(", ")
    lists = ", ".join(["%s"] * len(names))
    text = f"INSERT INTO {found['table']} ({found['names']}) SELECT * FROM unnest({lists})"
    bare = [name.strip('"') for name in names]
    keys = [name.strip('"') for name in found["keys"].split(", ")] if found["keys"] else []
    return Bulk((text + (found["tail"] or "")).encode(), tuple(bare.index(name) for name in keys))


def _changing(found: re.Match[str], table: Table) -> Bulk:
    groups = found.groupdict()
    sets = [one.partition("=")[0] for one in groups.get("sets", "").split(", ") if one]
    terms = [one.partition(" = ")[0] for one in found["terms"].split(" AND ")]
    count = len(sets) + len(terms)
    given = f"unnest({', '.join(['%s'] * count)}) AS v ({_listed(range(count))})"
    where = " AND ".join(
        f"{term} = v.c{place}{_collation(table, term)}"
        for place, term in enumerate(terms, len(sets))
    )
    if not sets:
        return Bulk(f"DELETE FROM {found['table']} USING {given} WHERE {where}".encode())
    changes = ", ".join(f"{name} = v.c{place}" for place, name in enumerate(sets))
    text = f"UPDATE {found['table']} SET {changes} FROM {given} WHERE {where}"
    return Bulk(text.encode(), tuple(range(len(sets), count)))


def _listed(places: range) -> str:
    return ", ".join(f"c{place}" for place in places)


def _collation(table: Table, term: str) -> str:
    """Return what makes a text of an array comparable with a column, whose collation is C."""
    column = table.columns[term.rpartition(".")[2].strip('"')]
    return ' COLLATE "C"' if isinstance(column.type, String) else ""
