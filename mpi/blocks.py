"""Who stands under which blocking key, as far as a batch asks: read in bulk, written back once.

A key with very many records is read in part: that it has too many is all that counts.
"""

from collections.abc import Collection, Iterable

from engine.database.transaction import Transaction
from mpi.rows import read_blocks


class Blocks:
    """Blocking keys with their records. What is added or dropped is seen at once."""

    __slots__ = ("_added", "_cut", "_dropped", "_tx", "_under")

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._under: dict[int, set[str]] = {}
        self._cut: set[int] = set()  # keys that have more records than were read
        self._added: dict[int, set[str]] = {}
        self._dropped: dict[int, set[str]] = {}

    def want(self, keys: Iterable[int], most: int) -> None:
        """Read who stands under these keys, at least `most` + 1 of each that has so many."""
        missing = [key for key in keys if key not in self._under]
        if not missing:
            return
        gone = max((len(self._dropped.get(key, ())) for key in missing), default=0)
        limit = most + 1 + gone
        stored: dict[int, set[str]] = {key: set() for key in missing}
        for key, record in read_blocks(self._tx, missing, limit):
            stored[key].add(record)
        for key, records in stored.items():
            if len(records) >= limit:
                self._cut.add(key)
            records.difference_update(self._dropped.get(key, ()))
            records.update(self._added.get(key, ()))
        self._under.update(stored)

    def together(self, keys: Collection[int], most: int) -> tuple[set[str], bool]:
        """Return who stands under any of these keys, and whether one was passed over.

        A key under which more than `most` stand tells nothing.
        """
        self.want(keys, most)
        under = self._under
        found: set[str] = set()
        passed = False
        for key in keys:
            if len(under[key]) <= most:
                found |= under[key]
            else:
                passed = True
        return found, passed

    def add(self, keys: Iterable[int], record: str) -> None:
        """Put a record under keys under which it does not stand."""
        under, added, dropped = self._under, self._added, self._dropped
        for key in keys:
            if record in dropped.get(key, ()):
                dropped[key].remove(record)
            elif key in added:
                added[key].add(record)
            else:
                added[key] = {record}
            if key in under:
                under[key].add(record)

    def drop(self, key: int, record: str) -> None:
        """Take a record away from a key under which it stands."""
        if record in self._added.get(key, ()):
            self._added[key].remove(record)
        else:
            self._dropped.setdefault(key, set()).add(record)
        if key in self._cut:  # who moves up is not known
            self._cut.remove(key)
            del self._under[key]
        elif key in self._under:
            self._under[key].discard(record)

    def take_changes(self) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
        """Return what was added and what was dropped, in order; it counts as written."""
        added, dropped = _pairs(self._added), _pairs(self._dropped)
        self._added.clear()
        self._dropped.clear()
        return added, dropped


def _pairs(found: dict[int, set[str]]) -> list[tuple[int, str]]:
    return sorted((key, record) for key, records in found.items() for record in records)
