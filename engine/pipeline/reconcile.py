"""What a batch means for who is who: identity message by message, then each golden record once.

Runs under the store's lock, behind the merging of resources (`engine.pipeline.commit`): what was
merged is looked at as it is, and written once it is known whose it is.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from engine.core.failpoint import failpoint
from engine.core.lap import Lap
from engine.core.values import Mapped, PatientKey
from engine.database.transaction import Transaction
from engine.pipeline.decision import Decision
from engine.pipeline.moves import Outcomes
from engine.pipeline.prepare import Prepared
from engine.store.membership import relink_each
from engine.store.put import Merged, name, store
from engine.store.save import Written
from mpi.desk import BY_PERSON, Desk, desk_on
from mpi.flush import flush
from mpi.golden import enroll, rebuild
from mpi.links import Said
from mpi.prefetch import prefetch
from mpi.resolve import News, Occasion, Policy, take_in
from mpi.sight import Sight, sight_of
from mpi.survivorship import Rules

CHANGED = frozenset({"created", "updated"})


@dataclass(frozen=True, slots=True)
class Reconciling:
    """What the region decides by: the match policy and the survivorship rules."""

    policy: Policy
    rules: Rules


@dataclass(frozen=True, slots=True)
class Deciding:
    """By what a batch is decided, when, and who is told when a stage of it ends."""

    by: Reconciling
    now_us: int
    lap: Lap


def reconcile(
    tx: Transaction,
    batch: Sequence[Prepared],
    merged: Merged,
    deciding: Deciding,
) -> Outcomes:
    """Store what was merged, under the persons it is about, and bring golden records up to it.

    Returns what became of each entry's contributions, by its position.
    """
    written = _by_position(batch, merged.done)
    desk = desk_on(tx)
    desk.sources.take(merged.patients())
    told = _told(desk, batch, written)
    prefetch(desk, [news for _, news in told], deciding.by.policy.model)
    moved: dict[str, int] = {}  # record -> the last entry that moved it
    last: dict[str, int] = {}  # enterprise id -> the last entry that was about it
    stale: set[str] = set()  # those whose golden record is out of date for certain
    for item, news in told:
        position = item.entry.position
        resolved = take_in(desk, news, deciding.by.policy, Occasion(position, deciding.now_us))
        if item.mapped and item.mapped.merges:
            failpoint("inside-merge")
        moved.update(dict.fromkeys(resolved.moved, position))
        patients = [done for done in written.get(position, ()) if done.type == "Patient"]
        stale |= resolved.touched | _persons(desk, filter(_changes, patients))
        mentioned = resolved.touched | _persons(desk, filter(_tells, patients))
        last.update(dict.fromkeys(mentioned, position))
    flush(desk)
    deciding.lap("resolve")
    _store(desk, merged, moved, deciding)
    stale |= _several(desk, last.keys() - stale)
    rebuild(desk, {person: last[person] for person in stale}, deciding.by.rules, deciding.now_us)
    deciding.lap("golden")
    return written


def _store(desk: Desk, merged: Merged, moved: Mapping[str, int], deciding: Deciding) -> None:
    """Write the resources, and a version of those that were there and changed person."""
    nameless = {record for _, record in merged.nameless}
    desk.identities.want(nameless)
    named = name(merged, {one: row.person for one in nameless if (row := desk.identity(one))})
    store(desk.tx, merged)
    deciding.lap("put")
    if moved:
        enroll(desk, moved)
        relink_each(desk.tx, moved, deciding.now_us, named)
    deciding.lap("resolve")


def _by_position(batch: Sequence[Prepared], done: Sequence[Written]) -> Outcomes:
    """Return results by entry: each has as many as contributions, in the order of the batch."""
    outcomes: dict[int, list[Written]] = {}
    start = 0
    for item in batch:
        count = len(item.mapped.contributions) if item.mapped else 0
        if count:
            outcomes.setdefault(item.entry.position, []).extend(done[start : start + count])
            start += count
    return outcomes


def _changes(done: Written) -> bool:
    return done.outcome in CHANGED or (done.advanced and done.remade)


def _tells(done: Written) -> bool:
    return done.outcome in CHANGED or done.advanced


def _persons(desk: Desk, patients: Iterable[Written]) -> set[str]:
    """Return whose source Patients these are."""
    return {row.person for one in patients if (row := desk.identity(one.id))} - {""}


def _several(desk: Desk, persons: Set[str]) -> set[str]:
    """Return those of several records: there a statement confirmed is a newer one, and competes."""
    desk.identities.want(persons, BY_PERSON)
    return {person for person in persons if len(desk.identities.of(person, BY_PERSON)) > 1}


def _told(
    desk: Desk, batch: Sequence[Prepared], written: Mapping[int, Sequence[Written]]
) -> list[tuple[Prepared, News]]:
    """Return what each entry brings for the index, for those that bring something."""
    changed = {
        position: [done.id for done in some if done.type == "Patient" and done.outcome in CHANGED]
        for position, some in written.items()
    }
    records = list(dict.fromkeys(record for some in changed.values() for record in some))
    desk.sources.want(records)
    sights = {one: sight_of(source.body) for one in records if (source := desk.sources.of(one))}
    told = []
    for item in batch:
        patients = {record: sights[record] for record in changed.get(item.entry.position, ())}
        news = _news(item, patients)
        if news is not None:
            told.append((item, news))
    return told


def _news(item: Prepared, patients: Mapping[str, Sight]) -> News | None:
    if item.decision:
        return _decided(item.decision) if item.decision.act != "replay" else None
    if item.mapped is None or item.mapped.filtered:
        return None
    return _mapped(item.entry.envelope.site, item.mapped, patients)


def _mapped(site: str, mapped: Mapped, patients: Mapping[str, Sight]) -> News:
    said = tuple(
        Said(a, b, kind, "source", mapped.source_us, site) for a, b, kind in stated(mapped)
    )
    return News(site, mapped.patients, mapped.aliases, patients, said)


def stated(mapped: Mapped) -> list[tuple[str, str, str]]:
    """Return what a message says of two records each, in its order: a, b and the kind."""
    merges = [(one.survivor.record, one.subsumed.record, "merge") for one in mapped.merges]
    return merges + [(one.a.record, one.b.record, one.kind) for one in mapped.links]


def _decided(decision: Decision) -> News:
    if decision.a is None or decision.b is None:
        return News("", undoes=decision.of, actor=decision.actor, reason=decision.reason)
    a, b = decision.a, decision.b
    said = Said(
        a.record,
        b.record,
        decision.act,
        "steward",
        decision.said_us,
        decision.actor,
        decision.reason,
    )
    named = tuple(PatientKey(party.site, party.record, party.local_id) for party in (a, b))
    return News("", named, statements=(said,))
