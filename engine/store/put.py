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
    before = rows.load(tx, [write.key for write in writes])
    records = [write.contribution.patient for write in writes]
    records += [held.record for held in before.values()]
    persons = persons_of(tx, list(dict.fromkeys(filter(None, records))))
    batch = rows.open_batch(tx)
    after = dict(before)
    done = []
    for write in writes:
        merging = _Merging(batch, after.get(write.key), write, persons, now_us)
        after[write.key], outcome = _merged(merging)
        done.append(outcome)
    save(tx, batch, before, after)
    return done


@dataclass(frozen=True, slots=True)
class _Merging:
    """One write, with what it meets."""

    batch: Batch
    held: Held | None
    write: Write
    persons: Mapping[str, str]
    now_us: int

    def at(self, record: str) -> Moment:
        return Moment(self.now_us, self.write.position, self.persons.get(record, ""))


def _merged(one: _Merging) -> tuple[Held, Written]:
    """Merge one write; rows it needs go into the batch."""
    told = one.write.contribution
    state = _state(one.batch, one.held)
    merged = registers.merge(state, told, one.write.source_us, one.write.position)
    if one.held is None or state is None:
        return _begun(one, merged)
    if merged is state:
        return one.held, replace(written(one.held, _stale(state, one.write)), advanced=False)
    newest = merged.told != state.told
    record = told.patient if newest and told.patient else one.held.record
    now = _content(one, record, merged)
    if record == one.held.record and (now.text == one.held.text or _same_content(merged, state)):
        return _confirmed(one, one.held, now, advanced=_registers(merged) != _registers(state))
    fresh = advance(one.batch, one.write.key, one.held, now, one.at(record))
    moved = one.held.record if record != one.held.record else ""
    return fresh, replace(written(fresh, "updated"), taken_from=moved)


def _begun(one: _Merging, merged: registers.State) -> tuple[Held, Written]:
    """A resource that is new, or was deleted."""
    told, held = one.write.contribution, one.held
    record = told.patient or (held.record if held else "")
    fresh = advance(one.batch, one.write.key, held, _content(one, record, merged), one.at(record))
    return fresh, written(fresh, "updated" if held else "created")


def _content(one: _Merging, record: str, merged: registers.State) -> Content:
    told = one.write.contribution
    body = registers.body_of(merged, told.type, told.id)
    text = splice.encoded(body)
    return Content(one.write.site, record, text, body, stamps.to_text(merged))


def _confirmed(one: _Merging, held: Held, now: Content, *, advanced: bool) -> tuple[Held, Written]:
    """The content is what it was: no version, but the newest meta."""
    if now.text != held.text:
        one.batch.rewrite(held.bid, now.text, splice.offsets(held.type, now.text))
    outcome = written(held, "unchanged" if advanced else "older")
    fresh = replace(held, record=now.record, stamps=now.stamps, text=now.text)
    return fresh, replace(outcome, advanced=advanced)


def _registers(state: registers.State) -> tuple[object, object, object]:
    return state.stamps, state.whole, state.pieces


def _state(batch: Batch, held: Held | None) -> registers.State | None:
    """What was said so far; a deleted resource starts anew."""
    if held is None or held.state == DELETED:
        return None
    return stamps.from_text(held.stamps, held.type, batch.body_of(held))


def _same_content(one: registers.State, other: registers.State) -> bool:
    """Compare as written: 1.0 and 1.00 differ, and so do 1 and true."""
    return one.values is other.values or encode(_members(one)) == encode(_members(other))


def _members(state: registers.State) -> list[tuple[str, Any]]:
    return sorted((pair for held in state.values.values() for pair in held.items()), key=_name)


def _name(pair: tuple[str, Any]) -> str:
    return pair[0]


def _stale(state: registers.State, write: Write) -> str:
    """Tell a repeated message from an older one."""
    return "unchanged" if (write.source_us, write.position) == state.told else "older"


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
