"""Whole columns as parameters, written in PostgreSQL's binary format for arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import error, pack
from typing import Any

import psycopg
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

from engine.database.lists import Column
from engine.database.postgres_connection import plain


def columns_of(rows: Sequence[Sequence[Any]]) -> list[Column]:
    """Turn rows into columns. They have no NULLs."""
    return [Column(column) for column in zip(*rows, strict=True)]


class _ColumnDumper(Dumper):
    """Writes arrays in PostgreSQL's binary format (array_send in utils/adt/arrayfuncs.c)."""

    format = Format.BINARY

    def get_key(self, obj: Column, format: PyFormat) -> tuple[type, type]:  # noqa: A002 - theirs
        return (Column, _kind(obj))

    def upgrade(self, obj: Column, format: PyFormat) -> Dumper:  # noqa: A002 - theirs
        made = _ColumnDumper(Column, None)
        made.oid = _KINDS[_kind(obj)].array
        return made

    def dump(self, obj: Column) -> bytes:
        kind = _KINDS[_kind(obj)]
        # One dimension, no NULLs, counted from 1.
        head = pack(">5i", 1, 0, kind.element, len(obj.values), 1)
        return head + kind.content(obj.values)


def _kind(column: Column) -> type:
    """Tell integers from texts from bytes; what derives from them is one of them."""
    first = column.values[0]
    known = type(first)
    return known if known in _KINDS else next(kind for kind in _KINDS if isinstance(first, kind))


def _integers(values: Sequence[int]) -> bytes:
    sized = [8] * (2 * len(values))
    sized[1::2] = values
    try:
        return pack(f">{'iq' * len(values)}", *sized)
    except error as cause:
        raise OverflowError("a number beyond 64 bits") from cause


def _texts(values: Sequence[str]) -> bytes:
    if "\0" in "".join(values):
        values = [plain(value) for value in values]
    return _sized([value.encode() for value in values])


def _sized(values: Sequence[bytes]) -> bytes:
    if max(map(len, values)) < len(_LENGTHS):
        return b"".join([part for value in values for part in (_LENGTHS[len(value)], value)])
    return b"".join([part for value in values for part in (pack(">i", len(value)), value)])


_LENGTHS = [pack(">i", length) for length in range(256)]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type by its numbers in pg_type, and how its elements are written."""

    array: int
    element: int
    content: Callable[[Sequence[Any]], bytes]


_KINDS = {
    int: _Kind(1016, 20, _integers),
    str: _Kind(1009, 25, _texts),
    bytes: _Kind(1001, 17, _sized),
}


def register(connection: psycopg.Connection[Any]) -> None:
    """Teach a connection to send columns."""
    connection.adapters.register_dumper(Column, _ColumnDumper)
