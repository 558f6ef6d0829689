"""What one message means for who is who: the index's single way in.

Evidence, identifiers and statements are written first; then the components they touch are put into
groups anew from everything known about them. The outcome is a function of what has been said, not
of the order in which it was said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.core.values import Alias, PatientKey
from engine.database.transaction import Transaction
from mpi.aliases import add_aliases
from mpi.cluster import Partition, Task, partition
from mpi.component import Component, component
from mpi.desk import Desk, desk_on
from mpi.evidence import look
from mpi.flush import flush
from mpi.links import Said, name_records, say, withdraw
from mpi.membership import founded_by, mark_merged, move, name_groups
from mpi.model import Model
from mpi.sight import Sight
from mpi.tasks import note_capped, replace_tasks


@dataclass(frozen=True, slots=True)
class Policy:
    """What the index decides by: the match model, and how enterprise ids are made."""

    model: Model
    mint: Callable[[str], str]  # founder record -> enterprise id


@dataclass(frozen=True, slots=True)
class Occasion:
    """Which journal entry is being worked on, and when."""

    position: int
    now_us: int


@dataclass(frozen=True, slots=True)
class News:
    """What one message brings. `patients`: what matching sees of those that changed, by record."""

    site: str
    named: tuple[PatientKey, ...] = ()
    aliases: tuple[Alias, ...] = ()
    patients: Mapping[str, Sight] = field(default_factory=dict)
    statements: tuple[Said, ...] = ()
    undoes: int = 0  # position of an entry that is undone, 0 for none
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Who belongs where now. `touched`: enterprise ids whose golden record is out of date."""

    people: Mapping[str, str]  # record -> enterprise id, of all records in the components
    moved: tuple[str, ...]
    touched: frozenset[str]


_NOTHING = Resolved({}, (), frozenset())


def resolve(tx: Transaction, news: News, policy: Policy, at: Occasion) -> Resolved:
    """Take in one message by itself. Call under the store's writing lock, in its transaction."""
    desk = desk_on(tx)
    resolved = take_in(desk, news, policy, at)
    flush(desk)
    return resolved


def take_in(desk: Desk, news: News, policy: Policy, at: Occasion) -> Resolved:
    """Take in one message, on a desk that is flushed at the end of the batch."""
    seeds = name_records(desk, news.named)
    seeds |= _look_at(desk, news, policy.model, at)
    seeds |= add_aliases(desk, news.site, news.aliases, at.position)
    seeds |= say(desk, at.position, news.statements)
    if news.undoes:
        seeds |= withdraw(desk, at.position, news.undoes, news.actor, news.reason)
    if not seeds:
        return _NOTHING
    return _regroup(desk, component(desk, seeds, policy.model), policy, at)


def regroup(desk: Desk, records: set[str], policy: Policy, at: Occasion) -> Resolved:
    """Put the components around these records into groups anew, on a desk."""
    if not records:
        return _NOTHING
    return _regroup(desk, component(desk, records, policy.model), policy, at)


def _look_at(desk: Desk, news: News, model: Model, at: Occasion) -> set[str]:
    changed = set()
    for record, sight in sorted(news.patients.items()):
        looked = look(desk, record, sight, model)
        if looked.changed:
            changed.add(record)
        if looked.capped:
            note_capped(desk, record, at.position, at.now_us)
    return changed


def _regroup(desk: Desk, found: Component, policy: Policy, at: Occasion) -> Resolved:
    inside = [edge for edge in found.edges if edge.a in found.people and edge.b in found.people]
    result = partition(tuple(found.people), inside, found.statements)
    people = name_groups(desk, result.groups, at.position, policy.mint)
    moved = move(desk, found.people, people, at.position, at.now_us)
    marked = mark_merged(desk, tuple(people), result.merged)
    replace_tasks(desk, found.people, _tasks(found, result), at.position, at.now_us)
    touched = {found.people[record] for record in moved}
    touched |= {people[record] for record in (*moved, *marked)} | founded_by(desk, moved)
    return Resolved(people, tuple(moved), frozenset(touched - {""}))


def _tasks(found: Component, result: Partition) -> list[Task]:
    """Add the doubts that lead out of the component: one for two people, unless settled."""
    settled = {said.pair for said in found.statements if not said.withdrawn}
    where = found.others | {record: group[0] for group in result.groups for record in group}
    best: dict[tuple[str, str], Task] = {}
    for edge in sorted(found.edges, key=lambda one: (-one.bits, one.a, one.b)):
        leads_out = edge.a not in found.people or edge.b not in found.people
        if edge.outcome == "review" and leads_out and (edge.a, edge.b) not in settled:
            first, second = sorted((where[edge.a], where[edge.b]))
            task = Task("possible-match", edge.a, edge.b, edge.bits)
            best.setdefault((first, second), task)
    return [*result.tasks, *best.values()]
