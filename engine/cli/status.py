"""`concord status`: what runs, how many messages ended how, what still waits."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import open_journal, open_store, places
from engine.cli.begun import begun
from engine.cli.told import told
from engine.pipeline.status import status as count
from engine.roles.notice import notices


@told
def status(config: Path, *, as_json: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """Say what runs, how many messages ended how, and how many have not ended yet.

    Parameters
    ----------
    config
        The region file.
    as_json
        Print JSON.
    """
    region, key = begun(config)
    found = count(open_store(region, key), open_journal(region, key))
    running = notices(places(region).run)
    if as_json:
        roles = {name: notice.addresses for name, notice in running.items()}
        print(json.dumps({"messages": found.states, "pending": found.pending, "roles": roles}))
        return 0
    for name, notice in running.items():
        listening = ", ".join(f"{what} on {where}" for what, where in notice.addresses.items())
        print(f"{name:10} runs, pid {notice.pid}{', ' if listening else ''}{listening}")
    if not running:
        print("nothing runs")
    for state, number in sorted(found.states.items()):
        print(f"{state:12} {number}")
    print(f"{'pending':12} {found.pending}")
    return 0
