"""One deed on a database: everything in it is committed together, or none of it.

What writers and readers see of a database is this and nothing else, so the engine behind it can be
another one.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from engine.database.statement import Statement

Row = tuple[Any, ...]


class Transaction(Protocol):
    """An open transaction. Ends with the `with` block of `Database.write` or `Database.read`."""

    @property
    def takes_lists(self) -> bool:
        """Say whether a list may be one value (`engine.database.lists.Column`)."""
        ...

    def run(self, statement: Statement, *values: Any) -> int:
        """Execute a writing statement; returns the number of rows it touched."""
        ...

    def run_many(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        """Execute a writing statement once for each row of values."""
        ...

    def one(self, statement: Statement, *values: Any) -> Row | None:
        """Return the first row of a query, or None."""
        ...

    def all(self, statement: Statement, *values: Any) -> list[Row]:
        """Return every row of a query."""
        ...

    def insert(self, statement: Statement, *values: Any) -> int:
        """Execute an insert; returns the integer key the row was given."""
        ...

    def urged(self) -> bool:
        """Say whether somebody who goes first waits for this transaction to end."""
        ...

    def query(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """Run a query whose text was built for this call (search): `?` stands for each value."""
        ...
