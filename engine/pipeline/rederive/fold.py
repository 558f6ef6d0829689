"""Folds a site's messages into the shadow, the long way along the journal.

Messages are taken once they have an account, since it takes a worker to recognise a repetition. A
message may be folded twice: the second time changes nothing.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from engine.core.fault import Category, Fault, FaultError, refuse
from engine.core.values import DECISION, Entry, Mapped
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from engine.journal.protocol import Journal
from engine.mapping.plan import Plan
from engine.pipeline.condition import RULES, condition, is_said_anew
from engine.pipeline.ledger import DUPLICATE, QUARANTINED
from engine.pipeline.prepare import Prepared, prepare
from engine.pipeline.reconcile import stated
from engine.pipeline.rederive import shadow
from engine.pipeline.rederive.course import Course
from engine.pipeline.rederive.shadow import Merged, Told
from engine.pipeline.rederive.tables import STRETCH
from engine.pipeline.tables import LEDGER

_STATES = Statement(
    select(LEDGER.c.position, LEDGER.c.state, LEDGER.c.plan, LEDGER.c.code).where(STRETCH),
    *("after_", "upto_", "site_"),
)
_MAX_BYTES = 16_000_000
_END = 1 << 62
_LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the journal, read and mapped. `upto`: the last entry looked at."""

    upto: int
    positions: tuple[int, ...]  # of the site's messages in it
    items: tuple[Prepared, ...]  # of these, those that were not known


@dataclass(frozen=True, slots=True)
class Seen:
    """What of the site is in the shadow, as far as its course does not say: some entries `beyond`.

    Nothing up to `upto` is missing any more, so nobody needs to look there.
    """

    upto: int = 0
    beyond: frozenset[int] = frozenset()

    def also(self, positions: Iterable[int]) -> "Seen":
        """Add positions."""
        return Seen(self.upto, self.beyond.union(positions))

    def settled(self, upto: int) -> "Seen":
        """Say that everything up to a position is in the shadow: no account will come there."""
        last = max(upto, self.upto)
        return Seen(last, frozenset(at for at in self.beyond if at > last))


@dataclass(frozen=True, slots=True)
class Folded:
    """What went into the shadow. `upto`: every message of the site up to here is in it."""

    upto: int
    positions: frozenset[int]


def read(journal: Journal, after: int, most: int, plan: Plan, known: Container[int]) -> Stretch:
    """Read on behind `after`; map what is of the plan's site and not `known`. Needs no store."""
    try:
        batch = journal.read_on(after, most, _MAX_BYTES, None)
    except FaultError as error:
        if error.fault.code != "journal-corrupt":
            raise
        return Stretch(int(error.fault.where.rpartition(" ")[2]), (), ())
    ours = [entry for entry in batch.entries if _is_of(entry, plan.site.name)]
    items = [_prepared(entry, plan) for entry in ours if entry.position not in known]
    return Stretch(batch.upto, tuple(entry.position for entry in ours), tuple(items))


def _is_of(entry: Entry, site: str) -> bool:
    return entry.envelope.site == site and entry.envelope.media_type != DECISION


def _prepared(entry: Entry, plan: Plan) -> Prepared:
    return prepare(entry, {plan.site.name: plan})


def fold(tx: Transaction, course: Course, stretch: Stretch) -> Folded:
    """Take those messages of a stretch into the shadow that have an account.

    FaultError `plan-changed` when a message that came meanwhile was mapped by another plan.
    """
    accounts = _accounts(tx, course, course.folded, stretch.upto)
    pending = [position for position in stretch.positions if position not in accounts]
    upto = min(pending) - 1 if pending else stretch.upto
    taken = [item for item in stretch.items if item.entry.position in accounts]
    _take(tx, course, taken, accounts)
    return Folded(upto, frozenset(accounts))


