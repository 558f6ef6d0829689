"""Writes what messages say into the store: merge, compare, and a new version only for new content.

Rule 1: whatever the order of the writes, the same set of contributions gives the same content
(`engine.store.registers`). Rule 2: meta alone makes no version; the body of the current version
then carries the newest meta.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.core.lexeme import encode
from engine.core.values import Contribution
from engine.database.transaction import Transaction
from engine.store import registers, rows, splice, stamps
from engine.store.membership import persons_of
from engine.store.registers import State
from engine.store.rows import Batch, Held, Key, Version
from engine.store.save import Content, Moment, Written, advance, save, written
from engine.store.tables import DELETED, LIVE


@dataclass(frozen=True, slots=True)
class Write:
    """A contribution with where it comes from."""

    contribution: Contribution
    site: str
    source_us: int  # the sender's own time for the facts
    position: int  # journal position of the message

    @property
    def key(self) -> Key:
        return (self.contribution.type, self.contribution.id)


def put(tx: Transaction, writes: Sequence[Write], now_us: int) -> list[Written]:
    """Merge contributions into the store, in the order given; one result for each."""
    keys = [write.key for write in writes]
    before = rows.load(tx, list(dict.fromkeys(keys)))
    records = [write.contribution.patient for write in writes]
    records += [held.record for held in before.values()]
    persons = persons_of(tx, list(dict.fromkeys(filter(None, records))))
    desk = _Desk(rows.open_batch(tx), persons, now_us)
    drafts = {key: _Draft(held, _state(desk.batch, held)) for key, held in before.items()}
    done = []
    for key, write in zip(keys, writes, strict=True):
        drafts[key], outcome = _merged(desk, drafts.get(key, _NEW), write)
        done.append(outcome)
    save(tx, desk.batch, before, _sealed(desk.batch, drafts))
    return done


@dataclass(frozen=True, slots=True)
class _Desk:
    """What all writes of a batch share."""

    batch: Batch
    persons: Mapping[str, str]  # record -> enterprise id
    now_us: int


@dataclass(frozen=True, slots=True)
class _Draft:
    """A resource within a batch. Its row keeps the stamps of before until all is merged."""

    held: Held | None
    state: State | None
    values: bytes = b""  # the registers as written, once they were
    restamped: bool = False


_NEW = _Draft(None, None)


def _sealed(batch: Batch, drafts: Mapping[Key, _Draft]) -> dict[Key, Held]:
    """Write down the stamps of what was merged."""
    after = {}
    for key, draft in drafts.items():
        if draft.held is not None:
            after[key] = draft.held
            if draft.restamped and draft.state is not None:
                batch.stamps[draft.held.rid] = stamps.to_text(draft.state)
    return after


def _merged(desk: _Desk, draft: _Draft, write: Write) -> tuple[_Draft, Written]:
    """Merge one write; rows it needs go into the batch."""
    told, held, state = write.contribution, draft.held, draft.state
    merged = registers.merge(state, told, write.source_us, write.position)
    if held is None or state is None:
        return _begun(desk, held, write, merged)
    if merged is state:
        stale = "unchanged" if (write.source_us, write.position) == state.told else "older"
        return draft, written(held, stale, advanced=False)
    other = told.patient not in {"", held.record}
    record = told.patient if other and registers.names_patient(state, merged) else held.record
    values = encode(merged.values)
    same = values == draft.values or _same_values(merged, state)
    if same and record == held.record:
        now = _confirmed(desk.batch, held, state, merged)
        advanced = registers.marks(merged) != registers.marks(state)
        outcome = written(now, "unchanged" if advanced else "older", advanced=advanced)
        outcome = replace(outcome, remade=now is not held)
        return _Draft(now, merged, values, restamped=True), outcome
    now = _advanced(desk, held, write, record, merged)
    moved = held.record if record != held.record else ""
    return _Draft(now, merged, values, restamped=True), written(now, "updated", taken_from=moved)


def _begun(desk: _Desk, held: Held | None, write: Write, merged: State) -> tuple[_Draft, Written]:
    """A resource that is new, or was deleted."""
    record = write.contribution.patient or (held.record if held else "")
    now = _advanced(desk, held, write, record, merged)
    draft = _Draft(now, merged, restamped=True)
    return draft, written(now, "updated" if held else "created")


def _advanced(desk: _Desk, held: Held | None, write: Write, record: str, merged: State) -> Held:
    body = registers.body_of(merged, *write.key)
    now = Content(write.site, record, splice.encoded(body), body)
    at = Moment(desk.now_us, write.position, desk.persons.get(record, ""))
    return advance(desk.batch, write.key, held, now, at)


def _confirmed(batch: Batch, held: Held, state: State, merged: State) -> Held:
    """The content is what it was: no version, but the newest meta."""
    if merged.meta == state.meta:
        return held
    body = registers.body_of(merged, held.type, held.id)
    text = splice.encoded(body)
    batch.rewrite(held.bid, text, splice.offsets(held.type, text))
    batch.decoded[text] = body
    return replace(held, text=text)


def _state(batch: Batch, held: Held) -> State | None:
    """What was said so far; a deleted resource starts anew."""
    if held.state == DELETED:
        return None
    return stamps.from_text(held.stamps, held.type, batch.body_of(held))


def _same_values(one: State, other: State) -> bool:
    """Compare as written: 1.0 and 1.00 differ, and so do 1 and true."""
    return one.values is other.values or encode(_members(one)) == encode(_members(other))


def _members(state: State) -> list[tuple[str, Any]]:
    return sorted((pair for held in state.values.values() for pair in held.items()), key=_name)


def _name(pair: tuple[str, Any]) -> str:
    return pair[0]


def remove(tx: Transaction, keys: Sequence[Key], now_us: int, position: int) -> int:
    """Delete resources nothing says any more; a later write brings one back with a new version.

    Returns how many were there.
    """
    before = rows.load(tx, keys)
    before = {key: held for key, held in before.items() if held.state != DELETED}
    persons = persons_of(tx, [held.record for held in before.values() if held.record])
    batch = rows.open_batch(tx)
    after = {}
    for key, held in before.items():
        after[key] = replace(held, version=held.version + 1, state=DELETED, stamps="")
        person = persons.get(held.record, "")
        version = Version(held.rid, held.version + 1, now_us, held.bid, position, person, DELETED)
        batch.versions.append(version)
        batch.touched_us[held.rid] = now_us
    save(tx, batch, before, after)
    return len(after)


def source_patients(tx: Transaction, records: Sequence[str]) -> dict[str, tuple[bytes, str]]:
    """Return record -> stored body and stamps of source Patients (`engine.store.stamps.times`)."""
    held = rows.load(tx, [("Patient", record) for record in records])
    return {key[1]: (row.text, row.stamps) for key, row in held.items() if row.state == LIVE}


def source_patient(tx: Transaction, record: str) -> tuple[bytes, str] | None:
    """Return the stored body and stamps of one source Patient, or None."""
    return source_patients(tx, [record]).get(record)
