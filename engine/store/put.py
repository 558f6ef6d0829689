"""Writes what messages say into the store: merge, compare, and a new version only for new content.

Rule 1: whatever the order of the writes, the same set of contributions gives the same content
(`engine.store.registers`). Rule 2: meta alone makes no version; the body of the current version
then carries the newest meta.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.core.fault import Category, refuse
from engine.core.lexeme import decode, encode
from engine.core.values import Contribution
from engine.database.transaction import Transaction
from engine.store import registers, rows, splice, stamps
from engine.store.membership import persons_of
from engine.store.rows import Batch, Held, Key, Version
from engine.store.search import index
from engine.store.search.extract import NONE, Rows, extract
from engine.store.tables import DELETED, LIVE, RETIRED

REGION = "urn:concord:region"
"""`meta.source` of what no site says but the region itself."""


@dataclass(frozen=True, slots=True)
class Write:
    """A contribution with where it comes from."""

    contribution: Contribution
    site: str
    source_us: int  # the sender's own time for the facts
    position: int  # journal position of the message


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write. `older`: all it says was already known from newer statements."""

    type: str
    id: str
    rid: int
    version: int
    outcome: str  # created, updated, unchanged, older
    advanced: bool = True  # whether any register was set, be it to what it had: times may differ
    taken_from: str = ""  # record it was about until now, if the write says another one


@dataclass(frozen=True, slots=True)
class Golden:
    """A person's own Patient, live or retired in favour of `survivor`."""

    person: str
    body: Mapping[str, Any]
    state: int = LIVE
    survivor: str = ""


def put(tx: Transaction, writes: Sequence[Write], now_us: int) -> list[Written]:
    """Merge contributions into the store, in the order given; one result for each."""
    keys = [(write.contribution.type, write.contribution.id) for write in writes]
    before = rows.load(tx, keys)
    records = [write.contribution.patient for write in writes]
    records += [held.record for held in before.values()]
    persons = persons_of(tx, list(dict.fromkeys(filter(None, records))))
    batch = rows.open_batch(tx)
    after = dict(before)
    done = []
    for key, write in zip(keys, writes, strict=True):
        held, written = _merged(batch, after.get(key), write, persons, now_us)
        after[key] = held
        done.append(written)
    _save(tx, batch, before, after)
    return done


def _save(
    tx: Transaction, batch: Batch, before: Mapping[Key, Held], after: Mapping[Key, Held]
) -> None:
    rows.write(tx, batch, before, after)
    index.write(tx, [c for key, held in after.items() for c in _reindexed(before.get(key), held)])


def _reindexed(old: Held | None, new: Held) -> list[index.Change]:
    """What the index has to take back and to add; nothing when what it saw is the same."""
    if old is not None and (old.text, old.state, old.record) == (new.text, new.state, new.record):
        return []
    return [index.Change(new.rid, _indexed(old), _indexed(new))]


def _indexed(held: Held | None) -> Rows:
    if held is None or held.state != LIVE:
        return NONE
    return extract(held.type, held.record, decode(held.text))


def _merged(
    batch: Batch, held: Held | None, write: Write, persons: Mapping[str, str], now_us: int
) -> tuple[Held, Written]:
    """Merge one write; rows it needs go into the batch."""
    told = write.contribution
    state = _state(held)
    merged = registers.merge(state, told, write.source_us, write.position)
    if held is not None and state is not None and merged is state:
        return held, replace(_result(held, _stale(state, write)), advanced=False)
    base = held or _first(batch, (told.type, told.id), write.site, told.patient)
    newest = state is None or merged.told != state.told
    fresh = replace(
        base,
        record=told.patient if newest and told.patient else base.record,
        stamps=stamps.to_text(merged),
        text=splice.encoded(registers.body_of(merged, told.type, told.id)),
    )
    if state is not None and fresh.record == base.record and _same_content(merged, state):
        return _confirmed(batch, base, fresh, advanced=_registers(merged) != _registers(state))
    person = persons.get(fresh.record, "")
    version = Version(base.rid, base.version + 1, now_us, 0, write.position, person)
    held, written = _advanced(batch, fresh, version)
    moved = base.record if fresh.record != base.record else ""
    return held, replace(written, taken_from=moved)


