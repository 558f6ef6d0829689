"""The source Patients a batch looks at: each read from the store and decoded once."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from engine.core.lexeme import decode
from engine.database.transaction import Transaction
from engine.store.put import source_patients


class Source(NamedTuple):
    """What a record says now. `stamps` as stored: `engine.store.stamps.times` reads them."""

    body: Mapping[str, Any]
    stamps: str


class Sources:
    """Source Patients by record. Valid while nobody writes to them."""

    __slots__ = ("_known", "_tx")

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[str, Source | None] = {}

    def take(self, patients: Mapping[str, tuple[Mapping[str, Any], str]]) -> None:
        """Note what these records say now, by body and stamps; it need not be stored yet."""
        self._known.update((record, Source(*said)) for record, said in patients.items())

    def want(self, records: Iterable[str]) -> None:
        """Read what these records say, as far as that has not been done."""
        missing = [record for record in dict.fromkeys(records) if record not in self._known]
        if missing:
            self._known.update(dict.fromkeys(missing))
            for record, (text, stamps) in source_patients(self._tx, missing).items():
                self._known[record] = Source(decode(text), stamps)

    def of(self, record: str) -> Source | None:
        """Return what a record says; None for one without content."""
        if record not in self._known:
            self.want((record,))
        return self._known[record]
