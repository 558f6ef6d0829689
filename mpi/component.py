"""The part of the index a change can touch: what links reach, and all the evidence in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, product

from mpi.aliases import holders, shared_statements, tells
from mpi.cluster import Edge, Statement
from mpi.desk import BY_PERSON, Desk
from mpi.evidence import rating_of
from mpi.gates import contradict
from mpi.model import Model
from mpi.rows import MOST_SHARING, IdentityRow

_JOINING = frozenset({"link", "merge"})


@dataclass(frozen=True, slots=True)
class Component:
    """Records that are, were or may be one person, with the evidence about them.

    `edges` also hold those that lead out of the component (possible matches), and which of its
    records contradict each other.
    """

    people: dict[str, str]  # record -> enterprise id it has now, empty for a new record
    others: dict[str, str]  # the same for records outside that an edge leads to
    edges: tuple[Edge, ...]
    statements: tuple[Statement, ...]


def component(desk: Desk, seeds: Iterable[str], model: Model) -> Component:
    """Gather the component around `seeds` and its evidence."""
    reached = sorted(reach(desk, seeds))
    if len(reached) == 1 and not _spoken_of(desk, reached[0]):
        return Component(_people(desk, reached), {}, (), ())
    people = _people(desk, reached)
    rows = dict.fromkeys(row for record in reached for row in desk.edges.of(record))
    edges = [Edge(row.a, row.b, row.bits / 1000, row.outcome) for row in rows]
    edges += _contradictions(desk, reached, model)
    outside = {record for row in rows for record in (row.a, row.b)} - people.keys()
    others = _people(desk, sorted(outside))
    return Component(people, others, tuple(edges), _statements(desk, reached))


def _spoken_of(desk: Desk, record: str) -> bool:
    return bool(desk.edges.of(record) or desk.statements.of(record))


def _contradictions(desk: Desk, records: list[str], model: Model) -> list[Edge]:
    """Say which records of a component no chain of evidence may join, whatever keys they share.

    Many records of one person state the same facts: these are compared, not the records.
    """
    alike: dict[tuple[str, str, int], list[IdentityRow]] = {}
    for record in records:
        for row in desk.identities.of(record):
            if row.seen:
                person = desk.person(row.seen)
                facts = (person.ssn, person.birth, person.birth_order)
                alike.setdefault(facts, []).append(row)
    return [
        Edge(a.record, b.record, rating_of(desk, a.seen, b.seen, model).bits, "apart", hard=True)
        for some, others in combinations(alike.values(), 2)
        if contradict(desk.person(some[0].seen), desk.person(others[0].seen))
        for a, b in product(some, others)
    ]


def _people(desk: Desk, records: list[str]) -> dict[str, str]:
    desk.identities.want(records)
    return {row.record: row.person for record in records for row in desk.identities.of(record)}


def reach(desk: Desk, seeds: Iterable[str]) -> set[str]:
    """Return the records that links, statements, shared identifiers or a person lead to."""
    reached: set[str] = set()
    frontier = set(seeds)
    while frontier:
        reached |= frontier
        found = _linked(desk, frontier) | _together(desk, frontier)
        for sharing in holders(desk, frontier).values():
            if len(sharing) <= MOST_SHARING:
                found.update([row.record for row in sharing])
        frontier = found - reached
    return reached


def _linked(desk: Desk, records: set[str]) -> set[str]:
    desk.edges.want(records)
    desk.statements.want(records)
    found: set[str] = set()
    for record in records:
        for edge in desk.edges.of(record):
            if edge.outcome == "link":
                found.update((edge.a, edge.b))
        for said in desk.statements.of(record):
            if said.kind in _JOINING:
                found.update((said.a, said.b))
    return found


def _together(desk: Desk, records: set[str]) -> set[str]:
    """Records of the persons these records are now."""
    persons = {person for person in _people(desk, list(records)).values() if person}
    desk.identities.want(persons, BY_PERSON)
    return {row.record for person in persons for row in desk.identities.of(person, BY_PERSON)}


def _statements(desk: Desk, records: list[str]) -> tuple[Statement, ...]:
    """What was said about these records, and that records sharing an identifier are one."""
    rows = {row for record in records for row in desk.statements.of(record)}
    sharing = [some for some in holders(desk, records).values() if tells(some)]
    once = {row.position for some in sharing for row in some if not row.again}
    undone = withdrawn(desk, {row.position for row in rows} | once)
    explicit = [
        Statement(
            *(row.a, row.b, row.kind, row.origin, row.source_us, row.position),  # type: ignore[arg-type]
            withdrawn=row.position in undone,
        )
        for row in sorted(rows)
    ]
    return (*shared_statements(sharing, undone), *explicit)


def withdrawn(desk: Desk, positions: set[int]) -> set[int]:
    """Return which of these entries are undone; an undo that was itself undone does not count."""
    if not positions:
        return set()
    desk.withdrawals.want(positions)
    undos = {
        of: {row.position for row in rows} for of in positions if (rows := desk.withdrawals.of(of))
    }
    dead = withdrawn(desk, set().union(*undos.values())) if undos else set()
    return {of for of, by in undos.items() if by - dead}
