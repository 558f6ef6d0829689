"""`concord replay`: works on messages once more, after their cause or the mapping was mended."""

import getpass
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import open_journal, open_store, reconciling
from engine.cli.begun import begun
from engine.cli.messages import in_words
from engine.cli.named import require_site
from engine.cli.told import told
from engine.core.clock import SystemClock
from engine.core.fault import Category, refuse
from engine.database.protocol import Database
from engine.pipeline.decide import outcome, submit_all
from engine.pipeline.decision import Decision
from engine.pipeline.ledger import QUARANTINED, read_account
from engine.pipeline.messages import Wanted
from engine.pipeline.messages import messages as find
from engine.pipeline.rederive.course import FOLD, Course
from engine.pipeline.rederive.work import Replay, Surroundings
from engine.roles.arming import arm_as_told
from engine.roles.starting import beginning
from engine.security.keys import RegionKey
from engine.settings.region import Region

_WAIT_S = 30.0
_TELL_S = 1.0
_PHASES = {
    "fold": "reading messages",
    "adopt": "putting resources in place",
    "create": "adding new resources",
    "identity": "bringing identity up to date",
    "account": "correcting accounts",
}


@told
def replay(
    config: Path,
    *positions: int,
    quarantined: bool = False,
    site: str = "",
    accept_failing: bool = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Work on messages once more: quarantined ones, or all of a site under a changed mapping.

    A site is replayed while its traffic goes on. Only what comes out otherwise gets a new version,
    and what is no longer produced is deleted. Interrupted or killed, it goes on when it is started
    again.

    Parameters
    ----------
    config
        The region file.
    positions
        Quarantined messages, by the number that `concord messages` prints first.
    quarantined
        All that are quarantined now.
    site
        Every message of this site, under the mapping the daemon runs with.
    accept_failing
        Quarantine messages of the site that were written and which the mapping cannot read;
        otherwise they end the replay before it changes anything.
    as_json
        Print what came of a site's replay as JSON.
    """
    region, key = begun(config)
    if site:
        if positions or quarantined:
            message = "name messages, or say --quarantined, or say --site"
            raise refuse(Category.INVALID, "replay-unclear", message)
        return _replay_site(region, key, site, accept_failing=accept_failing, as_json=as_json)
    return _replay_quarantined(region, key, list(positions), everything=quarantined)


def _replay_quarantined(
    region: Region, key: RegionKey, positions: list[int], *, everything: bool
) -> int:
    store, journal = open_store(region, key), open_journal(region, key)
    wanted = _quarantined(store) if everything else positions
    if not wanted:
        print("nothing to replay: name messages, or say --quarantined or --site")
        return 0 if everything else 2
    _require(store, wanted)
    clock, actor = SystemClock(), getpass.getuser()
    decisions = [Decision("replay", actor, "", clock.now_us(), of=at) for at in wanted]
    _wait(store, submit_all(journal, decisions, clock))
    return _report(store, wanted)


def _quarantined(store: Database) -> list[int]:
    with store.read() as tx:
        return sorted(one.position for one in find(tx, Wanted(state=QUARANTINED)))


def _require(store: Database, positions: list[int]) -> None:
    with store.read() as tx:
        for position in positions:
            account = read_account(tx, position)
            if account is None or account.state != QUARANTINED:
                message = "only a quarantined message is replayed"
                raise refuse(Category.CONFLICT, "not-quarantined", message, f"message {position}")


def _wait(store: Database, asked: list[int]) -> None:
    deadline_s = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline_s:
        if all(outcome(store, position) for position in asked):
            return
        time.sleep(0.05)


def _report(store: Database, positions: list[int]) -> int:
    left = 0
    with store.read() as tx:
        for position in positions:
            account = read_account(tx, position)
            if account is not None:
                print(in_words(account))
                left += account.state == QUARANTINED
    return 1 if left else 0


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
        course = _run(Replay(around))
    finally:
        journal.close()
        store.close()
    print(_as_json(course) if as_json else _summary(course))
    return 0


def _run(work: Replay) -> Course:
    began_s = told_s = time.monotonic()
    shown = sys.stderr.isatty()
    course = work.begin()
    for course in work.steps():
        if shown and time.monotonic() - told_s > _TELL_S:
            told_s = time.monotonic()
            print(f"\r\x1b[K{_progress(course, told_s - began_s)}", end="", file=sys.stderr)
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return course


def _progress(course: Course, seconds: float) -> str:
    text = _PHASES[course.phase]
    if course.phase == FOLD:
        return f"{text}: {course.folded} of {course.goal} journal entries, {seconds:.0f} s"
    done = f"{course.changed} changed, {course.created} new, {course.removed} removed"
    return f"{text}: {done}, {seconds:.0f} s"


def _summary(course: Course) -> str:
    return (
        f"{course.site}: {course.messages} messages mapped again; {course.changed} resources"
        f" changed, {course.created} new, {course.removed} no longer produced"
    )


def _as_json(course: Course) -> str:
    wanted = ("site", "plan", "messages", "changed", "created", "removed")
    return json.dumps({name: value for name, value in asdict(course).items() if name in wanted})
