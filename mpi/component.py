"""The part of the index a change can touch: what links reach, and all the evidence in it."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import or_, select, union_all

from engine.database.lists import ListStatement
from engine.database.transaction import Transaction
from mpi.aliases import Sharing
from mpi.cluster import Edge, Statement
from mpi.tables import EDGE, IDENTITY, STATEMENT, WITHDRAWAL

_JOINING = or_(STATEMENT.c.kind == "link", STATEMENT.c.kind == "merge")
_LINKED = ListStatement(
    lambda some: union_all(
        select(EDGE.c.b).where(EDGE.c.a.in_(some), EDGE.c.outcome == "link"),
        select(EDGE.c.a).where(EDGE.c.b.in_(some), EDGE.c.outcome == "link"),
        select(STATEMENT.c.b).where(STATEMENT.c.a.in_(some), _JOINING),
        select(STATEMENT.c.a).where(STATEMENT.c.b.in_(some), _JOINING),
    )
)
_HOUSEMATE = IDENTITY.alias("housemate")
_TOGETHER = ListStatement(
    lambda some: (
        select(_HOUSEMATE.c.record)
        .join(IDENTITY, _HOUSEMATE.c.person == IDENTITY.c.person)
        .where(IDENTITY.c.record.in_(some), IDENTITY.c.person != "")
    )
)
_PEOPLE = ListStatement(
    lambda some: select(IDENTITY.c.record, IDENTITY.c.person).where(IDENTITY.c.record.in_(some))
)
_EDGES = ListStatement(lambda some: select(EDGE).where(or_(EDGE.c.a.in_(some), EDGE.c.b.in_(some))))
_STATEMENTS = ListStatement(
    lambda some: select(
        STATEMENT.c.a,
        STATEMENT.c.b,
        STATEMENT.c.kind,
        STATEMENT.c.origin,
        STATEMENT.c.source_us,
        STATEMENT.c.position,
    ).where(or_(STATEMENT.c.a.in_(some), STATEMENT.c.b.in_(some)))
)
_WITHDRAWN = ListStatement(
    lambda some: select(WITHDRAWAL.c.of, WITHDRAWAL.c.position).where(WITHDRAWAL.c.of.in_(some))
)


@dataclass(frozen=True, slots=True)
class Component:
    """Records that are, were or may be one person, with the evidence about them.

    `edges` also hold those that lead out of the component (possible matches).
    """

    people: dict[str, str]  # record -> enterprise id it has now, empty for a new record
    others: dict[str, str]  # the same for records outside that an edge leads to
    edges: tuple[Edge, ...]
    statements: tuple[Statement, ...]


def component(tx: Transaction, seeds: Iterable[str]) -> Component:
    """Gather the component around `seeds` and its evidence."""
    sharing = Sharing()
    ordered = sorted(_reach(tx, set(seeds), sharing))
    people = {str(record): str(person) for record, person in _PEOPLE.all(tx, ordered)}
    edges = {
        (row[0], row[1]): Edge(row[0], row[1], row[2] / 1000, row[3], bool(row[4]))
        for row in _EDGES.all(tx, ordered)
    }
    outside = sorted({record for pair in edges for record in pair} - people.keys())
    others = {str(record): str(person) for record, person in _PEOPLE.all(tx, outside)}
    return Component(people, others, tuple(edges.values()), _statements(tx, ordered, sharing))


def _reach(tx: Transaction, seeds: set[str], sharing: Sharing) -> set[str]:
    reached: set[str] = set()
    frontier = seeds
    while frontier:
        reached |= frontier
        some = sorted(frontier)
        found = {row[0] for row in _LINKED.all(tx, some)}
        found |= sharing.of(tx, some)
        found |= {row[0] for row in _TOGETHER.all(tx, some)}
        frontier = found - reached
    return reached


def _statements(tx: Transaction, records: list[str], sharing: Sharing) -> tuple[Statement, ...]:
    """What was said about these records, and that records sharing an identifier are one."""
    rows = set(_STATEMENTS.all(tx, records))
    undone = withdrawn(tx, {row[5] for row in rows} | sharing.positions())
    explicit = [
        Statement(a, b, kind, origin, source_us, position, position in undone)
        for a, b, kind, origin, source_us, position in sorted(rows)
    ]
    return (*sharing.statements(undone), *explicit)


def withdrawn(tx: Transaction, positions: set[int]) -> set[int]:
    """Return which of these entries are undone; an undo that was itself undone does not count."""
    if not positions:
        return set()
    undos: dict[int, set[int]] = {}
    for of, position in _WITHDRAWN.all(tx, sorted(positions)):
        undos.setdefault(of, set()).add(position)
    dead = withdrawn(tx, set().union(*undos.values())) if undos else set()
    return {of for of, by in undos.items() if by - dead}
