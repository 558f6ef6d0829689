"""Puts what was worked out anew in the place of what is stored; new content gets a new version."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.lexeme import decode, encode
from engine.database.transaction import Transaction
from engine.store import rows, splice
from engine.store.membership import persons_of
from engine.store.rows import Batch, Held, Key
from engine.store.save import Content, Moment, Written, advance, save, written
from engine.store.tables import LIVE


@dataclass(frozen=True, slots=True)
class Rederived:
    """A resource worked out anew from everything said about it."""

    key: Key
    site: str
    record: str
    stamps: str
    text: bytes  # the body as stored


def adopt(
    tx: Transaction, resources: Sequence[Rederived], now_us: int, position: int
) -> list[Written]:
    """Make these what the store holds; `position` is the entry new versions are put down to."""
    before = rows.load(tx, [one.key for one in resources])
    persons = persons_of(tx, list({one.record for one in resources if one.record}))
    batch = rows.open_batch(tx)
    after, done = {}, []
    for one in resources:
        held = before.get(one.key)
        if held is not None and held.state == LIVE and _holds(batch, held, one):
            after[one.key] = fresh = _confirmed(batch, held, one)
            done.append(written(fresh, "unchanged"))
            continue
        refs = splice.offsets(one.key[0], one.text)
        now = Content(one.site, one.record, one.text, refs, decode(one.text))
        at = Moment(now_us, position, persons.get(one.record, ""))
        fresh = advance(batch, one.key, held, now, at)._replace(stamps=one.stamps)
        after[one.key] = fresh
        done.append(written(fresh, "updated" if held else "created"))
    save(tx, batch, before, after)
    return done


def _holds(batch: Batch, held: Held, one: Rederived) -> bool:
    """Tell whether content and record are what they were; meta alone is no content."""
    if held.record != one.record:
        return False
    if held.text == one.text:
        return True
    fresh = held._replace(text=one.text)
    return _content(batch, held) == _content(batch, fresh)


def _content(batch: Batch, held: Held) -> bytes:
    return encode({name: value for name, value in batch.body_of(held).items() if name != "meta"})


def _confirmed(batch: Batch, held: Held, one: Rederived) -> Held:
    if one.text != held.text:
        batch.rewrite(held.bid, one.text, splice.offsets(held.type, one.text))
    return held._replace(stamps=one.stamps, text=one.text)
