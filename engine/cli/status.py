"""`concord status`: what runs, how many messages ended how, what still waits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.app import BUILT_IN, open_journal, open_store, places
from engine.cli.begun import begun
from engine.cli.told import told
from engine.core.clock import SystemClock
from engine.database.protocol import Database
from engine.pipeline.asks import waiting
from engine.pipeline.ledger import QUARANTINED
from engine.pipeline.recollection import notes_of
from engine.pipeline.status import status as count
from engine.roles.notice import notices
from engine.settings.region import Region


@told
def status(config: Path, *, as_json: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """Say what runs, how many messages ended how, and how many have not ended yet.

    Of quarantined messages it says how many wait for which reason, such as `content-not-sent`:
    events that only named a resource. Of channels it names those that can take nothing now.

    Parameters
    ----------
    config
        The region file.
    as_json
        Print JSON.
    """
    region, key = begun(config)
    store = open_store(region, key)
    found = count(store, open_journal(region, key))
    standing = list(channels_told(region, store))
    running = notices(places(region).run)
    troubles = {name: code for one in running.values() for name, code in one.troubles.items()}
    if as_json:
        roles = {name: notice.addresses for name, notice in running.items()}
        counts = {"messages": found.states, "pending": found.pending}
        reasons = {"quarantined": found.quarantined, "troubles": troubles}
        print(json.dumps({**counts, **reasons, "roles": roles, "channels": dict(standing)}))
        return 0
    for name, notice in running.items():
        open_ones = [pair for pair in notice.addresses.items() if pair[0] not in notice.troubles]
        listening = ", ".join(f"{what} on {where}" for what, where in open_ones)
        print(f"{name:10} runs, pid {notice.pid}{', ' if listening else ''}{listening}")
    for channel, code in troubles.items():
        print(f"{channel} can take nothing now: {code}")
    if not running:
        print("nothing runs")
    for state, number in sorted(found.states.items()):
        print(f"{state:12} {number}{_reasons(found.quarantined) if state == QUARANTINED else ''}")
    print(f"{'pending':12} {found.pending}")
    for name, lines in standing:
        print(name, *lines, sep="\n  ")
    return 0


def channels_told(region: Region, store: Database) -> Iterator[tuple[str, list[str]]]:
    """Yield the channels that remember something, with what they say of it."""
    for channel in region.channels:
        spec = BUILT_IN.get(channel.type, channel.direction)
        if spec is None or spec.told is None:
            continue
        with store.read() as tx:
            notes, asked = notes_of(tx, channel.name), waiting(tx, channel.site)
        lines = spec.told(channel.config, notes, SystemClock().now_us())
        if spec.fetches(channel.config):
            lines.append(f"named by events and not fetched yet: {asked}")
        yield channel.name, lines


def _reasons(codes: dict[str, int]) -> str:
    most_first = sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))
    return ": " + ", ".join(f"{code} {number}" for code, number in most_first)
