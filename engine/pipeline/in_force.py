"""Which plans map which entries in this process, from now on and for what came before.

Reads what the store says of activations and compiles what it names. Any thread may ask; who asks
for what is compiled already never waits.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from engine.core.fault import Category, FaultError, refuse
from engine.core.values import Entry
from engine.database.protocol import Database
from engine.database.transaction import Transaction
from engine.mapping.library import Library
from engine.mapping.plan import MappingErrors, Plan
from engine.mapping.site import SiteProfile
from engine.mapping.strata import Strata
from engine.pipeline.activation import Known, SitePlan, in_common
from engine.pipeline.activations import activations, learn, newest_position
from engine.pipeline.plans import kept_library

Plans = Mapping[str, Plan]
"""Plans by site."""

SUPERSEDED = "plans-superseded"


class InForce(Protocol):
    """The plans of a region, as a process that maps needs them."""

    @property
    def now(self) -> Plans:
        """Return what maps what comes next."""
        ...

    def at(self, position: int) -> Plans:
        """Return what maps the entry at a position of the journal."""
        ...

    def knows(self, position: int) -> bool:
        """Tell whether the activation at this position is heeded."""
        ...

    def learn(self, entry: Entry) -> None:
        """Heed an activation that was met in the journal."""
        ...

    def check(self, tx: Transaction) -> None:
        """FaultError `plans-superseded` when others hold by now than this process knows."""
        ...

    def refresh(self) -> None:
        """Read what holds by now, and compile it."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Plans that nothing changes. Satisfies `InForce`."""

    now: Plans

    def at(self, position: int) -> Plans:
        return self.now

    def knows(self, position: int) -> bool:
        return True

    def learn(self, entry: Entry) -> None:
        """Heed none."""

    def check(self, tx: Transaction) -> None:
        """Nothing supersedes them."""

    def refresh(self) -> None:
        """There is nothing to read."""


@dataclass(frozen=True, slots=True)
class _Era:
    """What holds behind a position."""

    position: int
    sites: Mapping[str, SitePlan]


@dataclass(frozen=True, slots=True)
class _State:
    """Replaced as a whole, so whoever reads it sees one state."""

    eras: tuple[_Era, ...]
    now: Plans
    void: frozenset[int]  # activations that cannot be read

    @property
    def position(self) -> int:
        return self.eras[-1].position if self.eras else 0


class Following:
    """Follows the activations of a store. Satisfies `InForce`."""

    def __init__(
        self,
        opened: Callable[[], Database],
        compiled: Callable[[Strata, Library, SiteProfile], Plan],
        known: Mapping[Known, Plan],
        told: Callable[[str, str], None] = lambda _site, _plan: None,
    ) -> None:
        """Begin with what is compiled already, by the names it was activated under.

        `told` hears of site and plan when this program cannot compile what was activated: then
        the site stays with what it had.
        """
        self._opened, self._compile, self._told = opened, compiled, told
        self._compiled: dict[Known, Plan | None] = dict(known)
        self._state = _State((), {site: plan for (site, _), plan in known.items()}, frozenset())
        self._working = threading.Lock()

    @property
    def now(self) -> Plans:
        return self._state.now

    @property
    def position(self) -> int:
        """Return the activation this process goes by, 0 if none."""
        return self._state.position

    def at(self, position: int) -> Plans:
        state = self._state
        if position > state.position:
            return state.now
        nth = bisect_left(state.eras, position, key=lambda era: era.position) - 1
        with self._working:
            return self._plans(state.eras, max(nth, 0))

    def knows(self, position: int) -> bool:
        state = self._state
        return position in state.void or any(era.position == position for era in state.eras)

    def learn(self, entry: Entry) -> None:
        self.refresh()
        if self.knows(entry.position):
            return
        try:
            with closing(self._opened()) as database:
                learn(database, entry)
        except FaultError as error:
            if error.fault.code != "bad-activation":
                raise
            self._state = replace(self._state, void=self._state.void | {entry.position})
        else:
            self.refresh()

    def check(self, tx: Transaction) -> None:
        if newest_position(tx) > self._state.position:
            message = "other mappings hold by now: it is done under them"
            raise refuse(Category.BUSY, SUPERSEDED, message)

    def refresh(self) -> None:
        with self._working:
            with closing(self._opened()) as database, database.read() as tx:
                held = activations(tx)
            eras = tuple(_Era(one.position, one.activation.sites) for one in held)
            if eras and eras != self._state.eras:
                now = self._plans(eras, len(eras) - 1)
                self._state = replace(self._state, eras=eras, now=now)
                self._drop(eras[-2:])

    def compile(self, sites: Mapping[str, SitePlan]) -> bool:
        """Compile plans that are to hold soon; False when one of them cannot be."""
        with self._working:
            return all(plan is not None for plan in self._made([*sites.values()]).values())

    def _plans(self, eras: tuple[_Era, ...], nth: int) -> Plans:
        """Return the plans of an era; for one that cannot be compiled, that of its neighbour."""
        found: dict[str, Plan] = {}
        for era in (*eras[nth::-1], *eras[nth + 1 :]):
            made = self._made([one for site, one in era.sites.items() if site not in found])
            found |= {site: plan for site, plan in made.items() if plan is not None}
            if eras[nth].sites.keys() <= found.keys():
                break
        return found

    def _made(self, wanted: Sequence[SitePlan]) -> Mapping[str, Plan | None]:
        """Return plans by site, None for what this program cannot compile."""
        missing = {one.profile.name: one for one in wanted if _known(one) not in self._compiled}
        if missing:
            with closing(self._opened()) as database, database.read() as tx:
                texts = {name: kept_library(tx, one.plan, name) for name, one in missing.items()}
            libraries = in_common({name: text for name, text in texts.items() if text is not None})
            strata: dict[int, Strata] = {}
            for name, one in missing.items():
                self._compiled[_known(one)] = self._one(libraries.get(name), one, strata)
        return {one.profile.name: self._compiled[_known(one)] for one in wanted}

    def _one(
        self, library: Library | None, one: SitePlan, strata: dict[int, Strata]
    ) -> Plan | None:
        if library is None:
            return None
        shared = strata.setdefault(id(library), Strata(library))
        try:
            return self._compile(shared, library, one.profile)
        except MappingErrors:
            self._told(one.profile.name, one.plan)
            return None

    def _drop(self, kept: tuple[_Era, ...]) -> None:
        """Forget plans that only entries of long ago ask for: they are compiled again then."""
        used = {(site, one.plan) for era in kept for site, one in era.sites.items()}
        self._compiled = {known: plan for known, plan in self._compiled.items() if known in used}


def _known(one: SitePlan) -> Known:
    return one.profile.name, one.plan