def _confirmed(batch: Batch, held: Held, fresh: Held, *, advanced: bool) -> tuple[Held, Written]:
    """The content is what it was: no version, but the newest meta."""
    if fresh.text != held.text:
        batch.rewrite(held.bid, fresh.text, splice.offsets(held.type, fresh.text))
    result = _result(held, "unchanged" if advanced else "older")
    return fresh, replace(result, advanced=advanced)


def _registers(state: registers.State) -> tuple[object, object]:
    return state.stamps, state.whole


def _state(held: Held | None) -> registers.State | None:
    """What was said so far; a deleted resource starts anew."""
    if held is None or held.state == DELETED:
        return None
    return stamps.from_text(held.stamps, held.type, decode(held.text))


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


def _first(batch: Batch, key: Key, site: str, record: str) -> Held:
    return Held(batch.rid(), *key, site, record, 0, LIVE, 0, "", b"")


def _advanced(batch: Batch, held: Held, version: Version) -> tuple[Held, Written]:
    """Add a version with the body `held` carries."""
    bid = batch.body(held.text, splice.offsets(held.type, held.text))
    batch.versions.append(replace(version, bid=bid))
    batch.touched_us[held.rid] = version.updated_us
    held = replace(held, bid=bid, version=version.version, state=version.state)
    return held, _result(held, "created" if version.version == 1 else "updated")


def _result(held: Held, outcome: str) -> Written:
    return Written(held.type, held.id, held.rid, held.version, outcome)


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
    _save(tx, batch, before, after)
    return len(after)


def put_golden(
    tx: Transaction, enterprise_id: str, body: Mapping[str, Any], now_us: int, position: int
) -> Written:
    """Write a person's Patient; a new version only if its content differs from the current one."""
    return _golden(tx, Golden(enterprise_id, body), (now_us, position))


def retire(
    tx: Transaction, enterprise_id: str, survivor_id: str, now_us: int, position: int
) -> Written:
    """Say that a person is now part of another one: readable, but found by no search.

    A search about the retired person is answered about the survivor. `put_golden` brings the person
    back.
    """
    link = {"other": {"reference": f"Patient/{survivor_id}"}, "type": "replaced-by"}
    body = {"meta": {"source": REGION}, "active": False, "link": [link]}
    return _golden(tx, Golden(enterprise_id, body, RETIRED, survivor_id), (now_us, position))


def _golden(tx: Transaction, golden: Golden, at: tuple[int, int]) -> Written:
    if len(golden.person) != splice.ID_LENGTH:
        raise refuse(Category.BUG, "person-id-length", "an enterprise id has another length")
    key = ("Patient", golden.person)
    text = splice.encoded(registers.arranged(*key, golden.body))
    before = rows.load(tx, [key])
    held = before.get(key)
    if held is not None and held.text == text and held.state == golden.state:
        return replace(_result(held, "unchanged"), advanced=False)
    batch = rows.open_batch(tx)
    now = replace(held or _first(batch, key, "", ""), text=text, record=golden.survivor)
    version = Version(now.rid, now.version + 1, at[0], 0, at[1], golden.person, golden.state)
    after, written = _advanced(batch, now, version)
    _save(tx, batch, before, {key: after})
    return written


def source_patients(tx: Transaction, records: Sequence[str]) -> dict[str, tuple[bytes, str]]:
    """Return record -> stored body and stamps of source Patients (`engine.store.stamps.times`)."""
    held = rows.load(tx, [("Patient", record) for record in records])
    return {key[1]: (row.text, row.stamps) for key, row in held.items() if row.state == LIVE}


def source_patient(tx: Transaction, record: str) -> tuple[bytes, str] | None:
    """Return the stored body and stamps of one source Patient, or None."""
    return source_patients(tx, [record]).get(record)
