"""Loads and writes the rows behind resources, a batch at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update

from engine.core.lexeme import decode
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.store.codes import NAMES, code_of
from engine.store.search.extract import Rows
from engine.store.tables import BODY, LIVE, RESOURCE, VERSION

Key = tuple[str, str]
"""Resource type and id."""

Body = Mapping[str, Any]
"""A resource as JSON."""


class Held(NamedTuple):
    """What is stored of one resource now."""

    rid: int
    type: str
    id: str
    site: str
    record: str
    version: int
    state: int
    bid: int
    stamps: str
    text: bytes  # the body as stored


class Version(NamedTuple):
    """One row of a resource's history, its columns in their order."""

    rid: int
    version: int
    updated_us: int
    bid: int
    position: int
    person: str
    state: int = LIVE


@dataclass(slots=True)
class Batch:
    """Rows to write, collected until all writes of a batch have been merged."""

    next_rid: int
    next_bid: int
    bodies: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)  # new: bytes, refs
    rewritten: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    touched_us: dict[int, int] = field(default_factory=dict)  # rid -> time of its new version
    stamps: dict[int, str] = field(default_factory=dict)  # rid -> stamps, where they are others now
    decoded: dict[bytes, Body] = field(default_factory=dict)  # what texts at hand say
    indexed: dict[int, Rows] = field(default_factory=dict)  # rid -> index rows it is to have

    def rid(self) -> int:
        self.next_rid += 1
        return self.next_rid - 1

    def body(self, text: bytes, refs: bytes) -> int:
        bid = self.next_bid
        self.next_bid += 1
        self.bodies[bid] = (text, refs)
        return bid

    def body_of(self, held: Held) -> Body:
        """Return what the text of a resource says, decoded once."""
        body = self.decoded.get(held.text)
        if body is None:
            body = self.decoded[held.text] = decode(held.text)
        return body

    def rewrite(self, bid: int, text: bytes, refs: bytes) -> None:
        """Change a body in place: its meta, which alone makes no version."""
        (self.bodies if bid in self.bodies else self.rewritten)[bid] = (text, refs)


_HELD = (
    RESOURCE.c.rid,
    RESOURCE.c.type,
    RESOURCE.c.id,
    RESOURCE.c.site,
    RESOURCE.c.record,
    RESOURCE.c.version,
    RESOURCE.c.state,
    RESOURCE.c.bid,
    RESOURCE.c.stamps,
    BODY.c.bytes,
)
_BY_ID = ListStatement(
    lambda keys: (
        select(*_HELD).join(BODY, BODY.c.bid == RESOURCE.c.bid).where(RESOURCE.c.id.in_(keys))
    )
)
_LAST = Statement(
    select(
        select(func.coalesce(func.max(RESOURCE.c.rid), 0)).scalar_subquery(),
        select(func.coalesce(func.max(BODY.c.bid), 0)).scalar_subquery(),
    )
)
_ADD_BODY = Statement(
    insert(BODY).values(bid=bindparam("bid"), bytes=bindparam("bytes"), refs=bindparam("refs")),
    "bid",
    "bytes",
    "refs",
)
_REWRITE = Statement(
    update(BODY)
    .where(BODY.c.bid == bindparam("key"))
    .values(bytes=bindparam("bytes"), refs=bindparam("refs")),
    "bytes",
    "refs",
    "key",
)
_VERSION_NAMES = ("rid", "version", "updated_us", "bid", "position", "person", "state")
_ADD_VERSION = Statement(
    insert(VERSION).values({name: bindparam(name) for name in _VERSION_NAMES}), *_VERSION_NAMES
)
_RESOURCE_NAMES = tuple(column.name for column in RESOURCE.columns)
_ADD_RESOURCE = Statement(
    insert(RESOURCE).values({name: bindparam(name) for name in _RESOURCE_NAMES}), *_RESOURCE_NAMES
)
_CHANGE_NAMES = ("record", "version", "updated_us", "state", "bid", "stamps")
_CHANGE = Statement(
    update(RESOURCE)
    .where(RESOURCE.c.rid == bindparam("key"))
    .values({name: bindparam(name) for name in _CHANGE_NAMES}),
    *_CHANGE_NAMES,
    "key",
)
_RESTAMP = Statement(
    update(RESOURCE).where(RESOURCE.c.rid == bindparam("key")).values(stamps=bindparam("stamps")),
    "stamps",
    "key",
)


def load(tx: Transaction, keys: Sequence[Key]) -> dict[Key, Held]:
    """Return what is stored of the resources named, by type and id."""
    wanted = set(keys)
    rows = _BY_ID.all(tx, list(dict.fromkeys(key[1] for key in keys)))
    held = (Held(row[0], NAMES[row[1]], *row[2:]) for row in rows)
    return {(h.type, h.id): h for h in held if (h.type, h.id) in wanted}


def open_batch(tx: Transaction) -> Batch:
    """Start collecting; row numbers go on from the highest, which only one writer at a time may."""
    last = tx.one(_LAST) or (0, 0)
    return Batch(last[0] + 1, last[1] + 1)


def write(
    tx: Transaction, batch: Batch, before: Mapping[Key, Held], after: Mapping[Key, Held]
) -> None:
    """Write the collected rows and bring the resource rows from `before` to `after`."""
    tx.run_many(_ADD_BODY, ((bid, *body) for bid, body in batch.bodies.items()))
    tx.run_many(_REWRITE, ((*body, bid) for bid, body in batch.rewritten.items()))
    tx.run_many(_ADD_VERSION, batch.versions)
    new, changed, stamped = [], [], []
    times = batch.touched_us
    for key, held in after.items():
        old, stamps = before.get(key), batch.stamps.get(held.rid, held.stamps)
        if old is None:
            new.append(_row(held, times[held.rid], stamps))
        elif old.version != held.version:
            now = (held.record, held.version, times[held.rid], held.state, held.bid, stamps)
            changed.append((*now, held.rid))
        elif old.stamps != stamps:
            stamped.append((stamps, held.rid))
    tx.run_many(_ADD_RESOURCE, new)
    tx.run_many(_CHANGE, changed)
    tx.run_many(_RESTAMP, stamped)


def _row(held: Held, updated_us: int, stamps: str) -> tuple[Any, ...]:
    who = (held.rid, code_of(held.type), held.id, held.site, held.record)
    return (*who, held.version, updated_us, held.state, held.bid, stamps)
