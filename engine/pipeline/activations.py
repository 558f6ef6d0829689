"""Which plans hold since when, as the store knows it, and how another set of them comes to hold.

Rule 1: an entry of the journal is mapped by the newest activation before it; what is older than the
first one, by the first. A worker comes to an activation as to every entry and learns of it there.
Rule 2: an activation goes to the journal while the store is locked, and into the store before the
lock is given back: whoever writes an entry behind it, without having read it, finds it there. Who
was killed in between leaves an activation that the first worker takes into the store.
"""

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import bindparam, delete, func, select

from engine.core.clock import Clock
from engine.core.failpoint import failpoint
from engine.core.fault import Category, FaultError, refuse
from engine.core.values import Entry
from engine.database.inserting import inserting
from engine.database.protocol import Database
from engine.database.statement import Statement
from engine.database.transaction import Row, Transaction
from engine.journal.partition import EVERYONES
from engine.journal.protocol import Journal
from engine.mapping.plan import Plan
from engine.pipeline.activation import (
    START,
    Activation,
    Libraries,
    SitePlan,
    envelope_of,
    library_of,
    read_activation,
    sites_of_json,
    sites_to_json,
)
from engine.pipeline.activation_tables import ACTIVATION, OFFER
from engine.pipeline.plans import keep_texts

_COLUMNS = ("position", "act", "actor", "said_us", "of", "sites")
_NOTE = inserting(ACTIVATION, *_COLUMNS, on_conflict="ignore")
_ALL = Statement(
    select(*(ACTIVATION.c[name] for name in _COLUMNS))
    .where(ACTIVATION.c.position > bindparam("after"))
    .order_by(ACTIVATION.c.position),
    "after",
)
_NEWEST = Statement(select(func.max(ACTIVATION.c.position)))
_OFFER = inserting(OFFER, "id", "offer", "sites", on_conflict="replace")
_OFFERED = Statement(select(OFFER.c.offer, OFFER.c.sites))
_WITHDRAW = Statement(delete(OFFER).where(OFFER.c.offer == bindparam("offer_")), "offer_")
_WITHDRAW_ALL = Statement(delete(OFFER))
_STRIDE = 2000
ELSEWHERE = "reload-elsewhere"
_MOST_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """An activation with its place in the journal."""

    position: int
    activation: Activation


@dataclass(frozen=True, slots=True)
class Offer:
    """Plans that are to hold soon: each process compiles them first."""

    offer: str
    sites: Mapping[str, SitePlan]


def newest_position(tx: Transaction) -> int:
    """Return where the newest activation stands, 0 when there is none."""
    row = tx.one(_NEWEST)
    return int(row[0] or 0) if row else 0


def activations(tx: Transaction, after: int = 0) -> list[Held]:
    """Return the activations behind a position, oldest first."""
    return [_held(row) for row in tx.all(_ALL, after)]


def newest(tx: Transaction) -> Held | None:
    """Return the activation that holds now."""
    found = activations(tx, newest_position(tx) - 1)
    return found[-1] if found else None


def _held(row: Row) -> Held:
    position, act, actor, said_us, of, sites = row
    told = sites_of_json(orjson.loads(sites))
    return Held(int(position), Activation(act, actor, int(said_us), told, int(of)))


def note(tx: Transaction, position: int, activation: Activation, libraries: Libraries) -> None:
    """Take an activation of the journal into the store; one that is there stays as it is."""
    keep_texts(tx, activation.sites, libraries, activation.said_us)
    told = orjson.dumps(sites_to_json(activation.sites)).decode()
    row = (activation.act, activation.actor, activation.said_us, activation.of, told)
    tx.run(_NOTE, position, *row)


def learn(database: Database, entry: Entry) -> None:
    """Take an activation that was met in the journal into the store.

    FaultError `bad-activation`: it says nothing, and nothing changes.
    """
    activation, libraries = read_activation(entry.envelope.body)
    with database.write() as tx:
        note(tx, entry.position, activation, libraries)


def last_activation(journal: Journal) -> Entry | None:
    """Return the last activation of a journal, the long way: for a store that has lost its own."""
    found, upto, head = None, 0, journal.head()
    while upto < head:
        batch = journal.read_on(upto, _STRIDE, _MOST_BYTES, {EVERYONES})
        found, upto = (batch.entries or (found,))[-1], batch.upto
    return found


def activate(
    database: Database,
    journal: Journal,
    activation: Activation,
    libraries: Libraries,
    since: int,
) -> int:
    """Let plans hold from now on; returns the position in the journal from which they do.

    FaultError `reload-elsewhere` when the newest activation is not the one of `since` any more.
    """
    envelope = envelope_of(activation, libraries)
    with database.write() as tx:
        if newest_position(tx) != since:
            message = "other mappings were activated meanwhile: look at them with `concord plans`"
            raise refuse(Category.BUSY, ELSEWHERE, message)
        failpoint("before-activation")
        position = journal.append([envelope])[0]
        failpoint("inside-activation")
        note(tx, position, activation, libraries)
        tx.run(_WITHDRAW_ALL)
    failpoint("after-activation")
    return position


def start_with(
    database: Database, journal: Journal, plans: Mapping[str, Plan], clock: Clock
) -> None:
    """Let the plans a daemon starts with hold, if others do or none.

    FaultError `reload-elsewhere` when other plans came to hold meanwhile: start again.
    """
    if not plans:
        return
    with database.read() as tx:
        held = newest(tx)
    sites = {name: SitePlan(plan.id, plan.site) for name, plan in plans.items()}
    if held is None or changed(held.activation.sites, sites):
        libraries = {
            name: library_of(plan.library, plan.site.chain) for name, plan in plans.items()
        }
        now = Activation(START, getpass.getuser(), clock.now_us(), sites)
        try:
            activate(database, journal, now, libraries, held.position if held else 0)
        except FaultError as error:
            if error.fault.code != ELSEWHERE or not _holds(database, sites):
                raise


def _holds(database: Database, sites: Mapping[str, SitePlan]) -> bool:
    """Whether these plans hold: another host that starts with the same was quicker."""
    with database.read() as tx:
        held = newest(tx)
    return held is not None and not changed(held.activation.sites, sites)


def make_offer(tx: Transaction, offer: Offer, libraries: Libraries, now_us: int) -> None:
    """Ask every process to compile plans. What was offered before is void."""
    keep_texts(tx, offer.sites, libraries, now_us)
    tx.run(_OFFER, 1, offer.offer, orjson.dumps(sites_to_json(offer.sites)).decode())


def offered(tx: Transaction) -> Offer | None:
    """Return what is offered now."""
    row = tx.one(_OFFERED)
    return Offer(row[0], sites_of_json(orjson.loads(row[1]))) if row else None


def withdraw(tx: Transaction, offer: str) -> None:
    """Take an offer back; another one stays."""
    tx.run(_WITHDRAW, offer)


def changed(before: Mapping[str, SitePlan], after: Mapping[str, SitePlan]) -> Sequence[str]:
    """Return the sites whose plan would be another one."""
    return [
        name
        for name in sorted(before.keys() | after.keys())
        if (before[name].plan if name in before else "")
        != (after[name].plan if name in after else "")
    ]
