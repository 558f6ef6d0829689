"""Writes what messages say into the store: merge, compare, and a new version only for new content.

Rule 1: whatever the order of the writes, the same set of contributions gives the same content
(`engine.store.registers`). Rule 2: meta alone makes no version; the body of the current version
then carries the newest meta.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from engine.core.lexeme import encode
from engine.core.values import Contribution
from engine.database.transaction import Transaction
from engine.store import registers, rows, splice, stamps
from engine.store.membership import persons_of
from engine.store.proposal import Proposal, propose
from engine.store.registers import State
from engine.store.rows import Batch, Body, Held, Key, Version
from engine.store.save import Content, Moment, Written, advance, save, written
from engine.store.tables import DELETED, LIVE


class Write(NamedTuple):
    """A contribution with where it comes from."""

    contribution: Contribution
    site: str
    source_us: int  # the sender's own time for the facts
    position: int  # journal position of the message
    proposal: Proposal | None = None  # what it makes of nothing, if that has been worked out

    @property
    def key(self) -> Key:
        return (self.contribution.type, self.contribution.id)


class Merged(NamedTuple):
    """What writes come to; nothing of it is in the store before `store`."""

    done: list[Written]  # one for each write
    before: Mapping[Key, Held]
    after: Mapping[Key, Held]
    batch: Batch
    nameless: Sequence[tuple[int, str]]  # place of a version, and its record that has no person yet

    def patients(self) -> dict[str, tuple[Body, str]]:
        """Return record -> body and stamps of the source Patients that live."""
        stamps = self.batch.stamps
        return {
            key[1]: (self.batch.body_of(held), stamps.get(held.rid, held.stamps))
            for key, held in self.after.items()
            if key[0] == "Patient" and held.state == LIVE
        }


def put(tx: Transaction, writes: Sequence[Write], now_us: int) -> list[Written]:
    """Merge contributions into the store, in the order given; one result for each."""
    merged = merge(tx, writes, now_us)
    store(tx, merged)
    return merged.done


def store(tx: Transaction, merged: Merged) -> None:
    """Write down what was merged. Nobody else may have written since."""
    save(tx, merged.batch, merged.before, merged.after)


def name(merged: Merged, persons: Mapping[str, str]) -> set[int]:
    """Say whose the new versions are of which that was not known; `persons`: by record.

    Returns the row numbers of the resources that name their person by it.
    """
    versions = merged.batch.versions
    last = {version.rid: place for place, version in enumerate(versions)}
    named = set()
    for place, record in merged.nameless:
        version = versions[place]._replace(person=persons.get(record, ""))
        versions[place] = version
        if version.person and last[version.rid] == place:
            named.add(version.rid)
    return named


def merge(tx: Transaction, writes: Sequence[Write], now_us: int) -> Merged:
    """Work out what contributions make of what is stored, in the order given."""
    keys = [(write.contribution.type, write.contribution.id) for write in writes]
    before = rows.load(tx, list(dict.fromkeys(keys)))
    records = [write.contribution.patient for write in writes]
    records += [held.record for held in before.values()]
    persons = persons_of(tx, list(dict.fromkeys(filter(None, records))))
    desk = _Desk(rows.open_batch(tx), persons, now_us, [])
    drafts = {key: _Draft(held) for key, held in before.items()}
    done = []
    for key, write in zip(keys, writes, strict=True):
        drafts[key], outcome = _merged(desk, drafts.get(key), write)
        done.append(outcome)
    return Merged(done, before, _sealed(desk.batch, drafts), desk.batch, desk.nameless)


class _Desk(NamedTuple):
    """What all writes of a batch share."""

    batch: Batch
    persons: Mapping[str, str]  # record -> enterprise id
    now_us: int
    nameless: list[tuple[int, str]]  # see `Merged`


class _Draft(NamedTuple):
    """A resource within a batch. Its row keeps the stamps of before until all is merged."""

    held: Held
    state: State | None = None  # its registers, once something was merged into them
    alone: Proposal | None = None  # else what it holds, if one statement says all of that
    at: tuple[int, int] = (0, 0)  # source time and position of that statement
    moved: bool = False  # whether the stamps are others now


def _sealed(batch: Batch, drafts: Mapping[Key, _Draft]) -> dict[Key, Held]:
    """Write down the stamps of what was merged."""
    after = {}
    for key, draft in drafts.items():
        after[key] = draft.held
        if draft.moved:
            batch.stamps[draft.held.rid] = _stamps(draft)
    return after


def _stamps(draft: _Draft) -> str:
    if draft.state is not None:
        return stamps.to_text(draft.state)
    return draft.alone.stamped(*draft.at) if draft.alone else draft.held.stamps


def _merged(desk: _Desk, draft: _Draft | None, write: Write) -> tuple[_Draft, Written]:
    """Merge one write; rows it needs go into the batch."""
    proposal = write.proposal or propose(write.contribution)
    if draft is None or draft.held.state == DELETED:
        return _begun(desk, draft and draft.held, write, proposal)
    if write.contribution.patient in {"", draft.held.record}:
        same = _only(draft, proposal)
        if same is not None:
            return _repeated(same, write)
        if draft.held.text != proposal.text and _follows(desk.batch, draft, write):
            return _replaced(desk, draft, write, proposal)
    return _changed(desk, draft, write)


def _begun(
    desk: _Desk, held: Held | None, write: Write, proposal: Proposal
) -> tuple[_Draft, Written]:
    """A resource that is new, or was deleted."""
    about = write.contribution.patient
    record = about or (held.record if held else "")
    known = proposal.rows if record == about else None
    content = Content(write.site, record, proposal.text, proposal.refs, proposal.body, known)
    now = _advanced(desk, held, write, content)
    return _begin(now, write, proposal), written(now, "updated" if held else "created")


def _only(draft: _Draft, proposal: Proposal) -> _Draft | None:
    """Return the draft if it is what the proposal alone makes, said at one time or another."""
    known = draft.alone
    if known is proposal:
        return draft
    if draft.state is not None or draft.held.text != proposal.text:
        return None
    if known is not None:
        return draft if known.stamps == proposal.stamps else None
    at = proposal.said_at(draft.held.stamps)
    return None if at is None else _Draft(draft.held, alone=proposal, at=at)


def _repeated(draft: _Draft, write: Write) -> tuple[_Draft, Written]:
    """Nothing was ever said but this: what holds afterwards is the later of two equal statements.

    All its registers have the time of the statement, and the newer one sets them all again.
    """
    at = (write.source_us, write.position)
    if at > draft.at:
        again = _Draft(draft.held, alone=draft.alone, at=at, moved=True)
        return again, written(draft.held, "unchanged")
    stale = "unchanged" if at == draft.at else "older"
    return draft, written(draft.held, stale, advanced=False)


def _follows(batch: Batch, draft: _Draft, write: Write) -> bool:
    """Whether all that is held was one whole, and this is the next one, with the same meta."""
    told = write.contribution
    if told.mode != "replace" or draft.state is not None:
        return False
    known = stamps.whole_of(_stamps(draft))
    if known is None or told.rank < known[0] or (write.source_us, write.position) <= known[1:]:
        return False
    return encode(told.body.get("meta", {})) == encode(batch.body_of(draft.held)["meta"])


def _replaced(
    desk: _Desk, draft: _Draft, write: Write, proposal: Proposal
) -> tuple[_Draft, Written]:
    """One whole takes the place of another: it is what it would be alone, and differs."""
    held = draft.held
    known = proposal.rows if held.record == write.contribution.patient else None
    content = Content(
        write.site, held.record, proposal.text, proposal.refs, proposal.body, rows=known
    )
    now = _advanced(desk, held, write, content)
    return _begin(now, write, proposal), written(now, "updated")


def _begin(now: Held, write: Write, proposal: Proposal) -> _Draft:
    return _Draft(now, alone=proposal, at=(write.source_us, write.position), moved=True)


def _changed(desk: _Desk, draft: _Draft, write: Write) -> tuple[_Draft, Written]:
    """Merge register by register."""
    told, held, state = write.contribution, draft.held, _state(desk.batch, draft)
    merged = registers.merge(state, told, write.source_us, write.position)
    if merged is state:
        stale = "unchanged" if (write.source_us, write.position) == state.told else "older"
        return draft._replace(state=state), written(held, stale, advanced=False)
    other = told.patient not in {"", held.record}
    record = told.patient if other and registers.names_patient(state, merged) else held.record
    if record == held.record and _same_values(merged, state):
        now = _confirmed(desk.batch, held, state, merged)
        advanced = registers.marks(merged) != registers.marks(state)
        outcome = written(now, "unchanged" if advanced else "older", advanced=advanced)
        outcome = outcome._replace(remade=now is not held)
        return _Draft(now, merged, moved=True), outcome
    body = registers.body_of(merged, *write.key)
    text = splice.encoded(body)
    content = Content(write.site, record, text, splice.offsets(told.type, text), body)
    now = _advanced(desk, held, write, content)
    moved = held.record if record != held.record else ""
    return _Draft(now, merged, moved=True), written(now, "updated", taken_from=moved)


def _advanced(desk: _Desk, held: Held | None, write: Write, now: Content) -> Held:
    at = Moment(desk.now_us, write.position, desk.persons.get(now.record, ""))
    if now.record and not at.person:
        desk.nameless.append((len(desk.batch.versions), now.record))
    return advance(desk.batch, write.key, held, now, at)


def _confirmed(batch: Batch, held: Held, state: State, merged: State) -> Held:
    """The content is what it was: no version, but the newest meta."""
    if merged.meta == state.meta:
        return held
    body = registers.body_of(merged, held.type, held.id)
    text = splice.encoded(body)
    batch.rewrite(held.bid, text, splice.offsets(held.type, text))
    batch.decoded[text] = body
    batch.indexed.pop(held.rid, None)
    return held._replace(text=text)


def _state(batch: Batch, draft: _Draft) -> State:
    """What was said so far of a resource that lives."""
    if draft.state is not None:
        return draft.state
    return stamps.from_text(_stamps(draft), draft.held.type, batch.body_of(draft.held))


def _same_values(one: State, other: State) -> bool:
    """Compare as written: 1.0 and 1.00 differ, and so do 1 and true."""
    known = other.values
    return one.values.keys() == known.keys() and all(
        members is known[name] or _written(members) == _written(known[name])
        for name, members in one.values.items()
    )


def _written(members: Mapping[str, Any]) -> bytes:
    return encode(sorted(members.items(), key=_NAME))


_NAME = itemgetter(0)


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
        after[key] = held._replace(version=held.version + 1, state=DELETED, stamps="")
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
