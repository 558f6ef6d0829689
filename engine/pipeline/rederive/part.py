"""Derives again what some messages of a site made, and leaves the rest of it as it is.

A resource holds what all messages say of it, so a few of them alone do not tell what it is under
another mapping. All of the site are folded into the shadow, as for the whole of it; what is put in
place are the resources that the chosen messages make, or made under the mapping that read them, and
those these refer to and which nobody has stored.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, select

from engine.core.lexeme import decode
from engine.core.values import Entry
from engine.database.protocol import Database
from engine.database.statement import Statement
from engine.database.transaction import Transaction
from engine.journal.protocol import Journal
from engine.mapping.plan import Plan
from engine.pipeline.prepare import prepare
from engine.pipeline.rederive import shadow
from engine.pipeline.rederive.account import replan
from engine.pipeline.rederive.adopt import Deciding, drop, identify, placed, settle_groups, take
from engine.pipeline.rederive.course import Course
from engine.pipeline.rederive.shadow import Shade
from engine.pipeline.rederive.work import Replay
from engine.store import rows
from engine.store.codes import NAMES
from engine.store.rows import Key
from engine.store.tables import LIVE, RESOURCE, VERSION
from mpi.desk import desk_on
from mpi.revise import revise_aliases, revise_statements

_STRIDE = 500
_MADE = Statement(
    select(RESOURCE.c.type, RESOURCE.c.id)
    .join(VERSION, VERSION.c.rid == RESOURCE.c.rid)
    .where(VERSION.c.position == bindparam("at"), RESOURCE.c.site == bindparam("site_")),
    *("at", "site_"),
)

PlanOf = Callable[[int], Plan | None]
"""Gives the plan that read the message at a position."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Messages of a site, and every resource they make or made."""

    positions: tuple[int, ...]
    keys: tuple[Key, ...]

    @property
    def mark(self) -> str:
        """Name the choice: a replay goes on with its own only."""
        text = ",".join(map(str, self.positions))
        return f"part:{blake2b(text.encode(), digest_size=8).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What would become of a resource: `new`, `changed` in some elements, or `removed`."""

    key: Key
    kind: str
    elements: tuple[str, ...] = ()


def choose(
    database: Database, journal: Journal, positions: Sequence[int], plan: Plan, plan_of: PlanOf
) -> Chosen:
    """Find out what messages make under their plan and under `plan`."""
    keys: dict[Key, None] = {}
    for start in range(0, len(positions), _STRIDE):
        some = positions[start : start + _STRIDE]
        with database.read() as tx:
            for position in some:
                found = tx.all(_MADE, position, plan.site.name)
                keys.update(((NAMES[kind], ident), None) for kind, ident in found)
        for position in some:
            entry = journal.entry(position)
            for one in {plan, plan_of(position)} - {None}:
                keys.update(dict.fromkeys(_said(entry, one)))
    return Chosen(tuple(positions), tuple(sorted(keys)))


def _said(entry: Entry | None, plan: Plan | None) -> Iterable[Key]:
    if entry is None or plan is None:
        return ()
    mapped = prepare(entry, {plan.site.name: plan}).mapped
    return [(one.type, one.id) for one in mapped.contributions] if mapped else ()


def differences(database: Database, site: str, chosen: Chosen) -> Iterator[Difference]:
    """Compare the shadow with what is stored; nothing is written."""
    keys = iter(chosen.keys)
    while some := list(islice(keys, _STRIDE)):
        with database.read() as tx:
            shades, held = _loaded(tx, site, some)
        for key in some:
            if key not in held:
                if key in shades:
                    yield Difference(key, "new")
            elif key not in shades:
                yield Difference(key, "removed")
            elif names := _differing(held[key].text, shades[key].text):
                yield Difference(key, "changed", names)


def _differing(before: bytes, after: bytes) -> tuple[str, ...]:
    if before == after:
        return ()
    old, new = decode(before), decode(after)
    names = sorted((old.keys() | new.keys()) - {"meta"})
    return tuple(name for name in names if old.get(name) != new.get(name))


