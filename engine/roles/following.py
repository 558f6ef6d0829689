"""Keeps the plans of one role process up to date, beside its work.

It looks at the store now and then: what is offered is compiled before it holds, so that the switch
itself takes no time. A store that cannot be read or written is looked at again later: a role
may be able to work without it.
"""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial

from engine.app import compile_kept, open_store, places
from engine.core.fault import FaultError
from engine.database.protocol import Database
from engine.pipeline.activations import newest_position, offered
from engine.pipeline.followers import COMPILING, FAILED, READY, Follower, leave, say
from engine.pipeline.in_force import Following, Plans
from engine.roles.collector import renew_collector
from engine.roles.voice import Voice
from engine.security.keys import RegionKey
from engine.settings.region import Region
from engine.telemetry.event import PlansRefused, PlansSwitched

LOOK_S = 0.3
_TURN_S = 0.0002


def host_of(region: Region) -> str:
    """Name this host's daemon among those that serve the region."""
    return f"{socket.gethostname()}:{places(region).folder}"


def following(region: Region, key: RegionKey, plans: Plans, voice: Voice) -> Following:
    """Return the plans of a role, which begins with those its process was started with."""
    return Following(
        partial(open_store, region, key),
        partial(compile_kept, region, key),
        {(site, plan.id): plan for site, plan in plans.items()},
        lambda site, plan: voice.emit(PlansRefused(site, plan)),
    )


class Attention:
    """Looks at what holds and what is offered: by a thread from `start` on, or when called."""

    def __init__(
        self, opened: Callable[[], Database], plans: Following, who: tuple[str, str], voice: Voice
    ) -> None:
        """`who` is host and role."""
        self._opened, self._plans, self._who, self._voice = opened, plans, who, voice
        self._database: Database | None = None
        self._due_s = 0.0
        self._said: Follower | None = None
        self._seen, self._state = "", READY
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="plans", daemon=True)

    def start(self) -> None:
        """Look by a thread of its own, for a role whose own threads wait most of the time."""
        self._thread.start()

    def stop(self) -> None:
        """End; safe to call twice. A compile that is under way is not waited for."""
        self._stopping.set()
        with suppress(FaultError), closing(self._opened()) as database, database.write() as tx:
            leave(tx, *self._who)
        if not self._thread.is_alive():
            self._close()

    def look(self) -> None:
        """Look if it is time to, for a role that would hold the store's lock while it compiles.

        Two threads that compute take turns of milliseconds: a transaction of many short statements
        would last a thousand of them.
        """
        if time.monotonic() < self._due_s:
            return
        try:
            if self._database is None:
                self._database = self._opened()
            self._look(self._database)
        except FaultError:
            self._close()
        self._due_s = time.monotonic() + LOOK_S

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _follow(self) -> None:
        while not self._stopping.is_set():
            self.look()
            self._stopping.wait(LOOK_S)
        self._close()

    def _look(self, database: Database) -> None:
        with database.read() as tx:
            newest, offer = newest_position(tx), offered(tx)
        if newest > self._plans.position:
            with _short_turns():
                self._plans.refresh()
            if not self._thread.is_alive():  # else somebody waits, and a look takes a second
                renew_collector()
            self._voice.emit(PlansSwitched(self._who[1], self._plans.position))
        if offer is not None and offer.offer != self._seen:
            self._seen, self._state = offer.offer, COMPILING
            self._say(database)
            with _short_turns():
                self._state = READY if self._plans.compile(offer.sites) else FAILED
        self._say(database)

    def _say(self, database: Database) -> None:
        now = Follower(*self._who, self._seen, self._state, self._plans.position)
        if now != self._said and not self._stopping.is_set():
            with database.write() as tx:
                say(tx, now)
            self._said = now


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let the other threads of the process in sooner while this one computes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
