"""Brings resources from what they were to what they are now: versions, rows and index together.

Nothing here knows what a resource is made from: contributions (`engine.store.put`) and golden
records (`engine.store.people`) come the same way.
"""

from collections.abc import Mapping
from typing import NamedTuple

from engine.database.transaction import Transaction
from engine.store import rows
from engine.store.rows import Batch, Body, Held, Key, Version
from engine.store.search import index
from engine.store.search.extract import NONE, Rows, extract
from engine.store.tables import LIVE


class Written(NamedTuple):
    """What became of a write. `older`: all it says was already known from newer statements."""

    type: str
    id: str
    rid: int
    version: int
    outcome: str  # created, updated, unchanged, older
    advanced: bool = True  # whether any register was set, be it to what it had: times may differ
    taken_from: str = ""  # record it was about until now, if the write says another one
    remade: bool = False  # whether the body changed without a version: in its meta


class Content(NamedTuple):
    """What a resource is to hold."""

    site: str
    record: str
    text: bytes
    refs: bytes  # engine.store.splice
    body: Body | None = None  # what `text` says, if it is at hand
    rows: Rows | None = None  # of the index, if they are known
    state: int = LIVE


class Moment(NamedTuple):
    """When something is written, for which journal entry, about whom."""

    now_us: int
    position: int
    person: str  # enterprise id, empty for none


def advance(batch: Batch, key: Key, held: Held | None, now: Content, at: Moment) -> Held:
    """Give a resource a version with this content; `held` is what it was, None when it is new.

    Its stamps stay what they were.
    """
    version = held.version + 1 if held else 1
    rid = held.rid if held else batch.rid()
    site = held.site if held else now.site
    bid = batch.body(now.text, now.refs)
    batch.versions.append(Version(rid, version, at.now_us, bid, at.position, at.person, now.state))
    batch.touched_us[rid] = at.now_us
    if now.body is not None:
        batch.decoded[now.text] = now.body
    if now.rows is not None:
        batch.indexed[rid] = now.rows
    else:
        batch.indexed.pop(rid, None)
    stamps = held.stamps if held else ""
    return Held(rid, *key, site, now.record, version, now.state, bid, stamps, now.text)


def written(held: Held, outcome: str, *, advanced: bool = True, taken_from: str = "") -> Written:
    """Say what became of a resource."""
    return Written(held.type, held.id, held.rid, held.version, outcome, advanced, taken_from)


def save(
    tx: Transaction, batch: Batch, before: Mapping[Key, Held], after: Mapping[Key, Held]
) -> None:
    """Write what the batch has collected, and the index rows that change with it."""
    rows.write(tx, batch, before, after)
    changes = []
    for key, new in after.items():
        old = before.get(key)
        if _differs(old, new):
            now = batch.indexed.get(new.rid) or _indexed(batch, new)
            changes.append(index.Change(new.rid, _indexed(batch, old), now))
    index.write(tx, changes)


def _differs(old: Held | None, new: Held) -> bool:
    """Whether the index sees anything else than before."""
    if old is None or old is new:
        return old is None
    return (old.text, old.state, old.record) != (new.text, new.state, new.record)


def _indexed(batch: Batch, held: Held | None) -> Rows:
    if held is None or held.state != LIVE:
        return NONE
    return extract(held.type, held.record, batch.body_of(held))
