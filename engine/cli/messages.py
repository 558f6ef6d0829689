"""`concord messages`: what became of messages."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from engine.app import BUILT_IN, open_journal, open_store
from engine.cli.begun import begun
from engine.cli.named import require_site
from engine.cli.told import told
from engine.core.clock import instant
from engine.core.values import CSV_ROW
from engine.formats.delimited.delivery import read_delivery
from engine.pipeline.ledger import Account
from engine.pipeline.messages import Wanted
from engine.pipeline.messages import messages as find
from engine.security.keys import RegionKey
from engine.settings.region import Channel, Region

State = Literal["written", "filtered", "duplicate", "quarantined"]
Json = Annotated[bool, Parameter(name="--json", negative="")]


@told
def messages(
    config: Path,
    *,
    state: State | None = None,
    site: str = "",
    control_id: str = "",
    most: int = 50,
    as_json: Json = False,
) -> int:
    """List messages by what became of them, newest first; rows with their file and line.

    Parameters
    ----------
    config
        The region file.
    state
        Only those that ended so.
    site
        Only those of this site.
    control_id
        Only those the sender numbered so (MSH-10).
    most
        How many to list.
    as_json
        Print one JSON object a line.
    """
    region, key = begun(config)
    store = open_store(region, key)
    with store.read() as tx:
        found = list(islice(find(tx, Wanted(state or "", site, control_id)), most))
    if site and not found:  # messages of a site that was removed are still there
        require_site(site, region.sites)
    origins = _origins(region, key, found)
    for account in found:
        origin = origins.get(account.position)
        if as_json:
            print(json.dumps({**asdict(account), **(asdict(origin) if origin else {})}))
        else:
            print(in_words(account), *([f"line {origin.line} of {origin.file}"] if origin else []))
    if not found and not as_json:
        print("no such messages")
    return 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row stood."""

    file: str
    line: int


def _origins(region: Region, key: RegionKey, accounts: Sequence[Account]) -> dict[int, Origin]:
    """Return the origins of those that are rows of files, by position, as the journal has them."""
    of_files = {one.name for one in region.channels if _reads_files(one)}
    rows = [one.position for one in accounts if one.channel in of_files]
    if not rows:
        return {}
    journal = open_journal(region, key)
    try:
        entries = [entry for at in rows if (entry := journal.entry(at)) is not None]
    finally:
        journal.close()
    read = {entry.position: read_delivery(entry.envelope.body) for entry in entries}
    return {at: Origin(row.file, row.line) for at, row in read.items()}


def _reads_files(channel: Channel) -> bool:
    spec = BUILT_IN.get(channel.type, channel.direction)
    return spec is not None and spec.media_type == CSV_ROW


def in_words(account: Account) -> str:
    """Say one line; nothing in it was in the message but its type and number."""
    what = f"{account.kind or '-'} {account.control_id or '-'}"
    why = " ".join(filter(None, (account.code, account.place)))
    again = f"repeats {account.of}" if account.of else ""
    when = instant(account.received_us)
    parts = (str(account.position), when, account.site, what, account.state, why, again)
    return "  ".join(filter(None, parts))
