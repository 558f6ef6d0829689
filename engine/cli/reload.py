"""`concord reload`: lets the mappings of the disk hold in a running region."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import compile_plans
from engine.cli.begun import begun
from engine.cli.switching import Progress, Report
from engine.cli.told import told
from engine.core.clock import SystemClock
from engine.mapping.plan import MappingErrors
from engine.pipeline.activation import RELOAD, SitePlan, library_of
from engine.pipeline.activations import Offer, changed
from engine.roles.activating import Change, make_hold, offer_name
from engine.roles.arming import arm_as_told
from engine.roles.starting import held


@told
def reload(
    config: Path,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Let the mappings on the disk hold in a running region, between one message and the next.

    They are checked first: with a mistake in them nothing changes and the region goes on. Every
    process compiles them beside its work and then maps by them from one place in the journal on.
    Messages before it, which wait, are mapped by the old ones; `concord replay --site` brings what
    is stored up to the new ones.

    Parameters
    ----------
    config
        The region file; its sites' chains, zones and character sets are part of their mappings.
    as_json
        Print JSON.
    """
    region, key = begun(config)
    arm_as_told(os.environ)
    try:
        plans = compile_plans(region, key)
    except MappingErrors as error:
        print("\n\n".join(one.frame() for one in error.problems), file=sys.stderr)
        print("concord: nothing was changed; mend these first", file=sys.stderr)
        return 1
    now = held(region, key)
    before = now.sites if now else {}
    sites = {name: SitePlan(plan.id, plan.site) for name, plan in plans.items()}
    if not changed(before, sites):
        print(json.dumps({"position": 0, "sites": {}}) if as_json else "nothing changed")
        return 0
    libraries = {name: library_of(plan.library, plan.site.chain) for name, plan in plans.items()}
    change = Change(RELOAD, Offer(offer_name(), sites), libraries, now.position if now else 0)
    progress = Progress()
    done = make_hold(region, key, change, SystemClock(), progress)
    progress.end()
    return Report(region, key, now, change).say(done, as_json=as_json)
