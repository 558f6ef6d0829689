"""Reads resources as a view shows them: nothing is parsed, ids and versions are spliced in.

The unified view shows one Patient per person and clinical resources that refer to it. A site's view
shows what that site sent, with its own Patient ids. Versions are numbered by resource, so both
views give a resource the same number.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from engine.database.statement import Statement
from engine.database.transaction import Row as Columns
from engine.database.transaction import Transaction
from engine.store import splice
from engine.store.codes import NAMES, code_of
from engine.store.membership import missing, persons_of
from engine.store.tables import BODY, DELETED, MEMBER, RESOURCE, VERSION


@dataclass(frozen=True, slots=True)
class View:
    """Which side of the store a reader sees: one site's, or the unified one (`site` empty)."""

    site: str = ""

    def shows(self, site: str) -> bool:
        """Tell whether a resource of `site` is part of this view."""
        return not self.site or self.site == site


UNIFIED = View()


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of a resource, ready to be sent. `body` is empty when it is deleted."""

    type: str
    id: str
    body: bytes
    version: int
    updated_us: int
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One version as the tables give it."""

    rid: int
    type: str
    id: str
    site: str
    record: str
    version: int
    updated_us: int
    state: int
    text: bytes
    refs: bytes
    person: str  # of `record`, at the time of the version


_WHO = (RESOURCE.c.rid, RESOURCE.c.type, RESOURCE.c.id, RESOURCE.c.site, RESOURCE.c.record)
_ONE = (RESOURCE.c.type == bindparam("type"), RESOURCE.c.id == bindparam("id"))
CURRENT_COLUMNS = (
    *_WHO,
    RESOURCE.c.version,
    RESOURCE.c.updated_us,
    RESOURCE.c.state,
    BODY.c.bytes,
    BODY.c.refs,
    func.coalesce(MEMBER.c.person, ""),
)
_READ = Statement(
    select(*CURRENT_COLUMNS)
    .join(BODY, BODY.c.bid == RESOURCE.c.bid)
    .outerjoin(MEMBER, MEMBER.c.record == RESOURCE.c.record)
    .where(*_ONE),
    "type",
    "id",
)
_PAST = (
    select(
        *_WHO,
        VERSION.c.version,
        VERSION.c.updated_us,
        VERSION.c.state,
        BODY.c.bytes,
        BODY.c.refs,
        VERSION.c.person,
    )
    .join(VERSION, VERSION.c.rid == RESOURCE.c.rid)
    .join(BODY, BODY.c.bid == VERSION.c.bid)
    .where(*_ONE)
)
_VREAD = Statement(_PAST.where(VERSION.c.version == bindparam("version")), "type", "id", "version")
_HISTORY = Statement(
    _PAST.where(VERSION.c.version < bindparam("before"))
    .order_by(VERSION.c.version.desc())
    .limit(bindparam("most")),
    "type",
    "id",
    "before",
    "most",
)
_NEWEST = (1 << 31) - 1


def row(columns: Columns) -> Row:
    """Build a row from the columns of `CURRENT_COLUMNS`."""
    return Row(columns[0], NAMES[columns[1]], *columns[2:])


def read(tx: Transaction, type_name: str, resource_id: str, view: View) -> Stored | None:
    """Return the current version, or None when this view has no such resource."""
    found = tx.one(_READ, code_of(type_name), resource_id)
    return _shown_one(tx, found, view)


def vread(
    tx: Transaction, type_name: str, resource_id: str, version: int, view: View
) -> Stored | None:
    """Return one version, or None when this view has no such version."""
    found = tx.one(_VREAD, code_of(type_name), resource_id, version)
    return _shown_one(tx, found, view)


def history(
    tx: Transaction,
    type_name: str,
    resource_id: str,
    view: View,
    *,
    before: int = _NEWEST,
    most: int = 1000,
) -> list[Stored]:
    """Return versions newest first: at most `most` of those numbered below `before`."""
    found = [row(r) for r in tx.all(_HISTORY, code_of(type_name), resource_id, before, most)]
    return shown(tx, [r for r in found if view.shows(r.site)], view)


def _shown_one(tx: Transaction, found: Columns | None, view: View) -> Stored | None:
    if found is None:
        return None
    one = row(found)
    return shown(tx, [one], view)[0] if view.shows(one.site) else None


def shown(tx: Transaction, found: Iterable[Row], view: View) -> list[Stored]:
    """Turn rows into what the view shows of them, in their order."""
    kept = list(found)
    if view.site:
        return [_stored(r, r.text) for r in kept]
    known = {r.record: r.person for r in kept if r.person}
    others = [name for r in kept if len(r.refs) > 4 for name in splice.records(r.text, r.refs)]
    others += [name for r in kept if not r.person for name in splice.records(r.text, r.refs)]
    now = persons_of(tx, missing(others, known)) if others else {}
    return [_stored(r, splice.with_persons(r.text, r.refs, _persons(r, now | known))) for r in kept]


def _persons(r: Row, known: dict[str, str]) -> dict[str, str]:
    """The persons to show in one row: its own record's as of that version."""
    return {**known, r.record: r.person} if r.person else known


def _stored(r: Row, text: bytes) -> Stored:
    if r.state == DELETED:
        return Stored(r.type, r.id, b"", r.version, r.updated_us, deleted=True)
    head = splice.head_length(r.type, r.id)
    body = splice.spliced(text, head, r.version, r.updated_us)
    return Stored(r.type, r.id, body, r.version, r.updated_us)
