"""Rows of a replay's shadow: the same registers as in the store, without versions and index."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, exists, select, tuple_

from engine.core.lexeme import decode
from engine.core.values import Alias, Contribution, PatientKey
from engine.database.inserting import inserting
from engine.database.lists import ListStatement
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.pipeline.ledger import QUARANTINED
from engine.pipeline.rederive.tables import (
    FAILING,
    SHADOW,
    SHADOW_ALIAS,
    SHADOW_MERGE,
    SHADOW_NAME,
)
from engine.pipeline.tables import LEDGER
from engine.store import registers, splice, stamps
from engine.store.codes import NAMES, code_of
from engine.store.rows import Key
from mpi.tables import IDENTITY

_LOAD = ListStatement(
    lambda some: select(
        SHADOW.c.type, SHADOW.c.id, SHADOW.c.record, SHADOW.c.stamps, SHADOW.c.bytes
    ).where(SHADOW.c.id.in_(some), SHADOW.c.site == bindparam("site_")),
    "site_",
)
_NEXT = Statement(
    select(SHADOW.c.type, SHADOW.c.id, SHADOW.c.record, SHADOW.c.stamps, SHADOW.c.bytes)
    .where(
        # As one comparison of rows: an OR of two is no place in the index to go on from.
        tuple_(SHADOW.c.id, SHADOW.c.type) > tuple_(bindparam("id_"), bindparam("type_")),
        SHADOW.c.site == bindparam("site_"),
    )
    .order_by(SHADOW.c.id, SHADOW.c.type)
    .limit(bindparam("most_")),
    *("id_", "type_", "site_", "most_"),
)
_SAVE = inserting(SHADOW, "site", "type", "id", "record", "stamps", "bytes", on_conflict="replace")
_NAME = inserting(SHADOW_NAME, "site", "record", "local_id", on_conflict="ignore")
_ALIASES = ListStatement(
    lambda some: select(
        SHADOW_ALIAS.c.system,
        SHADOW_ALIAS.c.value,
        SHADOW_ALIAS.c.record,
        SHADOW_ALIAS.c.position,
        SHADOW_ALIAS.c.again,
    ).where(SHADOW_ALIAS.c.record.in_(some), SHADOW_ALIAS.c.site == bindparam("site_")),
    "site_",
)
_ALIAS = inserting(
    SHADOW_ALIAS,
    *("site", "system", "value", "record", "position", "again"),
    on_conflict="replace",
)
_MERGE = inserting(
    SHADOW_MERGE,
    *("site", "position", "ordinal", "a", "b", "source_us", "kind"),
    on_conflict="ignore",
)
_MERGES = Statement(
    select(
        SHADOW_MERGE.c.position,
        SHADOW_MERGE.c.ordinal,
        SHADOW_MERGE.c.a,
        SHADOW_MERGE.c.b,
        SHADOW_MERGE.c.source_us,
        SHADOW_MERGE.c.kind,
    ).where(SHADOW_MERGE.c.site == bindparam("site_")),
    "site_",
)
_NAMED = ListStatement(
    lambda some: select(SHADOW_NAME.c.record, SHADOW_NAME.c.local_id).where(
        SHADOW_NAME.c.record.in_(some), SHADOW_NAME.c.site == bindparam("site_")
    ),
    "site_",
)
_STRANGERS = Statement(
    select(SHADOW_NAME.c.record)
    .where(
        SHADOW_NAME.c.site == bindparam("site_"),
        ~exists(select(IDENTITY.c.record).where(IDENTITY.c.record == SHADOW_NAME.c.record)),
    )
    .order_by(SHADOW_NAME.c.record)
    .limit(bindparam("most_")),
    *("site_", "most_"),
)
_FAIL = inserting(
    FAILING,
    *("site", "position", "category", "code", "place", "news"),
    on_conflict="ignore",
)
_FAILED_ONCE = Statement(
    select(FAILING.c.position, LEDGER.c.state, LEDGER.c.code)
    .join(LEDGER, LEDGER.c.position == FAILING.c.position)
    .where(FAILING.c.site == bindparam("site_"), FAILING.c.news == 0)
    .where(LEDGER.c.state != QUARANTINED)
    .order_by(FAILING.c.position),
    "site_",
)
_READABLE = ListStatement(
    lambda some: delete(FAILING).where(
        FAILING.c.position.in_(some), FAILING.c.site == bindparam("site_")
    ),
    "site_",
)
_DROP = ListStatement(
    lambda some: delete(SHADOW).where(SHADOW.c.id.in_(some), SHADOW.c.site == bindparam("site_")),
    "site_",
)
_SOME_NAMES = Statement(
    select(SHADOW_NAME.c.record)
    .where(SHADOW_NAME.c.site == bindparam("site_"))
    .limit(bindparam("most_")),
    *("site_", "most_"),
)
_DROP_NAMES = ListStatement(
    lambda some: delete(SHADOW_NAME).where(
        SHADOW_NAME.c.record.in_(some), SHADOW_NAME.c.site == bindparam("site_")
    ),
    "site_",
)
_DROP_ALIASES = ListStatement(
    lambda some: delete(SHADOW_ALIAS).where(
        SHADOW_ALIAS.c.record.in_(some), SHADOW_ALIAS.c.site == bindparam("site_")
    ),
    "site_",
)
_FORGET = [
    Statement(delete(table).where(table.c.site == bindparam("site_")), "site_")
    for table in (SHADOW_ALIAS, SHADOW_MERGE, SHADOW_NAME, FAILING)
]


@dataclass(frozen=True, slots=True)
class Shade:
    """One resource as the new mapping makes it."""

    key: Key
    record: str
    stamps: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """A contribution with the message it is from."""

    contribution: Contribution
    source_us: int
    position: int


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge a message told: `a` survives `b`; or a link of the two, or that they are none."""

    position: int
    ordinal: int
    a: str
    b: str
    source_us: int
    kind: str


