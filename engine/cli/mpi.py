"""`concord mpi`: explain a pair of records, link or unlink them, take any such act back."""

import getpass
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import open_journal, open_store, reconciling
from engine.cli.begun import begun
from engine.cli.pair import in_words
from engine.cli.told import told
from engine.core.clock import SystemClock
from engine.core.fault import Category, refuse
from engine.pipeline.decide import outcome, submit
from engine.pipeline.decision import Decision, Party
from mpi.explain import Explanation, Known, find, require_act
from mpi.explain import explain as gather

_WAIT_S = 10.0

Config = Annotated[Path, Parameter(name=["--config", "-c"])]
Json = Annotated[bool, Parameter(name="--json")]


@told
def explain(a: str, b: str, *, config: Config = Path("region.yaml"), as_json: Json = False) -> int:
    """Say why two records are one person or two.

    Parameters
    ----------
    a
        A record as `site|local id`, e.g. `mercy|900412377`, or by its id.
    b
        The other record.
    config
        The region file.
    as_json
        Print JSON.
    """
    region, key = begun(config)
    store = open_store(region, key)
    with store.read() as tx:
        found = gather(tx, a, b, reconciling(region, key).policy.model)
    print(json.dumps(_as_dict(found), indent=2) if as_json else in_words(found))
    return 0


def _as_dict(found: Explanation) -> dict[str, object]:
    return {
        "a": {"record": found.a.record, "person": found.a.person},
        "b": {"record": found.b.record, "person": found.b.person},
        "one_person": found.one_person,
        "verdict": asdict(found.verdict) if found.verdict else None,
        "said": [asdict(said) for said in found.said],
    }


@told
def link(
    a: str, b: str, *, reason: str = "", config: Config = Path("region.yaml"), as_json: Json = False
) -> int:
    """State that two records are one person. `concord mpi undo` takes it back.

    Parameters
    ----------
    a
        A record as `site|local id`.
    b
        The other record.
    reason
        Why, for those who look at it later. Asked for when it is missing.
    config
        The region file.
    as_json
        Print JSON.
    """
    return _say("link", (a, b), _given(reason), config, as_json)


@told
def unlink(
    a: str, b: str, *, reason: str = "", config: Config = Path("region.yaml"), as_json: Json = False
) -> int:
    """State that two records are two people. `concord mpi undo` takes it back.

    Parameters
    ----------
    a
        A record as `site|local id`.
    b
        The other record.
    reason
        Why, for those who look at it later. Asked for when it is missing.
    config
        The region file.
    as_json
        Print JSON.
    """
    return _say("unlink", (a, b), _given(reason), config, as_json)


@told
def undo(
    act: int, *, reason: str = "", config: Config = Path("region.yaml"), as_json: Json = False
) -> int:
    """Take an act back: a link, an unlink, a merge a site sent, or an undo.

    Parameters
    ----------
    act
        The number of the act, as `link`, `unlink` and `explain` print it.
    reason
        Why, for those who look at it later.
    config
        The region file.
    as_json
        Print JSON.
    """
    return _say("undo", (), reason, config, as_json, of=act)


def _given(reason: str) -> str:
    """Return the reason, asked for at a terminal. FaultError `reason-missing`."""
    if not reason.strip() and sys.stdin.isatty():
        reason = input("why? ")
    if not reason.strip():
        message = "say why, for those who look at it later: --reason TEXT"
        raise refuse(Category.INVALID, "reason-missing", message)
    return reason.strip()


def _say(
    act: str, names: tuple[str, ...], reason: str, config: Path, as_json: bool, *, of: int = 0
) -> int:
    region, key = begun(config)
    clock = SystemClock()
    store, journal = open_store(region, key), open_journal(region, key)
    with store.read() as tx:
        parties = [_party(find(tx, name)) for name in names]
        if of:
            require_act(tx, of)
    decision = Decision(
        act=act,
        actor=getpass.getuser(),
        reason=reason,
        said_us=clock.now_us(),
        a=parties[0] if parties else None,
        b=parties[1] if parties else None,
        of=of,
    )
    position = submit(journal, decision, clock)
    deadline_s = time.monotonic() + _WAIT_S
    while (account := outcome(store, position)) is None and time.monotonic() < deadline_s:
        time.sleep(0.02)
    state = account.state if account else "pending"
    if as_json:
        print(json.dumps({"act": position, "state": state}))
    elif account:
        back = f"concord mpi undo {position} --config {config}"
        print(f"act {position}: {act} {state}; take it back with: {back}")
    else:
        print(f"act {position}: {act} is kept and will be done as soon as a worker runs")
    return 0


def _party(known: Known) -> Party:
    return Party(known.site, known.record, known.local_id)
