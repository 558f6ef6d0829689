"""`concord replay --where`: some messages once more, told by their accounts."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

from engine.app import open_journal, open_store, reconciling
from engine.cli.replay_quarantined import replay_quarantined
from engine.cli.replay_shown import as_dict, shown, summary
from engine.core.clock import SystemClock
from engine.core.fault import Category, refuse
from engine.database.protocol import Database
from engine.journal.protocol import Journal
from engine.mapping.plan import MappingErrors, Plan
from engine.pipeline.ledger import DUPLICATE, QUARANTINED
from engine.pipeline.messages import Wanted, messages
from engine.pipeline.plans import kept_plan
from engine.pipeline.rederive.course import Course
from engine.pipeline.rederive.part import Chosen, Difference, Part, choose, differences
from engine.pipeline.rederive.work import Replay, Surroundings
from engine.pipeline.where import Where, WhereError, read_where
from engine.roles.starting import Beginning, beginning
from engine.security.keys import RegionKey
from engine.settings.region import Region

_USAGE, _PROBLEMS = 2, 1
_EXAMPLES = 5


@dataclass(slots=True)
class _Meant:
    """The messages meant: those in quarantine, and by site those to derive again."""

    quarantined: list[int] = field(default_factory=list)
    again: dict[str, dict[int, str]] = field(default_factory=dict)  # site -> position -> its plan


def replay_where(region: Region, key: RegionKey, text: str, *, dry_run: bool, as_json: bool) -> int:
    """Replay what a filter means, or say what would come of it."""
    try:
        where = read_where(text)
    except WhereError as error:
        print(error.problem.frame(), file=sys.stderr)
        return _USAGE
    begin = beginning(region, key)
    _require_held(region, begin, where)
    with closing(open_store(region, key)) as store, closing(open_journal(region, key)) as journal:
        work = _Work(region, key, begin.plans, store, journal)
        meant = work.meant(where)
        if dry_run:
            return work.preview(meant, as_json=as_json)
        return work.replay(meant, as_json=as_json)


def _require_held(region: Region, begin: Beginning, where: Where) -> None:
    if differing := sorted(set(where.sites(region.sites)) & set(begin.differing)):
        message = (
            "the files hold another mapping than the daemon maps by: "
            f"activate them with `concord reload {region.file}`, or put them back"
        )
        place = f"site {', '.join(differing)}"
        raise refuse(Category.CONFLICT, "plan-not-running", message, place)


class _Work:
    def __init__(
        self,
        region: Region,
        key: RegionKey,
        plans: Mapping[str, Plan],
        store: Database,
        journal: Journal,
    ) -> None:
        self._region, self._key, self._plans = region, key, plans
        self._store, self._journal = store, journal
        self._past: dict[tuple[str, str], Plan | None] = {}

    def meant(self, where: Where) -> _Meant:
        """Look through the accounts of the sites that may be meant."""
        means = where.means({site: plan.id for site, plan in self._plans.items()})
        found = _Meant()
        for site in where.sites(self._region.sites):
            with self._store.read() as tx:
                for account in filter(means, messages(tx, Wanted(site=site))):
                    if account.state == QUARANTINED:
                        found.quarantined.append(account.position)
                    elif account.state != DUPLICATE:  # the message it repeats says the same
                        found.again.setdefault(site, {})[account.position] = account.plan
        found.quarantined.sort()
        return found

    def replay(self, meant: _Meant, *, as_json: bool) -> int:
        left = 0
        if meant.quarantined:
            left = replay_quarantined(self._store, self._journal, meant.quarantined, quiet=as_json)
        courses = [self._derive(site, asked) for site, asked in meant.again.items()]
        if as_json:
            quarantined = {"asked": len(meant.quarantined), "left": left}
            told = {"quarantined": quarantined, "sites": [as_dict(one) for one in courses]}
            print(json.dumps(told))
        else:
            for course in courses:
                print(summary(course))
            if not courses and not meant.quarantined:
                print("no messages are meant")
        return _PROBLEMS if left else 0

    def _derive(self, site: str, asked: Mapping[int, str]) -> Course:
        chosen = self._chosen(site, asked)
        replay = self._replay(site, chosen)
        course = shown(replay.folding())
        course = shown(Part(replay, chosen).steps(course))
        replay.end(course)
        return course

    def preview(self, meant: _Meant, *, as_json: bool) -> int:
        """Say how many messages are meant and what would become of resources; write nothing."""
        told: list[dict[str, Any]] = []
        for site, asked in meant.again.items():
            chosen = self._chosen(site, asked)
            replay = self._replay(site, chosen)
            course = shown(replay.folding())
            counts, some = _counted(differences(self._store, site, chosen))
            replay.end(course)
            told.append({"site": site, "messages": len(asked), **counts, "examples": some})
        if as_json:
            print(json.dumps({"quarantined": len(meant.quarantined), "sites": told}))
            return 0
        print(f"{len(meant.quarantined)} quarantined messages would be tried once more")
        for one in told:
            counts_told = ", ".join(f"{one.get(kind, 0)} {kind}" for kind in _KINDS)
            print(f"{one['site']}: {one['messages']} messages; resources: {counts_told}")
            for example in one["examples"]:
                print(f"  {example}")
        return 0

    def _chosen(self, site: str, asked: Mapping[int, str]) -> Chosen:
        def plan_of(position: int) -> Plan | None:
            return self._kept(site, asked[position])

        return choose(self._store, self._journal, sorted(asked), self._plans[site], plan_of)

    def _kept(self, site: str, plan: str) -> Plan | None:
        if plan == self._plans[site].id:
            return self._plans[site]
        if (site, plan) not in self._past:
            self._past[site, plan] = None
            with suppress(MappingErrors), self._store.read() as tx:
                self._past[site, plan] = kept_plan(tx, plan, site, self._key.id_key())
        return self._past[site, plan]

    def _replay(self, site: str, chosen: Chosen) -> Replay:
        around = Surroundings(
            self._journal,
            self._store,
            self._plans[site],
            reconciling(self._region, self._key),
            SystemClock(),
        )
        return Replay(around, chosen.mark)


_KINDS = ("changed", "new", "removed")


def _counted(found: Iterator[Difference]) -> tuple[dict[str, int], list[str]]:
    counts, some = Counter[str](), list[str]()
    for one in found:
        counts[one.kind] += 1
        if len(some) < _EXAMPLES:
            elements = f": {', '.join(one.elements)}" if one.elements else ""
            some.append(f"{'/'.join(one.key)} {one.kind}{elements}")
    return dict(counts), some
