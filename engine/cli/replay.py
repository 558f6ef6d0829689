"""`concord replay`: works on messages once more, after their cause or the mapping was mended."""

import json
import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import open_journal, open_store, reconciling
from engine.cli.begun import begun
from engine.cli.named import require_site
from engine.cli.replay_quarantined import all_quarantined, replay_quarantined
from engine.cli.replay_shown import as_dict, shown, summary
from engine.cli.replay_where import replay_where
from engine.cli.told import told
from engine.core.clock import SystemClock
from engine.core.fault import Category, refuse
from engine.pipeline.rederive.work import Replay, Surroundings
from engine.roles.arming import arm_as_told
from engine.roles.starting import beginning
from engine.security.keys import RegionKey
from engine.settings.region import Region


@dataclass(frozen=True, slots=True)
class Asked:
    """Which messages.

    Parameters
    ----------
    quarantined
        All that are quarantined now.
    site
        Every message of this site, under the mapping the daemon runs with.
    where
        Messages told by their accounts, as `site=mercy and type=ORU^R01 and since=2026-11-01`.
        Names: site, type, channel, state, code, plan, control_id, position, since, until; `=` and
        `!=`; `*` at the end of a value; `quarantined` for state=quarantined; `plan!=current` for
        what another mapping read.
    """

    quarantined: Annotated[bool, Parameter(negative="")] = False
    site: str = ""
    where: str = ""


NOTHING = Asked()


@told
def replay(
    config: Path,
    *positions: int,
    asked: Annotated[Asked, Parameter(name="*")] = NOTHING,
    accept_failing: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Work on messages once more: quarantined ones, some, or all of a site.

    They are mapped by what holds now. A site is replayed while its traffic goes on. Only what comes
    out otherwise gets a new version, and what is no longer produced is deleted. Interrupted or
    killed, it goes on when it is started again.

    Parameters
    ----------
    config
        The region file.
    positions
        Quarantined messages, by the number that `concord messages` prints first.
    accept_failing
        Quarantine messages of the site that were written and which the mapping cannot read;
        otherwise they end the replay before it changes anything.
    dry_run
        With --where: say how many messages are meant and what would become of resources.
    as_json
        Print what came of a site, or of what --where means, as JSON.
    """
    ways = (bool(positions), asked.quarantined, bool(asked.site), bool(asked.where))
    stray = (dry_run and not asked.where) or (accept_failing and not asked.site)
    if sum(ways) > 1 or stray:
        message = (
            "name messages, or say --quarantined, or --site (with it --accept-failing), "
            "or --where (with it --dry-run)"
        )
        raise refuse(Category.INVALID, "replay-unclear", message)
    region, key = begun(config)
    if asked.where:
        arm_as_told(os.environ)
        return replay_where(region, key, asked.where, dry_run=dry_run, as_json=as_json)
    if asked.site:
        return _replay_site(region, key, asked.site, accept_failing=accept_failing, as_json=as_json)
    return _replay_quarantined(region, key, list(positions), everything=asked.quarantined)


def _replay_quarantined(
    region: Region, key: RegionKey, positions: list[int], *, everything: bool
) -> int:
    with closing(open_store(region, key)) as store, closing(open_journal(region, key)) as journal:
        wanted = all_quarantined(store) if everything else positions
        if not wanted:
            print("nothing to replay: name messages, or say --quarantined, --site or --where")
            return 0 if everything else 2
        return 1 if replay_quarantined(store, journal, wanted) else 0


def _replay_site(
    region: Region, key: RegionKey, site: str, *, accept_failing: bool, as_json: bool
) -> int:
    require_site(site, region.sites)
    arm_as_told(os.environ)
    begin = beginning(region, key)
    if site in begin.differing:
        message = (
            "the files hold another mapping than the daemon maps by: "
            f"activate them with `concord reload {region.file}`, or put them back"
        )
        raise refuse(Category.CONFLICT, "plan-not-running", message, f"site {site}")
    journal, store = open_journal(region, key), open_store(region, key)
    try:
        plan = begin.plans[site]
        around = Surroundings(
            journal, store, plan, reconciling(region, key), SystemClock(), accept_failing
        )
        course = shown(Replay(around).steps())
    finally:
        journal.close()
        store.close()
    print(json.dumps(as_dict(course)) if as_json else summary(course))
    return 0
