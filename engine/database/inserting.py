"""Insert statements from declared tables: one parameter for each column named."""

from typing import Any, Literal

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects.sqlite import insert

from engine.database.statement import Statement

OnConflict = Literal["fail", "ignore", "replace"]


def inserting(
    table: Table, *names: str, on_conflict: OnConflict = "fail", **fixed: Any
) -> Statement:
    """Build the insert of a row with `names` as parameters, in that order, and `fixed` values.

    A row whose primary key exists makes the statement fail, is left as it is (`ignore`), or takes
    the new values (`replace`).
    """
    row = insert(table).values({name: bindparam(name) for name in names} | fixed)
    if on_conflict == "ignore":
        row = row.on_conflict_do_nothing()
    elif on_conflict == "replace":
        keys = [column.name for column in table.primary_key.columns]
        fresh = {name: row.excluded[name] for name in (*names, *fixed) if name not in keys}
        row = row.on_conflict_do_update(index_elements=keys, set_=fresh)
    return Statement(row, *names)