def _loaded(
    tx: Transaction, site: str, keys: Sequence[Key]
) -> tuple[dict[Key, Shade], dict[Key, rows.Held]]:
    """Return what the shadow and what the store have of these, of this site."""
    wanted = set(keys)
    shades = shadow.load(tx, site, [key[1] for key in keys])
    held = rows.load(tx, keys)
    return (
        {key: shade for key, shade in shades.items() if key in wanted},
        {key: row for key, row in held.items() if row.state == LIVE and row.site == site},
    )


class Part:
    """Puts the chosen resources in place, chunk by chunk, once the shadow is complete."""

    def __init__(self, replay: Replay, chosen: Chosen) -> None:
        self._replay = replay
        self._chosen = chosen
        self._waiting = list(reversed(chosen.keys))
        self._known = set(chosen.keys)
        self._records = [key[1] for key in chosen.keys if key[0] == "Patient"]

    def steps(self, course: Course) -> Iterator[Course]:
        """Go on from a shadow that is complete until it is done."""
        while self._waiting:
            course = self._replay.chunk(course, self._adopt)
            yield course
        while self._records:
            course = self._replay.chunk(course, self._identity)
            yield course
        yield self._replay.chunk(course, self._finish)

    def _adopt(self, tx: Transaction, course: Course, most: int, deciding: Deciding) -> Course:
        some, self._waiting = self._waiting[-most:], self._waiting[:-most]
        shades, held = _loaded(tx, course.site, some)
        here = [shades[key] for key in some if key in shades]
        strangers = _strangers(tx, here)
        if strangers:
            identify(tx, course, strangers, {}, deciding)
        course = take(tx, course, here, deciding)
        course = drop(
            tx, course, [key for key in some if key in held and key not in shades], deciding
        )
        self._follow(tx, here)
        return course

    def _follow(self, tx: Transaction, shades: Sequence[Shade]) -> None:
        """Have what is referred to put in place as well, if it is not stored."""
        named = {key for one in shades for key in referred(decode(one.text))} - self._known
        held = rows.load(tx, sorted(named))
        missing = [key for key in sorted(named) if key not in held or held[key].state != LIVE]
        self._known.update(missing)
        self._waiting += missing

    def _identity(self, tx: Transaction, course: Course, most: int, deciding: Deciding) -> Course:
        some, self._records = self._records[:most], self._records[most:]
        wanted = shadow.known_aliases(tx, course.site, some)
        settle_groups(tx, revise_aliases(tx, course.site, some, wanted), set(), course, deciding)
        return course

    def _finish(self, tx: Transaction, course: Course, _: int, deciding: Deciding) -> Course:
        """Revise the merges that the chosen messages tell, and their accounts."""
        only = frozenset(self._chosen.positions)
        told = [one for one in shadow.merges(tx, course.site) if one.position in only]
        wanted = [placed(course.site, one) for one in told]
        concerned = revise_statements(tx, course.site, wanted, only)
        settle_groups(tx, concerned, set(), course, deciding)
        replan(tx, self._chosen.positions, course.plan)
        return replace(course, messages=len(self._chosen.positions))


def _strangers(tx: Transaction, shades: Sequence[Shade]) -> list[str]:
    """Return the records these are about that the index does not know."""
    records = sorted({one.record for one in shades} - {""})
    desk = desk_on(tx)
    desk.identities.want(records)
    return [one for one in records if desk.identity(one) is None]


def referred(value: Any) -> Iterator[Key]:
    """Yield the resources a body refers to by type and id."""
    if isinstance(value, list):
        for one in value:
            yield from referred(one)
    elif isinstance(value, dict):
        kind, _, ident = str(value.get("reference", "")).partition("/")
        if ident and "/" not in ident and kind.isalpha():
            yield kind, ident
        for one in value.values():
            if isinstance(one, dict | list):
                yield from referred(one)
