"""Makes other plans hold in a running region: offered first, compiled beside, then switched.

Every process that answers has compiled the plans before they hold, so none is held up by the
switch. One that does not answer within `ANSWER_S` is taken for gone: if it is not, it compiles when
it comes to the activation.
"""

import getpass
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from engine.app import open_journal, open_store, places
from engine.core.clock import Clock
from engine.core.fault import Category, refuse
from engine.database.metadata import STORE
from engine.database.protocol import Database
from engine.pipeline.activation import Activation, Libraries
from engine.pipeline.activations import Offer, activate, make_offer, offered, withdraw
from engine.pipeline.followers import COMPILING, FAILED, Follower, followers
from engine.roles.following import LOOK_S, host_of
from engine.roles.notice import notices
from engine.security.keys import RegionKey
from engine.settings.region import Region

ANSWER_S = 10.0
WAIT_S = 120.0

Progress = Callable[[str, list[str]], None]
"""Hears what is waited for, and for whom."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to hold, and behind which activation."""

    act: str
    sites: Offer
    libraries: Libraries
    since: int
    of: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """An activation that was made. `late` are processes that have not switched yet."""

    position: int
    late: tuple[str, ...]


def make_hold(
    region: Region, key: RegionKey, change: Change, clock: Clock, progress: Progress
) -> Done:
    """Offer, activate, and wait until every process has switched.

    FaultError `reload-elsewhere` when another one was quicker, `reload-refused` when a process
    cannot compile the plans, `reload-late` when one takes too long; nothing has changed then.
    """
    with closing(open_store(region, key)) as store:
        store.create(STORE)
        with _offer(store, change, clock) as offer:
            ready = _prepared(region, store, offer, progress)
            now = Activation(
                change.act, getpass.getuser(), clock.now_us(), change.sites.sites, change.of
            )
            with closing(open_journal(region, key)) as journal:
                position = activate(store, journal, now, change.libraries, change.since)
        return Done(position, tuple(_switched(region, store, ready, position, progress)))


@contextmanager
def _offer(store: Database, change: Change, clock: Clock) -> Iterator[str]:
    with store.write() as tx:
        make_offer(tx, change.sites, change.libraries, clock.now_us())
    try:
        yield change.sites.offer
    finally:
        with store.write() as tx:
            withdraw(tx, change.sites.offer)


def offer_name() -> str:
    """Return a name that no other offer has."""
    return os.urandom(8).hex()


def _prepared(
    region: Region, store: Database, offer: str, progress: Progress
) -> list[tuple[str, str]]:
    """Wait until whoever answers has compiled; returns these processes."""
    began_s = time.monotonic()
    while True:
        known = _living(region, store, offer)
        waited_s = time.monotonic() - began_s
        if refusing := [_name(one) for one in known if _answers(one, offer, FAILED)]:
            message = "a process cannot compile the mappings: is its program another version?"
            raise refuse(Category.CONFLICT, "reload-refused", message, ", ".join(refusing))
        silent = [one for one in known if one.offer != offer]
        compiling = [one for one in known if _answers(one, offer, COMPILING)]
        if not compiling and (not silent or waited_s > ANSWER_S):
            return [(one.host, one.role) for one in known if one.offer == offer]
        if waited_s > WAIT_S:
            message = "a process has not compiled the mappings in time; nothing was changed"
            where = ", ".join(_name(one) for one in compiling)
            raise refuse(Category.BUSY, "reload-late", message, where)
        progress("compiling", [_name(one) for one in (*compiling, *silent)])
        time.sleep(LOOK_S / 3)


def _answers(one: Follower, offer: str, state: str) -> bool:
    return one.offer == offer and one.state == state


def _living(region: Region, store: Database, offer: str) -> list[Follower]:
    """Return the processes that may be there. FaultError when the offer stands no more."""
    with store.read() as tx:
        known, now = followers(tx), offered(tx)
    if now is None or now.offer != offer:
        message = "another reload has begun meanwhile: look at it with `concord plans`"
        raise refuse(Category.BUSY, "reload-elsewhere", message)
    here, running = host_of(region), notices(places(region).run)
    return [one for one in known if one.host != here or one.role in running]


def _name(one: Follower) -> str:
    return f"{one.role} on {one.host.partition(':')[0]}"


def _switched(
    region: Region,
    store: Database,
    ready: list[tuple[str, str]],
    position: int,
    progress: Progress,
) -> list[str]:
    """Wait until these processes go by the activation; returns those that do not yet."""
    deadline_s = time.monotonic() + WAIT_S
    here = host_of(region)
    while True:
        running = notices(places(region).run)
        with store.read() as tx:
            known = {(one.host, one.role): one for one in followers(tx)}
        late = [
            _name(one)
            for who, one in known.items()
            if who in ready
            and one.position < position
            and (one.host != here or one.role in running)
        ]
        if not late or time.monotonic() > deadline_s:
            return late
        progress("switching", late)
        time.sleep(LOOK_S / 3)
