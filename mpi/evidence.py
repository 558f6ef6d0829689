"""Keeps what matching knows of each record, and the edges to the records it resembles.

An edge is a pure function of what is seen of two records and of the model, and it is computed anew
whenever one of the two changes. So the edges do not depend on the order in which records came.
Pairs that are clearly two people have none.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from mpi.decide import Rating, rate
from mpi.desk import Desk
from mpi.model import Model
from mpi.rows import EdgeRow
from mpi.sight import NOTHING, Sight, recalled

MOST_CANDIDATES = 50
"""Records under one key; a key of more (a test patient, JOHN DOE) is passed over, with a task.

Among a million people the largest honest block had 52 records.
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """What looking at a record's new content brought: did anything matching sees change?"""

    changed: bool
    capped: bool = False  # more records share its keys than are compared


def look(desk: Desk, record: str, sight: Sight, model: Model) -> Looked:
    """Note what a record says now, and compare it with every record it shares a key with."""
    row = desk.identity(record)
    if sight.text == (row.seen if row else ""):
        return Looked(changed=False)
    _see(desk, record, sight)
    return Looked(changed=True, capped=_compare(desk, record, sight, model))


def overlook(desk: Desk, record: str) -> None:
    """Forget what was seen of a record: it says nothing any more, and resembles nobody."""
    _see(desk, record, NOTHING)


def _see(desk: Desk, record: str, sight: Sight) -> None:
    """Put a record under its keys of now, without edges."""
    row = desk.identity(record)
    old = recalled(row.seen if row else "").keys
    if row:
        desk.identities.put(row._replace(seen=sight.text))
    for key in old - sight.keys:
        desk.blocks.drop(key, record)
    desk.blocks.add(sight.keys - old, record)
    for edge in desk.edges.of(record):
        desk.edges.drop(edge)


def _compare(desk: Desk, record: str, sight: Sight, model: Model) -> bool:
    members, capped = candidates(desk, sight.keys)
    for other, (outcome, bits) in ratings(desk, sight, members - {record}, model):
        if outcome != "apart":
            a, b = sorted((record, other))
            desk.edges.put(EdgeRow(a, b, round(bits * 1000), outcome))
    return capped


def candidates(desk: Desk, keys: Collection[int]) -> tuple[set[str], bool]:
    """Return who shares one of these keys, and whether a key was passed over."""
    return desk.blocks.together(keys, MOST_CANDIDATES)


def ratings(
    desk: Desk, sight: Sight, others: Iterable[str], model: Model
) -> Iterator[tuple[str, Rating]]:
    """Rate a person and each of these records; what was rated before in the batch is kept."""
    ordered = sorted(others)
    desk.identities.want(ordered)
    desk.people.setdefault(sight.text, sight.person)
    for other in ordered:
        row = desk.identity(other)
        if row is not None:
            yield other, rating_of(desk, sight.text, row.seen, model)


def rating_of(desk: Desk, a: str, b: str, model: Model) -> Rating:
    """Rate two people by the texts of what is seen of them."""
    rating = desk.ratings.get((a, b))
    if rating is None:
        rating = desk.ratings[a, b] = rate(desk.person(a), desk.person(b), model)
    return rating
