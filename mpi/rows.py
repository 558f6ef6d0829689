"""The index's tables as a batch holds them: rows with names, and how they are read in bulk."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Column, Table, bindparam, or_, select

from engine.database.lists import MOST, ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from mpi.tables import ALIAS, BLOCK_KEY, EDGE, IDENTITY, PERSON, STATEMENT, TASK, WITHDRAWAL

K = TypeVar("K")
R = TypeVar("R", bound=tuple[Any, ...])

MOST_SHARING = 20
"""Records of one site under one identifier; beyond that it is a stand-in nobody has listed."""

Number = tuple[str, str, str]
"""Site, system, value."""

_MANY = 8 * MOST  # rows of one question; more of them means that a single key has very many


class IdentityRow(NamedTuple):
    """A source record. `seen` is empty for a stub, `person` for one that has none yet."""

    record: str
    site: str
    local_id: str
    seen: str
    person: str
    survivor: str


class AliasRow(NamedTuple):
    """An identifier a record was seen with, first at `position`; `again`: and at another one."""

    site: str
    system: str
    value: str
    record: str
    position: int
    again: int

    @property
    def number(self) -> Number:
        return (self.site, self.system, self.value)


class EdgeRow(NamedTuple):
    """The verdict on two records, `a < b`; `bits` in thousandths."""

    a: str
    b: str
    bits: int
    outcome: str


class StatementRow(NamedTuple):
    """What the entry at `position` declares."""

    position: int
    ordinal: int
    a: str
    b: str
    kind: str
    origin: str
    source_us: int
    actor: str
    reason: str


class WithdrawalRow(NamedTuple):
    """The entry at `position` undoes the one at `of`."""

    position: int
    of: int
    actor: str
    reason: str


class PersonRow(NamedTuple):
    """An enterprise id and the record it was minted for."""

    person: str
    founder: str
    minted: int
    survivor: str


class TaskRow(NamedTuple):
    """An open question about two records."""

    kind: str
    a: str
    b: str
    bits: int
    position: int
    opened_us: int


def reader(
    row: type[R], table: Table, *columns: Column[Any]
) -> Callable[[Transaction, Sequence[Any]], Iterable[R]]:
    """Return what reads the rows of a table that have one of some values in one of `columns`."""
    some_rows = ListStatement(
        lambda some: select(table).where(or_(*(column.in_(some) for column in columns)))
    )
    make: Callable[[Iterable[Any]], R] = row._make  # type: ignore[attr-defined]  # a NamedTuple's

    def read(tx: Transaction, owners: Sequence[Any]) -> Iterable[R]:
        return map(make, some_rows.all(tx, owners))

    return read


read_identities = reader(IdentityRow, IDENTITY, IDENTITY.c.record)
read_members = reader(IdentityRow, IDENTITY, IDENTITY.c.person)
read_aliases = reader(AliasRow, ALIAS, ALIAS.c.record)
read_edges = reader(EdgeRow, EDGE, EDGE.c.a, EDGE.c.b)
read_statements = reader(StatementRow, STATEMENT, STATEMENT.c.a, STATEMENT.c.b)
read_statements_at = reader(StatementRow, STATEMENT, STATEMENT.c.position)
read_withdrawals = reader(WithdrawalRow, WITHDRAWAL, WITHDRAWAL.c.of)
read_withdrawals_at = reader(WithdrawalRow, WITHDRAWAL, WITHDRAWAL.c.position)
read_founders = reader(PersonRow, PERSON, PERSON.c.founder)
read_tasks = reader(TaskRow, TASK, TASK.c.a, TASK.c.b)

_UNDER = ListStatement(
    lambda some: (
        select(BLOCK_KEY.c.k, BLOCK_KEY.c.record).where(BLOCK_KEY.c.k.in_(some)).limit(_MANY)
    )
)
_UNDER_ONE = Statement(
    select(BLOCK_KEY.c.k, BLOCK_KEY.c.record)
    .where(BLOCK_KEY.c.k == bindparam("k_"))
    .limit(bindparam("most_")),
    *("k_", "most_"),
)
_SHARING = ListStatement(
    lambda some: (
        select(ALIAS)
        .where(
            ALIAS.c.value.in_(some),
            ALIAS.c.site == bindparam("site_"),
            ALIAS.c.system == bindparam("system_"),
        )
        .limit(_MANY)
    ),
    *("site_", "system_"),
)
_SHARING_ONE = Statement(
    select(ALIAS)
    .where(
        ALIAS.c.site == bindparam("site_"),
        ALIAS.c.system == bindparam("system_"),
        ALIAS.c.value == bindparam("value_"),
    )
    .limit(MOST_SHARING + 2),
    *("site_", "system_", "value_"),
)


def read_blocks(tx: Transaction, keys: Sequence[int], most: int) -> list[tuple[int, str]]:
    """Return key and record of those under these keys, of a key with more than `most` not all."""
    return bounded(
        keys, lambda some: _UNDER.all(tx, some), lambda key: tx.all(_UNDER_ONE, key, most)
    )


def read_sharing(tx: Transaction, numbers: Sequence[Number]) -> Iterable[AliasRow]:
    """Return who was seen with these numbers; of one that too many share, one too many."""
    values: dict[tuple[str, str], list[str]] = {}
    for site, system, value in numbers:
        values.setdefault((site, system), []).append(value)
    for (site, system), some in values.items():
        yield from map(AliasRow._make, _sharing(tx, site, system, some))


def _sharing(tx: Transaction, site: str, system: str, values: Sequence[str]) -> list[Any]:
    return bounded(
        values,
        lambda some: _SHARING.all(tx, some, site, system),
        lambda value: tx.all(_SHARING_ONE, site, system, value),
    )


def bounded(
    keys: Sequence[K], ask: Callable[[Sequence[K]], list[Any]], ask_one: Callable[[K], list[Any]]
) -> list[Any]:
    """Ask about many keys at once, and about halves of them where one key has very many rows."""
    found: list[Any] = []
    pieces = [keys[start : start + MOST] for start in range(0, len(keys), MOST)]
    while pieces:
        piece = pieces.pop()
        rows = ask(piece) if len(piece) > 1 else ask_one(piece[0])
        if len(piece) > 1 and len(rows) >= _MANY:
            middle = len(piece) // 2
            pieces += [piece[:middle], piece[middle:]]
        else:
            found += rows
    return found
