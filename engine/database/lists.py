"""Statements with an IN list: one compiled text per power of two, the rest filled by repetition."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BindParameter, bindparam
from sqlalchemy.sql.expression import ClauseElement

from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction

MOST = 256


class ListStatement:
    """A query over many keys at once.

    `build` gets the bind parameters of the list and returns the statement, which may have further
    parameters: `names`, whose values the caller gives behind the keys.
    """

    __slots__ = ("_build", "_names", "_sized")

    def __init__(
        self, build: Callable[[Sequence[BindParameter[Any]]], ClauseElement], *names: str
    ) -> None:
        self._build = build
        self._names = names
        self._sized: dict[int, Statement] = {}

    def all(self, tx: Transaction, keys: Sequence[Any], *others: Any) -> list[Row]:
        """Return the rows for all keys, in no order; a key given twice counts once."""
        rows: list[Row] = []
        for start in range(0, len(keys), MOST):
            part = keys[start : start + MOST]
            size = 1 << (len(part) - 1).bit_length()
            rows += tx.all(self._of(size), *part, *([part[-1]] * (size - len(part))), *others)
        return rows

    def run(self, tx: Transaction, keys: Sequence[Any], *others: Any) -> int:
        """Execute a writing statement for all keys; returns the rows touched."""
        touched = 0
        for start in range(0, len(keys), MOST):
            part = keys[start : start + MOST]
            size = 1 << (len(part) - 1).bit_length()
            touched += tx.run(self._of(size), *part, *([part[-1]] * (size - len(part))), *others)
        return touched

    def _of(self, size: int) -> Statement:
        found = self._sized.get(size)
        if found is None:
            names = [f"k{place}" for place in range(size)]
            source = self._build([bindparam(name) for name in names])
            found = Statement(source, *names, *self._names)
            self._sized[size] = found
        return found
