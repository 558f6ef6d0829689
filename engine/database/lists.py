"""Statements with an IN list.

Where an engine takes a list as one value there is one text. Elsewhere there is one for each power
of two, the rest filled by repetition.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, bindparam
from sqlalchemy.sql.expression import ClauseElement

from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction

MOST = 256


@dataclass(frozen=True, slots=True)
class Column:
    """Values as one parameter: all integers, all texts or all bytes, and at least one."""

    values: Sequence[Any]


class ListStatement:
    """A query over many keys at once.

    `build` gets the bind parameters of the list and returns the statement, which may have further
    parameters: `names`, whose values the caller gives behind the keys.
    """

    __slots__ = ("_build", "_names", "_sized", "_whole")

    def __init__(
        self, build: Callable[[Sequence[BindParameter[Any]]], ClauseElement], *names: str
    ) -> None:
        self._build = build
        self._names = names
        self._sized: dict[int, Statement] = {}
        self._whole: Statement | None = None

    def all(self, tx: Transaction, keys: Sequence[Any], *others: Any) -> list[Row]:
        """Return the rows for all keys, in no order; a key given twice counts once."""
        asked = self._asked(tx, keys, others)
        return [row for statement, values in asked for row in tx.all(statement, *values)]

    def run(self, tx: Transaction, keys: Sequence[Any], *others: Any) -> int:
        """Execute a writing statement for all keys; returns the rows touched."""
        asked = self._asked(tx, keys, others)
        return sum(tx.run(statement, *values) for statement, values in asked)

    def _asked(
        self, tx: Transaction, keys: Sequence[Any], others: Sequence[Any]
    ) -> Iterator[tuple[Statement, Sequence[Any]]]:
        if tx.takes_lists:
            if keys:
                yield self._of_all(), (Column(keys), *others)
            return
        for start in range(0, len(keys), MOST):
            part = keys[start : start + MOST]
            size = 1 << (len(part) - 1).bit_length()
            yield self._of(size), (*part, *([part[-1]] * (size - len(part))), *others)

    def _of_all(self) -> Statement:
        if self._whole is None:
            source = self._build([bindparam("keys")])
            self._whole = Statement(source, "keys", *self._names, lists=True)
        return self._whole

    def _of(self, size: int) -> Statement:
        found = self._sized.get(size)
        if found is None:
            names = [f"k{place}" for place in range(size)]
            source = self._build([bindparam(name) for name in names])
            found = Statement(source, *names, *self._names)
            self._sized[size] = found
        return found
