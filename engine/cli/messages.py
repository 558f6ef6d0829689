"""`concord messages`: what became of messages. `concord replay`: work on them once more."""

import getpass
import json
import time
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import open_journal, open_store, region_key, region_of
from engine.cli.told import told
from engine.core.clock import SystemClock, instant
from engine.core.fault import Category, refuse
from engine.database.protocol import Database
from engine.pipeline.decide import outcome, submit_all
from engine.pipeline.decision import Decision
from engine.pipeline.ledger import QUARANTINED, Account, read_account
from engine.pipeline.messages import Wanted
from engine.pipeline.messages import messages as find

_WAIT_S = 30.0
Json = Annotated[bool, Parameter(name="--json", negative="")]


@told
def messages(
    config: Path,
    *,
    state: str = "",
    site: str = "",
    control_id: str = "",
    most: int = 50,
    as_json: Json = False,
) -> int:
    """List messages by what became of them, newest first.

    Parameters
    ----------
    config
        The region file.
    state
        Only those written, filtered, duplicate or quarantined.
    site
        Only those of this site.
    control_id
        Only those the sender numbered so (MSH-10).
    most
        How many to list.
    as_json
        Print one JSON object a line.
    """
    region = region_of(config)
    store = open_store(region, region_key(region))
    with store.read() as tx:
        found = list(islice(find(tx, Wanted(state, site, control_id)), most))
    for account in found:
        print(json.dumps(asdict(account)) if as_json else _in_words(account))
    if not found and not as_json:
        print("no such messages")
    return 0


def _in_words(account: Account) -> str:
    """One line; nothing in it was in the message but its type and number."""
    what = f"{account.kind or '-'} {account.control_id or '-'}"
    why = " ".join(filter(None, (account.code, account.place)))
    again = f"repeats {account.of}" if account.of else ""
    when = instant(account.received_us)
    parts = (str(account.position), when, account.site, what, account.state, why, again)
    return "  ".join(filter(None, parts))


@told
def replay(config: Path, *positions: int, quarantined: bool = False) -> int:
    """Work on quarantined messages once more, after their cause was mended.

    Parameters
    ----------
    config
        The region file.
    positions
        The messages, by the number that `concord messages` prints first.
    quarantined
        All that are quarantined now.
    """
    region = region_of(config)
    key = region_key(region)
    store, journal = open_store(region, key), open_journal(region, key)
    wanted = _quarantined(store) if quarantined else list(positions)
    if not wanted:
        print("nothing to replay: name messages, or say --quarantined")
        return 0 if quarantined else 2
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
                print(_in_words(account))
                left += account.state == QUARANTINED
    return 1 if left else 0
