"""A table's rows that a batch looks at and changes, in memory: read in bulk, written back once.

Rule 1: what one message of the batch writes, the next one sees.
Rule 2: what was asked for is not read again, and what was changed is never overwritten by reading.
Knows no table by name and nothing of identity.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engine.database.transaction import Transaction

R = TypeVar("R", bound=tuple[Any, ...])
Owner = TypeVar("Owner", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Way(Generic[Owner, R]):
    """A way of asking: `load` reads all rows that belong to some owners, `owners` says whose."""

    load: Callable[[Transaction, Sequence[Owner]], Iterable[R]]
    owners: Callable[[R], Iterable[Owner]]


@dataclass(frozen=True, slots=True)
class Changes(Generic[R]):
    """What has to be written: rows as they are now, `gone` as they were."""

    new: list[R] = field(default_factory=list)
    changed: list[R] = field(default_factory=list)
    gone: list[R] = field(default_factory=list)


class Mirror(Generic[R]):
    """A table by its key and by ways of asking.

    A row may be put once one of its owners was asked for: else nobody knows whether it is stored.
    """

    __slots__ = ("_asked", "_before", "_key", "_rows", "_tx", "_under", "_ways")

    def __init__(self, tx: Transaction, key: Callable[[R], Hashable], *ways: Way[Any, R]) -> None:
        self._tx = tx
        self._key = key
        self._ways = ways
        self._rows: dict[Hashable, R] = {}
        self._before: dict[Hashable, R | None] = {}  # rows put or dropped, as they are stored
        self._asked: tuple[set[Any], ...] = tuple(set() for _ in ways)
        self._under: tuple[dict[Any, dict[Hashable, None]], ...] = tuple({} for _ in ways)

    def want(self, owners: Iterable[Any], way: int = 0) -> None:
        """Read the rows of these owners, as far as that has not been done."""
        asked = self._asked[way]
        missing = [owner for owner in owners if owner not in asked]
        if not missing:
            return
        asked.update(missing)
        for row in self._ways[way].load(self._tx, list(dict.fromkeys(missing))):
            key = self._key(row)
            if key not in self._rows and key not in self._before:
                self._rows[key] = row
                self._file(key, row)

    def of(self, owner: Any, way: int = 0) -> list[R]:
        """Return the rows of one owner as they are now."""
        if owner not in self._asked[way]:
            self.want((owner,), way)
        keys = self._under[way].get(owner)
        return [self._rows[key] for key in keys] if keys else []

    def get(self, key: Hashable) -> R | None:
        """Return a row by its key; None when there is none, or its owners were not asked for."""
        return self._rows.get(key)

    def put(self, row: R) -> None:
        """Add a row, or replace the one with its key."""
        key = self._key(row)
        old = self._rows.get(key)
        if old == row:
            return
        self._before.setdefault(key, old)
        if old is not None:
            self._unfile(key, old)
        self._rows[key] = row
        self._file(key, row)

    def drop(self, row: R) -> None:
        """Remove a row that is there."""
        key = self._key(row)
        self._before.setdefault(key, row)
        self._unfile(key, self._rows.pop(key))

    def take_changes(self) -> Changes[R]:
        """Return what differs from what is stored, in the order of keys; it counts as written."""
        found: Changes[R] = Changes()
        for key in sorted(self._before):  # type: ignore[type-var]  # keys of one table compare
            old, now = self._before[key], self._rows.get(key)
            if now is None:
                found.gone.extend([old] if old is not None else ())
            elif old is None:
                found.new.append(now)
            elif old != now:
                found.changed.append(now)
        self._before.clear()
        return found

    def _file(self, key: Hashable, row: R) -> None:
        for way, under in zip(self._ways, self._under, strict=True):
            for owner in way.owners(row):
                under.setdefault(owner, {})[key] = None

    def _unfile(self, key: Hashable, row: R) -> None:
        for way, under in zip(self._ways, self._under, strict=True):
            for owner in way.owners(row):
                under[owner].pop(key, None)
