"""One transaction for a batch: fences, resources, identity, golden records and accounts together.

Rule 1: the first statement moves the offsets under the owner's fence. A worker that lost its lease
changes nothing, however late it wakes up.
Rule 2: nothing in here depends on the order of the entries: contributions merge by stamp, identity
is computed from everything said. The order in a partition is a habit, not a need.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.core.clock import Clock
from engine.core.failpoint import failpoint
from engine.core.fault import Fault
from engine.core.lap import Lap
from engine.core.lexeme import decode
from engine.core.values import FHIR_JSON, Diagnostic, Entry, Mapped, PatientKey
from engine.database.protocol import Database
from engine.database.transaction import Transaction
from engine.journal.offsets import Lease, advance_all
from engine.pipeline import ledger
from engine.pipeline.condition import judged, runs
from engine.pipeline.decision import Decision
from engine.pipeline.ledger import Account
from engine.pipeline.prepare import DAY_US, Prepared
from engine.store.put import Write, put, source_patients
from engine.store.save import Written
from mpi.desk import Desk, desk_on
from mpi.flush import flush
from mpi.golden import follow, rebuild
from mpi.links import Said
from mpi.prefetch import prefetch
from mpi.resolve import News, Occasion, Policy, take_in
from mpi.sight import Sight, sight_of
from mpi.survivorship import Rules

REPEAT_WINDOW_US = 7 * DAY_US
"""How long the same bytes under the same control id count as a repeated delivery."""

_CHANGED = frozenset({"created", "updated"})


@dataclass(frozen=True, slots=True)
class Reconciling:
    """What the region decides by: the match policy and the survivorship rules."""

    policy: Policy
    rules: Rules


@dataclass(frozen=True, slots=True)
class Writing:
    """Where a batch goes, by what it is decided, and who is told when a stage of it ends."""

    database: Database
    reconciling: Reconciling
    clock: Clock
    lap: Lap


@dataclass(frozen=True, slots=True)
class Committed:
    """What a batch came to."""

    leases: tuple[Lease, ...]
    accounts: tuple[Account, ...]
    held_us: int  # how long it worked under the store's lock, without the commit itself


def commit(
    writing: Writing, batch: Sequence[Prepared], leases: Sequence[Lease], upto: int
) -> Committed:
    """Write a batch and move `leases` to `upto`, the position it reaches.

    FaultError `fenced-off` when a lease was lost: the batch is void. Other faults and exceptions
    leave the store as it was.
    """
    failpoint("before-write")
    with writing.database.write() as tx:
        started_us = writing.clock.now_us()
        writing.lap("wait")
        moved = tuple(advance_all(tx, leases, upto))
        writing.lap("fence")
        accounts = _write(tx, batch, writing)
        held_us = writing.clock.now_us() - started_us
        failpoint("before-commit")
    writing.lap("commit")
    failpoint("after-commit")
    return Committed(moved, tuple(accounts), held_us)


def _write(tx: Transaction, batch: Sequence[Prepared], writing: Writing) -> list[Account]:
    open_ones = _unsettled(tx, batch)
    return [one for run in runs(open_ones) for one in _write_run(tx, run, writing)]


def _unsettled(tx: Transaction, batch: Sequence[Prepared]) -> list[Prepared]:
    """Leave out what another process has worked off before us: deliveries that were prompt."""
    asked = [one.entry.position for one in batch if one.entry.envelope.media_type == FHIR_JSON]
    done = ledger.settled_of(tx, asked) if asked else frozenset()
    return [item for item in batch if item.entry.position not in done]


def _write_run(tx: Transaction, batch: Sequence[Prepared], writing: Writing) -> list[Account]:
    now_us = writing.clock.now_us()
    repeats = _repeats(tx, batch)
    writing.lap("ledger")
    fresh = [judged(tx, item) for item in batch if item.entry.position not in repeats]
    written = _put(tx, fresh, now_us)
    writing.lap("put")
    _reconcile(tx, fresh, written, writing, now_us)
    now = {item.entry.position: item for item in fresh}
    accounts = [
        _account(now.get(position, item), written.get(position, ()), repeats, now_us)
        for item in batch
        for position in [item.entry.position]
    ]
    ledger.write_accounts(tx, accounts)
    writing.lap("ledger")
    return accounts


def digest(entry: Entry) -> bytes:
    """Return what makes two deliveries the same: site, control id and every byte."""
    envelope = entry.envelope
    head = f"{envelope.site}\x1f{envelope.control_id}\x1f".encode()
    return hashlib.blake2b(head + envelope.body, digest_size=16).digest()


def _repeats(tx: Transaction, batch: Sequence[Prepared]) -> dict[int, int]:
    """Return position -> the earlier entry it repeats, and remember what is new.

    What is quarantined is not remembered: sent once more after the cause is mended, it is new.
    """
    digests = {item.entry.position: digest(item.entry) for item in batch}
    known = ledger.first_deliveries(tx, list(dict.fromkeys(digests.values())))
    repeats: dict[int, int] = {}
    news = []
    lanes: dict[tuple[str, str], int] = {}
    for item in batch:
        entry, key = item.entry, digests[item.entry.position]
        first = known.get(key)
        if first and _is_repeat(tx, entry, first, lanes):
            repeats[entry.position] = first[0]
            continue
        if item.fault is None and (first is None or first[0] != entry.position):
            known[key] = (entry.position, entry.envelope.received_us)
            news.append((key, entry.position, entry.envelope.received_us))
        lanes[entry.envelope.site, entry.envelope.lane] = entry.position
    ledger.remember_deliveries(tx, news)
    newest_us = max((item.entry.envelope.received_us for item in batch), default=0)
    ledger.forget_deliveries(tx, newest_us - REPEAT_WINDOW_US)
    return repeats


def _is_repeat(
    tx: Transaction, entry: Entry, first: tuple[int, int], lanes: Mapping[tuple[str, str], int]
) -> bool:
    """Without a control id the same bytes only repeat while nothing else came for the patient."""
    position, received_us = first
    envelope = entry.envelope
    if position >= entry.position or envelope.received_us - received_us > REPEAT_WINDOW_US:
        return False
    if envelope.control_id:
        return True
    lane = (envelope.site, envelope.lane)
    newest = lanes.get(lane) or ledger.newest_in_lane(tx, *lane, before=entry.position)
    return newest == position


def _put(tx: Transaction, batch: Sequence[Prepared], now_us: int) -> dict[int, list[Written]]:
    writes = [
        Write(told, item.entry.envelope.site, item.mapped.source_us, item.entry.position)
        for item in batch
        if item.mapped
        for told in item.mapped.contributions
    ]
    outcomes: dict[int, list[Written]] = {}
    for write, written in zip(writes, put(tx, writes, now_us), strict=True):
        outcomes.setdefault(write.position, []).append(written)
    return outcomes


def _reconcile(
    tx: Transaction,
    batch: Sequence[Prepared],
    written: Mapping[int, Sequence[Written]],
    writing: Writing,
    now_us: int,
) -> None:
    """Work out identity message by message on one desk, then build each golden record once."""
    desk = desk_on(tx)
    policy = writing.reconciling.policy
    told = _told(tx, batch, written)
    prefetch(desk, [news for _, news in told], policy.model)
    stale: dict[str, int] = {}  # enterprise id -> the last entry that touched it
    moved: dict[str, int] = {}  # record -> the last entry that moved it
    for item, news in told:
        position = item.entry.position
        resolved = take_in(desk, news, policy, Occasion(position, now_us))
        if item.mapped and item.mapped.merges:
            failpoint("inside-merge")
        moved.update(dict.fromkeys(resolved.moved, position))
        mentioned = _persons(desk, written.get(position, ()))
        stale.update(dict.fromkeys(resolved.touched | mentioned, position))
    flush(desk)
    follow(desk, moved, now_us)
    writing.lap("resolve")
    rebuild(tx, stale, writing.reconciling.rules, now_us)
    writing.lap("golden")


def _persons(desk: Desk, written: Sequence[Written]) -> set[str]:
    """Return the persons whose source Patients were written, be it with what was known."""
    records = [done.id for done in written if done.type == "Patient" and _moving(done)]
    return {row.person for record in records if (row := desk.identity(record))} - {""}


def _moving(done: Written) -> bool:
    return done.advanced or done.outcome in _CHANGED


def _told(
    tx: Transaction, batch: Sequence[Prepared], written: Mapping[int, Sequence[Written]]
) -> list[tuple[Prepared, News]]:
    """Return what each entry brings for the index, for those that bring something."""
    changed = {
        position: [done.id for done in some if done.type == "Patient" and done.outcome in _CHANGED]
        for position, some in written.items()
    }
    records = list(dict.fromkeys(record for some in changed.values() for record in some))
    sources = source_patients(tx, records)
    sights = {record: sight_of(decode(text)) for record, (text, _) in sources.items()}
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
        Said(
            merge.survivor.record, merge.subsumed.record, "merge", "source", mapped.source_us, site
        )
        for merge in mapped.merges
    )
    return News(site, mapped.patients, mapped.aliases, patients, said)


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


def _account(
    item: Prepared, written: Sequence[Written], repeats: Mapping[int, int], now_us: int
) -> Account:
    entry, mapped = item.entry, item.mapped
    envelope = entry.envelope
    account = Account(
        position=entry.position,
        state=ledger.WRITTEN,
        channel=envelope.channel,
        site=envelope.site,
        control_id=envelope.control_id,
        kind=mapped.kind if mapped else item.decision.act if item.decision else "",
        lane=envelope.lane,
        received_us=envelope.received_us,
        processed_us=now_us,
        plan=mapped.plan if mapped else "",
        notes=mapped.diagnostics if mapped else (),
    )
    if entry.position in repeats:
        return replace(account, state=ledger.DUPLICATE, of=repeats[entry.position])
    if item.fault:
        return _quarantined(account, item.fault)
    if mapped and mapped.filtered:
        return replace(account, state=ledger.FILTERED, code=mapped.filtered)
    return _counted(account, written, said=bool(mapped and mapped.merges))


def _quarantined(account: Account, fault: Fault) -> Account:
    return replace(
        account,
        state=ledger.QUARANTINED,
        category=str(fault.category),
        code=fault.code,
        place=fault.where,
    )


def _counted(account: Account, written: Sequence[Written], *, said: bool) -> Account:
    """A message of which everything was older than what is known is filtered, by that rule."""
    changed = [done for done in written if done.outcome in _CHANGED]
    moved = tuple(
        Diagnostic("patient-changed", done.type, "a message gave the resource to another patient")
        for done in written
        if done.taken_from
    )
    older = bool(written) and all(done.outcome == "older" for done in written) and not said
    return replace(
        account,
        state=ledger.FILTERED if older else ledger.WRITTEN,
        code="older" if older else "",
        notes=(*account.notes, *moved),
        changed=len(changed),
        unchanged=len(written) - len(changed),
    )
