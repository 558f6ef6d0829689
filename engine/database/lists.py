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

    `build` gets the bind parameters of the list and returns the statement.
    """

    __slots__ = ("_build", "_sized")

    def __init__(self, build: Callable[[Sequence[BindParameter[Any]]], ClauseElement]) -> None:
        self._build = build
        self._sized: dict[int, Statement] = {}

    def all(self, tx: Transaction, keys: Sequence[Any]) -> list[Row]:
        """Return the rows for all keys, in no order; a key given twice counts once."""
        rows: list[Row] = []
        for start in range(0, len(keys), MOST):
            part = keys[start : start + MOST]
            size = 1 << (len(part) - 1).bit_length()
            rows += tx.all(self._of(size), *part, *([part[-1]] * (size - len(part))))
        return rows

    def run(self, tx: Transaction, keys: Sequence[Any]) -> int:
        """Execute a writing statement for all keys; returns the rows touched."""
        touched = 0
        for start in range(0, len(keys), MOST):
            part = keys[start : start + MOST]
            size = 1 << (len(part) - 1).bit_length()
            touched += tx.run(self._of(size), *part, *([part[-1]] * (size - len(part))))
        return touched

    def _of(self, size: int) -> Statement:
        found = self._sized.get(size)
        if found is None:
            names = [f"k{place}" for place in range(size)]
            found = Statement(self._build([bindparam(name) for name in names]), *names)
            self._sized[size] = found
        return found