def catch_up(
    tx: Transaction, course: Course, seen: Seen, journal: Journal, plan: Plan, most: int
) -> tuple[frozenset[int], bool]:
    """Take messages behind `course.folded` that have an account and were not `seen`.

    So are those taken that failed here, and which a worker has written since. Returns the positions
    taken of the first kind, and whether these were all; at most `most` of both are taken.
    """
    accounts = _accounts(tx, course, max(course.folded, seen.upto), _END)
    late = shadow.failed_once(tx, course.site)
    fresh = [*late, *sorted(accounts.keys() - seen.beyond)]
    accounts |= {at: _state(state, code) for at, (state, code) in late.items()}
    some = fresh[:most]
    entries = [entry for entry in map(journal.entry, some) if entry is not None]
    items = [_prepared(entry, plan) for entry in entries if _is_of(entry, course.site)]
    shadow.readable(tx, course.site, [at for at in some if at in late])
    _take(tx, course, items, accounts)
    return frozenset(some) - late.keys(), len(some) == len(fresh)


def lagging(tx: Transaction, course: Course, seen: Seen) -> int:
    """Count the messages behind `course.folded` that have an account and were not `seen`."""
    return len(_accounts(tx, course, max(course.folded, seen.upto), _END).keys() - seen.beyond)


def is_outdated(tx: Transaction, course: Course) -> bool:
    """Tell whether messages that came behind the goal were mapped by another plan."""
    return _mixed(course, tx.all(_STATES, course.folded, _END, course.site))


def _mixed(course: Course, found: Sequence[Row]) -> bool:
    return any(at > course.goal and plan not in ("", course.plan) for at, _, plan, _ in found)


def _accounts(tx: Transaction, course: Course, after: int, upto: int) -> dict[int, str]:
    """Return position -> state of the messages behind `after`, which is at or behind the course."""
    found = tx.all(_STATES, after, upto, course.site)
    if _mixed(course, found):
        message = "the mapping was changed while the replay was at work: start it again"
        raise refuse(Category.CONFLICT, "plan-changed", message)
    return {at: _state(state, code) for at, state, _, code in found}


def _state(state: str, code: str) -> str:
    """What a condition left out is left out for good."""
    return _LEFT_OUT if code in RULES else state


def _take(
    tx: Transaction, course: Course, items: Sequence[Prepared], states: Mapping[int, str]
) -> None:
    site = course.site
    items = [item for item in items if _counts(item, states[item.entry.position])]
    if course.mark:  # what is quarantined stays so: it is not said yet
        items = [item for item in items if states[item.entry.position] != QUARANTINED]
    items = [_unjudged(item) if _waits(item, states) else item for item in items]
    failing = [
        (item.entry.position, *_named(item.fault), int(states[item.entry.position] != QUARANTINED))
        for item in items
        if item.fault
    ]
    shadow.note_failing(tx, site, failing)
    said = [(item.entry.position, item.mapped) for item in items if item.mapped is not None]
    told = [
        Told(one, one.said_us or mapped.source_us, position)
        for position, mapped in said
        for one in mapped.contributions
    ]
    shadow.fold(tx, site, told)
    shadow.name(tx, site, [key for _, mapped in said for key in mapped.patients])
    shadow.note_aliases(tx, site, [(at, one) for at, mapped in said for one in mapped.aliases])
    shadow.note_merges(tx, site, [one for at, mapped in said for one in _merges(at, mapped)])


def _counts(item: Prepared, state: str) -> bool:
    """A repetition says nothing, but one that was written once more is the newer statement."""
    return state != _LEFT_OUT and (state != DUPLICATE or is_said_anew(item))


def _waits(item: Prepared, states: Mapping[int, str]) -> bool:
    """Tell whether an entry has a condition that nobody has judged: it was quarantined before."""
    quarantined = states[item.entry.position] == QUARANTINED
    return quarantined and item.fault is None and condition(item.entry.envelope) is not None


def _unjudged(item: Prepared) -> Prepared:
    """Leave a condition to a worker, who judges it on what is stored when the replay is over."""
    text = "the delivery's condition has not been judged: replay it by itself"
    fault = Fault(Category.CONFLICT, "condition-not-judged", text, "request")
    return replace(item, mapped=None, fault=fault)


def _named(fault: Fault) -> tuple[str, str, str]:
    return str(fault.category), fault.code, fault.where


def _merges(position: int, mapped: Mapped) -> list[Merged]:
    return [
        Merged(position, ordinal, a, b, mapped.source_us, kind)
        for ordinal, (a, b, kind) in enumerate(stated(mapped))
    ]
