"""Rows in memory: read once, seen as changed, written back once."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from engine.database.transaction import Transaction
from mpi.mirror import Changes, Mirror, Way

NO_TX = cast("Transaction", None)


class Pair(NamedTuple):
    a: str
    b: str
    bits: int


class Table:
    """Stored rows that note how often they were asked for."""

    def __init__(self, *rows: Pair) -> None:
        self.rows = rows
        self.asked: list[list[str]] = []

    def by_side(self, _: Any, owners: Sequence[str]) -> list[Pair]:
        self.asked.append(list(owners))
        return [row for row in self.rows if row.a in owners or row.b in owners]

    def by_bits(self, _: Any, owners: Sequence[int]) -> list[Pair]:
        return [row for row in self.rows if row.bits in owners]


def mirror_of(table: Table) -> Mirror[Pair]:
    return Mirror(
        NO_TX,
        lambda row: row[:2],
        Way(table.by_side, lambda row: (row.a, row.b)),
        Way(table.by_bits, lambda row: (row.bits,)),
    )


def test_rows_are_read_once_for_many_owners() -> None:
    table = Table(Pair("a", "b", 1), Pair("b", "c", 2))
    mirror = mirror_of(table)
    mirror.want(["a", "b", "a"])
    assert mirror.of("b") == [Pair("a", "b", 1), Pair("b", "c", 2)]
    assert table.asked == [["a", "b"]]
    assert mirror.of("c") == [Pair("b", "c", 2)]
    assert table.asked == [["a", "b"], ["c"]]


def test_what_was_changed_is_not_overwritten_by_reading() -> None:
    mirror = mirror_of(Table(Pair("a", "b", 1)))
    mirror.want(["a"])
    mirror.put(Pair("a", "b", 7))
    assert mirror.of("b") == [Pair("a", "b", 7)]
    assert mirror.of(1, 1) == []
    assert mirror.of(7, 1) == [Pair("a", "b", 7)]


def test_what_was_dropped_does_not_come_back() -> None:
    mirror = mirror_of(Table(Pair("a", "b", 1)))
    (row,) = mirror.of("a")
    mirror.drop(row)
    assert mirror.of("b") == []
    assert mirror.get(("a", "b")) is None
    assert mirror.take_changes() == Changes(gone=[row])


def test_a_row_put_under_an_owner_not_asked_for_is_found_later() -> None:
    mirror = mirror_of(Table())
    assert mirror.of("a") == []
    mirror.put(Pair("a", "b", 1))
    assert mirror.of("b") == [Pair("a", "b", 1)]


def test_only_what_differs_from_what_is_stored_is_written() -> None:
    kept, changed = Pair("a", "b", 1), Pair("a", "c", 1)
    mirror = mirror_of(Table(kept, changed))
    for row in mirror.of("a"):
        mirror.drop(row)
    mirror.put(kept)
    mirror.put(changed._replace(bits=2))
    mirror.put(Pair("a", "d", 3))
    mirror.put(Pair("a", "e", 3))
    mirror.drop(Pair("a", "e", 3))
    assert mirror.take_changes() == Changes(
        new=[Pair("a", "d", 3)], changed=[Pair("a", "c", 2)], gone=[]
    )
    assert mirror.take_changes() == Changes()
