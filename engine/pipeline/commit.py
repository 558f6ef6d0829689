"""One transaction for a batch: fences, resources, identity, golden records and accounts together.

Rule 1: the first statement moves the offsets under the owner's fence. A worker that lost its lease
changes nothing, however late it wakes up.
Rule 2: nothing in here depends on the order of the entries: contributions merge by stamp, identity
is computed from everything said. The order in a partition is a habit, not a need.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from engine.core.clock import Clock, ticks_us
from engine.core.failpoint import failpoint
from engine.core.fault import Fault
from engine.core.lap import Lap
from engine.core.values import CSV_ROW, FHIR_JSON, Diagnostic, Entry
from engine.database.protocol import Database
from engine.database.transaction import Transaction
from engine.formats.delimited.delivery import without_name
from engine.journal.offsets import Lease, advance_all
from engine.pipeline import ledger
from engine.pipeline.asks import note_asks
from engine.pipeline.condition import RULES, is_said_anew, judged, runs
from engine.pipeline.ledger import Account
from engine.pipeline.moves import between_people
from engine.pipeline.prepare import DAY_US, Prepared
from engine.pipeline.reconcile import CHANGED, Deciding, Reconciling, reconcile
from engine.pipeline.renumbered import REUSED, renumbered
from engine.store.proposal import propose
from engine.store.put import Write, merge
from engine.store.save import Written

REPEAT_WINDOW_US = 7 * DAY_US
"""How long the same bytes under the same control id count as a repeated delivery."""

_News = tuple[bytes, int, int]
"""Digest, position and time of receipt of a delivery nobody knew."""

_Writes = Mapping[int, Sequence[Write]]
"""By position of the entry."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Where a batch goes, by what it is decided, and who is told when a stage of it ends."""

    database: Database
    reconciling: Reconciling
    clock: Clock
    lap: Lap
    ticks_us: Callable[[], int] = ticks_us  # for durations: a clock that is never set
    # Raises when the batch was prepared under plans that do not hold any more.
    check: Callable[[Transaction], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Committed:
    """What a batch came to."""

    taken: int  # so many of it were written
    urged: bool  # somebody who goes first waited for it to end
    leases: tuple[Lease, ...]
    accounts: tuple[Account, ...]
    held_us: int  # how long it worked under the store's lock, without the commit itself


def commit(
    writing: Writing,
    batch: Sequence[Prepared],
    leases: Sequence[Lease],
    upto: int,
    *,
    piece: int | None = None,
) -> Committed:
    """Write a batch and move `leases` to `upto`, the position it reaches.

    With `piece`, so many messages are written at a time, each time with the offsets they reach, and
    the batch ends behind a piece when somebody who goes first waits; 0 is the whole batch, None the
    whole of somebody who goes first. FaultError `fenced-off` when a lease was lost: the batch is
    void. Other faults and exceptions leave the store as it was.
    """
    held = {lease.partition: lease for lease in leases}
    accounts: list[Account] = []
    taken, urged = 0, False
    writes = {item.entry.position: _writes(item) for item in batch}
    writing.lap("propose")
    failpoint("before-write")
    with writing.database.write() as tx:
        started_us = writing.ticks_us()
        writing.lap("wait")
        writing.check(tx)
        for part, end in _pieces(batch, upto, piece or len(batch)):
            moved = advance_all(tx, [one for one in held.values() if one.position <= end], end)
            held.update((lease.partition, lease) for lease in moved)
            writing.lap("fence")
            accounts += _write(tx, part, writes, writing)
            taken += len(part)
            urged = piece is not None and tx.urged()
            if urged and piece:
                break
        held_us = writing.ticks_us() - started_us
        failpoint("before-commit")
    writing.lap("commit")
    failpoint("after-commit")
    return Committed(taken, urged, tuple(held.values()), tuple(accounts), held_us)


def _pieces(
    batch: Sequence[Prepared], upto: int, size: int
) -> Iterator[tuple[Sequence[Prepared], int]]:
    """Yield parts of a batch with the position each reaches; the last one reaches `upto`."""
    reached = 0
    for start in range(0, len(batch) or 1, size or 1):
        part = batch[start : start + size]
        # An entry that is replayed stands before the one that asks for it, and is an older one.
        reached = max([reached, *(item.entry.position for item in part)])
        yield part, upto if start + size >= len(batch) else reached


def _writes(item: Prepared) -> list[Write]:
    """Work out what an entry would make of an empty store."""
    if item.mapped is None:
        return []
    site, position, source_us = item.entry.envelope.site, item.entry.position, item.mapped.source_us
    return [
        Write(told, site, told.said_us or source_us, position, propose(told))
        for told in item.mapped.contributions
    ]


def _write(
    tx: Transaction, batch: Sequence[Prepared], writes: _Writes, writing: Writing
) -> list[Account]:
    open_ones = _unsettled(tx, batch)
    return [one for run in runs(open_ones) for one in _write_run(tx, run, writes, writing)]


def _unsettled(tx: Transaction, batch: Sequence[Prepared]) -> list[Prepared]:
    """Leave out what another process has worked off before us: deliveries that were prompt."""
    asked = [one.entry.position for one in batch if one.entry.envelope.media_type == FHIR_JSON]
    done = ledger.settled_of(tx, asked) if asked else frozenset()
    return [item for item in batch if item.entry.position not in done]


def _write_run(
    tx: Transaction, batch: Sequence[Prepared], writes: _Writes, writing: Writing
) -> list[Account]:
    now_us = writing.clock.now_us()
    repeats, news, again = _repeats(tx, batch)
    writing.lap("ledger")
    fresh = [judged(tx, item) for item in batch if item.entry.position not in repeats]
    ledger.remember_deliveries(tx, _delivered(fresh, news))
    reused = renumbered(tx, fresh)
    merged = merge(tx, [one for item in fresh for one in _left(item, writes)], now_us)
    writing.lap("put")
    deciding = Deciding(writing.reconciling, now_us, writing.lap)
    outcomes = between_people(tx, fresh, reconcile(tx, fresh, merged, deciding))
    now = {item.entry.position: item for item in fresh}
    accounts = [
        _recognised(
            _account(now.get(position, item), outcomes.get(position, ()), repeats, now_us),
            again,
            reused,
        )
        for item in batch
        for position in [item.entry.position]
    ]
    ledger.write_accounts(tx, accounts)
    note_asks(tx, batch)
    writing.lap("ledger")
    return accounts


def digest(entry: Entry) -> bytes:
    """Return what makes two deliveries the same: site, control id and every byte.

    But for the name of a row's file.
    """
    envelope = entry.envelope
    head = f"{envelope.site}\x1f{envelope.control_id}\x1f".encode()
    body = without_name(envelope.body) if envelope.media_type == CSV_ROW else envelope.body
    known = hashlib.blake2b(head, digest_size=16)
    known.update(body)  # it may be long: put behind the head it would be copied
    return known.digest()


def _repeats(
    tx: Transaction, batch: Sequence[Prepared]
) -> tuple[dict[int, int], list[_News], dict[int, int]]:
    """Return position -> the earlier entry it repeats, and what is to be remembered as new.

    What is quarantined is not remembered: sent once more after the cause is mended, it is new. The
    last are entries written once more that repeat an earlier one if nothing comes of it.
    """
    digests = {item.entry.position: digest(item.entry) for item in batch}
    known = ledger.first_deliveries(tx, list(dict.fromkeys(digests.values())))
    repeats: dict[int, int] = {}
    again: dict[int, int] = {}
    news: list[_News] = []
    lanes: dict[tuple[str, str], int] = {}
    for item in batch:
        entry, key = item.entry, digests[item.entry.position]
        first = known.get(key)
        anew = is_said_anew(item)
        if first and not anew and _is_repeat(tx, entry, first, lanes):
            repeats[entry.position] = first[0]
            continue
        if first and anew and first[0] < entry.position and _has_times(item):
            again[entry.position] = first[0]
        if item.fault is None and (first is None or first[0] != entry.position):
            known[key] = (entry.position, entry.envelope.received_us)
            news.append((key, entry.position, entry.envelope.received_us))
        lanes[entry.envelope.site, entry.envelope.lane] = entry.position
    newest_us = max((item.entry.envelope.received_us for item in batch), default=0)
    ledger.forget_deliveries(tx, newest_us - REPEAT_WINDOW_US)
    return repeats, news, again


def _recognised(account: Account, again: Mapping[int, int], reused: Set[int]) -> Account:
    """What was written once more and changed nothing was a repetition, as of a lost answer."""
    if account.position in reused:
        account = replace(account, notes=(*account.notes, REUSED))
    first = again.get(account.position)
    if first is None or account.state != ledger.WRITTEN or account.changed:
        return account
    return replace(account, state=ledger.DUPLICATE, of=first)


def _delivered(judged_ones: Sequence[Prepared], news: Sequence[_News]) -> list[_News]:
    """Leave out what a condition refused: asked once more, it may be what the store allows.

    One with a name of its own hears what it heard before, whatever has come since.
    """
    refused = {
        item.entry.position
        for item in judged_ones
        if item.mapped and item.mapped.filtered in RULES and not item.entry.envelope.control_id
    }
    return [one for one in news if one[1] not in refused]


def _has_times(item: Prepared) -> bool:
    """Tell whether all that is said has times of its own, so that it may be a repetition."""
    mapped, received_us = item.mapped, item.entry.envelope.received_us
    return mapped is not None and all(
        (told.said_us or mapped.source_us) != received_us for told in mapped.contributions
    )


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


def _left(item: Prepared, writes: _Writes) -> Sequence[Write]:
    """Return what an entry writes; nothing if its condition left nothing of it."""
    said = item.mapped is not None and item.mapped.contributions
    return writes[item.entry.position] if said else ()


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
    return _counted(account, written, said=bool(mapped and (mapped.merges or mapped.links)))


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
    changed = [done for done in written if done.outcome in CHANGED]
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
