"""Puts the shadow in the place of what the store holds, a chunk of resources at a time.

The caller has brought the shadow up to the last message with an account, in this same transaction:
so a chunk holds exactly what all messages say under the new mapping, and what workers write after
it comes on top.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select

from engine.core.lexeme import decode
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.reconcile import Reconciling
from engine.pipeline.rederive import shadow
from engine.pipeline.rederive.course import Course
from engine.pipeline.rederive.shadow import Shade
from engine.store import rows
from engine.store.adopt import Rederived, adopt
from engine.store.codes import NAMES
from engine.store.membership import persons_of
from engine.store.put import remove
from engine.store.rows import Key
from engine.store.tables import LIVE, RESOURCE
from mpi.desk import Desk, desk_on
from mpi.flush import flush
from mpi.golden import follow, rebuild
from mpi.links import Said
from mpi.resolve import News, Occasion, Resolved, regroup, take_in
from mpi.revise import Placed, forget, records_of, revise_aliases, revise_statements
from mpi.sight import Sight, sight_of

_STORED = Statement(
    select(RESOURCE.c.rid, RESOURCE.c.type, RESOURCE.c.id, RESOURCE.c.site, RESOURCE.c.state)
    .where(RESOURCE.c.rid > bindparam("after"))
    .order_by(RESOURCE.c.rid)
    .limit(bindparam("most")),
    *("after", "most"),
)


@dataclass(frozen=True, slots=True)
class Deciding:
    """What a chunk is decided by, and when."""

    reconciling: Reconciling
    now_us: int


def adopt_stored(tx: Transaction, course: Course, most: int, deciding: Deciding) -> Course | None:
    """Bring the next stored resources to what the shadow says of them; None behind the last.

    The first steps name the records that are new, so that what becomes theirs is somebody's.
    """
    strangers = [] if course.cursor else shadow.strangers(tx, course.site, most)
    if strangers:
        identify(tx, course, strangers, {}, deciding)
        return course
    found = tx.all(_STORED, int(course.cursor or 0), most)
    if not found:
        return None
    ours = [(NAMES[row[1]], row[2]) for row in found if row[3] == course.site and row[4] == LIVE]
    shades = shadow.load(tx, course.site, [key[1] for key in ours])
    gone = [key for key in ours if key not in shades]
    course = take(tx, course, [shades[key] for key in ours if key in shades], deciding)
    course = drop(tx, course, gone, deciding)
    return replace(course, cursor=str(found[-1][0]))


def adopt_new(tx: Transaction, course: Course, most: int, deciding: Deciding) -> Course | None:
    """Store the next resources of the shadow that are not there yet; None behind the last."""
    kind, _, about = course.cursor.partition("/")
    found = shadow.beyond(tx, course.site, (kind, about) if about else None, most)
    if not found:
        return None
    held = rows.load(tx, [shade.key for shade in found])
    live = {key for key, row in held.items() if row.state == LIVE}
    course = take(tx, course, [shade for shade in found if shade.key not in live], deciding)
    return replace(course, cursor="/".join(found[-1].key))


def take(tx: Transaction, course: Course, shades: Sequence[Shade], deciding: Deciding) -> Course:
    """Make what the shadow holds of some resources what is stored."""
    taken = [Rederived(one.key, course.site, one.record, one.stamps, one.text) for one in shades]
    done = adopt(tx, taken, deciding.now_us, course.folded)
    patients = [one for one in shades if one.key[0] == "Patient"]
    if patients:
        seen = {one.key[1]: sight_of(decode(one.text)) for one in patients}
        identify(tx, course, list(seen), seen, deciding)
    return replace(
        course,
        changed=course.changed + sum(one.outcome == "updated" for one in done),
        created=course.created + sum(one.outcome == "created" for one in done),
    )


def identify(
    tx: Transaction,
    course: Course,
    records: Sequence[str],
    patients: Mapping[str, Sight],
    deciding: Deciding,
) -> None:
    """Take in what the messages say of who these records are."""
    news = News(
        course.site,
        named=shadow.named(tx, course.site, records),
        aliases=shadow.aliases(tx, course.site, records),
        patients=patients,
    )
    at = Occasion(course.folded, deciding.now_us)
    desk = desk_on(tx)
    resolved = take_in(desk, news, deciding.reconciling.policy, at)
    _settle(desk, resolved, course, deciding)
    _rebuild(tx, resolved.touched | set(persons_of(tx, records).values()), course, deciding)


def drop(tx: Transaction, course: Course, gone: Sequence[Key], deciding: Deciding) -> Course:
    """Delete resources that no message makes any more."""
    if not gone:
        return course
    records = [key[1] for key in gone if key[0] == "Patient"]
    persons = set(persons_of(tx, records).values())
    removed = remove(tx, gone, deciding.now_us, course.folded)
    if records:
        settle_groups(tx, forget(tx, records), persons, course, deciding)
    return replace(course, removed=course.removed + removed)


def revise_identity(
    tx: Transaction, course: Course, most: int, deciding: Deciding
) -> Course | None:
    """Bring identifiers of the site's next records to what the shadow says; None behind the last.

    The last step takes back or adds the merges and links that the messages tell.
    """
    if course.cursor == _LAST:
        return None
    records = records_of(tx, course.site, course.cursor, most)
    if records:
        known = shadow.known_aliases(tx, course.site, records)
        concerned = revise_aliases(tx, course.site, records, known)
    else:
        wanted = [placed(course.site, one) for one in shadow.merges(tx, course.site)]
        concerned = revise_statements(tx, course.site, wanted)
    settle_groups(tx, concerned, set(), course, deciding)
    return replace(course, cursor=records[-1] if records else _LAST)


_LAST = "~"  # behind every record id


def placed(site: str, one: shadow.Merged) -> Placed:
    """Return a merge as the index keeps it."""
    return Placed(
        one.position, one.ordinal, Said(one.a, one.b, one.kind, "source", one.source_us, site)
    )


def settle_groups(
    tx: Transaction, records: set[str], persons: set[str], course: Course, deciding: Deciding
) -> None:
    """Put records into groups anew, and bring the persons concerned up to it."""
    at = Occasion(course.folded, deciding.now_us)
    desk = desk_on(tx)
    resolved = regroup(desk, records, deciding.reconciling.policy, at)
    _settle(desk, resolved, course, deciding)
    _rebuild(tx, resolved.touched | persons, course, deciding)


def _settle(desk: Desk, resolved: Resolved, course: Course, deciding: Deciding) -> None:
    flush(desk)
    follow(desk, dict.fromkeys(resolved.moved, course.folded), deciding.now_us)


def _rebuild(tx: Transaction, persons: Set[str], course: Course, deciding: Deciding) -> None:
    stale = dict.fromkeys(persons, course.folded)
    rebuild(desk_on(tx), stale, deciding.reconciling.rules, deciding.now_us)