def load(tx: Transaction, site: str, ids: Sequence[str]) -> dict[Key, Shade]:
    """Return the shades of these resource ids, whatever their types."""
    return {shade.key: shade for shade in map(_shade, _LOAD.all(tx, ids, site))}


def beyond(tx: Transaction, site: str, key: Key | None, most: int) -> list[Shade]:
    """Return the next shades behind a key, in the order of the table; None: from the first."""
    kind, about = (code_of(key[0]), key[1]) if key else (-1, "")
    return [_shade(row) for row in tx.all(_NEXT, about, kind, site, most)]


def _shade(row: tuple[int, str, str, str, bytes]) -> Shade:
    return Shade((NAMES[row[0]], row[1]), row[2], row[3], bytes(row[4]))


def fold(tx: Transaction, site: str, told: Sequence[Told]) -> None:
    """Merge contributions into the shadow; the order does not matter."""
    keys = list(dict.fromkeys(one.contribution.id for one in told))
    known = load(tx, site, keys)
    changed: dict[Key, Shade] = {}
    for one in told:
        key = (one.contribution.type, one.contribution.id)
        before = changed.get(key) or known.get(key)
        after = _merged(before, one)
        if after is not before:
            changed[key] = after
    tx.run_many(
        _SAVE,
        [
            (site, code_of(one.key[0]), one.key[1], one.record, one.stamps, one.text)
            for one in changed.values()
        ],
    )


def _merged(before: Shade | None, one: Told) -> Shade:
    told = one.contribution
    kind, about = told.type, told.id
    state = None
    if before is not None:
        state = stamps.from_text(before.stamps, kind, decode(before.text))
    merged = registers.merge(state, told, one.source_us, one.position)
    if before is not None and merged is state:
        return before
    named = told.patient if registers.names_patient(state, merged) else ""
    record = named or (before.record if before else "")
    text = splice.encoded(registers.body_of(merged, kind, about))
    return Shade((kind, about), record, stamps.to_text(merged), text)


def name(tx: Transaction, site: str, keys: Iterable[PatientKey]) -> None:
    """Note which records the messages name."""
    tx.run_many(_NAME, [(site, key.record, key.local_id) for key in keys])


def note_aliases(tx: Transaction, site: str, said: Sequence[tuple[int, Alias]]) -> None:
    """Note which identifiers the messages show records with: position, alias."""
    records = sorted({alias.record for _, alias in said})
    known = {row[:3]: (row[3], row[4]) for row in _ALIASES.all(tx, records, site)}
    changed = {}
    for position, alias in said:
        key = (alias.system, alias.value, alias.record)
        before = known.get(key)
        after = (position, 0) if before is None else (min(before[0], position), 1)
        if before is None or (before[0] != position and before != after):
            known[key] = changed[key] = after
    tx.run_many(_ALIAS, [(site, *key, *after) for key, after in sorted(changed.items())])


def named(tx: Transaction, site: str, records: Sequence[str]) -> tuple[PatientKey, ...]:
    """Return these records as the messages name them."""
    return tuple(PatientKey(site, *row) for row in _NAMED.all(tx, records, site))


def strangers(tx: Transaction, site: str, most: int) -> list[str]:
    """Return records that messages name and the index does not know, `most` at a time."""
    return [row[0] for row in tx.all(_STRANGERS, site, most)]


def known_aliases(
    tx: Transaction, site: str, records: Sequence[str]
) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Return system, value, record -> first entry, and 1 if another one says so, too."""
    return {row[:3]: (row[3], row[4]) for row in _ALIASES.all(tx, records, site)}


def aliases(tx: Transaction, site: str, records: Sequence[str]) -> tuple[Alias, ...]:
    """Return the identifiers these records were seen with."""
    known = known_aliases(tx, site, records)
    return tuple(Alias(record, system, value) for system, value, record in sorted(known))


def merges(tx: Transaction, site: str) -> list[Merged]:
    """Return the merges of the site's messages."""
    return [Merged(*row) for row in tx.all(_MERGES, site)]


def note_merges(tx: Transaction, site: str, merges: Iterable[Merged]) -> None:
    """Note the merges the messages tell."""
    tx.run_many(
        _MERGE,
        [
            (site, one.position, one.ordinal, one.a, one.b, one.source_us, one.kind)
            for one in merges
        ],
    )


def note_failing(
    tx: Transaction, site: str, failing: Iterable[tuple[int, str, str, str, int]]
) -> None:
    """Note messages the mapping cannot read: position, category, code, place, 1 if it is news."""
    tx.run_many(_FAIL, [(site, *one) for one in failing])


def failed_once(tx: Transaction, site: str) -> dict[int, tuple[str, str]]:
    """Return state and code of quarantined messages that failed here and were written since."""
    return {row[0]: (row[1], row[2]) for row in tx.all(_FAILED_ONCE, site)}


def readable(tx: Transaction, site: str, positions: Sequence[int]) -> None:
    """Note that these messages do not fail any more."""
    _READABLE.run(tx, positions, site)


def forget(tx: Transaction, site: str, most: int) -> bool:
    """Drop some of what is known of a site; True when nothing is left."""
    some = beyond(tx, site, None, most)
    if some:
        _DROP.run(tx, [shade.key[1] for shade in some], site)
        return False
    records = [row[0] for row in tx.all(_SOME_NAMES, site, most)]
    if records:
        _DROP_ALIASES.run(tx, records, site)
        _DROP_NAMES.run(tx, records, site)
        return False
    for statement in _FORGET:
        tx.run(statement, site)
    return True
