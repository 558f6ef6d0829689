"""Insert statements from declared tables: one parameter for each column named.

ON CONFLICT is written here as text: SQLite took the clause over from PostgreSQL
(sqlite.org/lang_upsert.html), so one spelling holds for both, where SQLAlchemy has two.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import Table, bindparam, insert

from engine.database.statement import Statement

OnConflict = Literal["fail", "ignore", "replace"]


def inserting(
    table: Table,
    *names: str,
    on_conflict: OnConflict = "fail",
    replaced: Sequence[str] = (),
    only_over: tuple[str, str] = ("", ""),
    **fixed: Any,
) -> Statement:
    """Build the insert of a row with `names` as parameters, in that order, and `fixed` values.

    A row whose primary key exists makes the statement fail, is left as it is (`ignore`), or takes
    the new values (`replace`): of the columns `replaced`, or of all that are given; with
    `only_over` (column, text) only a row that has this text there.
    """
    row = insert(table).values({name: bindparam(name) for name in names} | fixed)
    keys = [column.name for column in table.primary_key.columns]
    if on_conflict == "ignore":
        tail = " ON CONFLICT DO NOTHING"
    elif on_conflict == "replace":
        fresh = replaced or [name for name in (*names, *fixed) if name not in keys]
        tail = f" ON CONFLICT ({_quoted(keys)}) DO UPDATE SET {_taken(fresh)}"
        column, text = only_over
        if column:
            tail += f" WHERE {_quoted([table.name])}.{_quoted([column])} = '{text}'"
    else:
        tail = ""
    return Statement(row, *names, tail=tail)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _taken(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}" = excluded."{name}"' for name in names)
