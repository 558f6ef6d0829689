"""A store for the end of whose transactions somebody in a hurry waits, when a test wants it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from engine.database.protocol import Database
from engine.database.transaction import Transaction


def interrupting(store: Database, urged: Callable[[], bool]) -> Database:
    """Return `store`, with `urged` asked in place of its queue."""
    return cast("Database", _Store(store, urged))


class _Store:
    def __init__(self, real: Database, urged: Callable[[], bool]) -> None:
        self._real = real
        self._urged = urged

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._real.write() as tx:
            yield cast("Transaction", _Transaction(tx, self._urged))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Transaction:
    def __init__(self, real: Transaction, urged: Callable[[], bool]) -> None:
        self._real = real
        self.urged = urged

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
