"""`concord rollback`: lets mappings hold again that held before."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import compile_kept, open_store
from engine.cli.begun import begun
from engine.cli.switching import Progress, Report
from engine.cli.told import told
from engine.core.clock import SystemClock
from engine.core.fault import Category, FaultError, refuse
from engine.database.protocol import Database
from engine.mapping.plan import Plan
from engine.mapping.strata import Strata
from engine.pipeline.activation import ROLLBACK, Libraries, SitePlan
from engine.pipeline.activations import Held as Activated
from engine.pipeline.activations import Offer, activations
from engine.pipeline.plans import kept_library
from engine.roles.activating import Change, make_hold, offer_name
from engine.roles.arming import arm_as_told
from engine.roles.starting import Held, held
from engine.security.keys import RegionKey
from engine.settings.region import Region


@told
def rollback(
    config: Path,
    *,
    to: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Let the mappings hold again that held before the last reload; a second time, those before.

    Their files are in the store. Those on the disk stay as they are, so put them right before the
    next `concord reload`.

    Parameters
    ----------
    config
        The region file.
    to
        Go back to this activation: its position, or a plan it had, as `concord plans` prints them.
    as_json
        Print JSON.
    """
    region, key = begun(config)
    arm_as_told(os.environ)
    now = held(region, key)
    if now is None:
        raise _nothing()
    with closing(open_store(region, key)) as store:
        with store.read() as tx:
            every = activations(tx)
        wanted = _named(every, to) if to else before(every)
        plans = _plans(region, key, store, now, wanted)
    sites = {name: SitePlan(plan.id, plan.site) for name, plan in plans.items()}
    libraries: Libraries = {name: plan.library for name, plan in plans.items()}
    change = Change(ROLLBACK, Offer(offer_name(), sites), libraries, now.position, wanted.position)
    progress = Progress()
    done = make_hold(region, key, change, SystemClock(), progress)
    progress.end()
    return Report(region, key, now, change).say(done, as_json=as_json)


def before(every: Sequence[Activated]) -> Activated:
    """Return the activation that the last one replaced; of a rollback, the one before its aim.

    FaultError `nothing-before`.
    """
    last = every[-1].activation
    aim = last.of or every[-1].position
    found = [one for one in every if one.position < aim and one.activation.plans() != last.plans()]
    if not found:
        raise _nothing()
    return found[-1]


def _named(every: Sequence[Activated], to: str) -> Activated:
    found = [
        one for one in every if to == str(one.position) or to in one.activation.plans().values()
    ]
    if not found:
        message = "no such activation; `concord plans` lists them"
        raise refuse(Category.NOT_FOUND, "unknown-activation", message, f"--to {to}")
    return found[-1]


def _plans(
    region: Region, key: RegionKey, store: Database, now: Held, wanted: Activated
) -> Mapping[str, Plan]:
    """Compile what held then; a site that has come since keeps what it has."""
    found: dict[str, Plan] = {}
    for name in region.sites:
        one = wanted.activation.sites.get(name) or now.sites.get(name)
        if one is None:
            continue
        with store.read() as tx:
            library = kept_library(tx, one.plan, name)
        if library is None:
            message = "the files of this plan are not in the store any more"
            raise refuse(Category.NOT_FOUND, "plan-lost", message, f"site {name}")
        found[name] = compile_kept(region, key, Strata(library), library, one.profile)
    return found


def _nothing() -> FaultError:
    return refuse(Category.CONFLICT, "nothing-before", "no other mappings held before")
