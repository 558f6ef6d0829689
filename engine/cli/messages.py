"""`concord messages`: what became of messages."""

import json
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from engine.app import open_store, region_key, region_of
from engine.cli.named import require_site
from engine.cli.told import told
from engine.core.clock import instant
from engine.pipeline.ledger import Account
from engine.pipeline.messages import Wanted
from engine.pipeline.messages import messages as find

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
    """List messages by what became of them, newest first.

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
    region = region_of(config)
    store = open_store(region, region_key(region))
    with store.read() as tx:
        found = list(islice(find(tx, Wanted(state or "", site, control_id)), most))
    if site and not found:  # messages of a site that was removed are still there
        require_site(site, region.sites)
    for account in found:
        print(json.dumps(asdict(account)) if as_json else in_words(account))
    if not found and not as_json:
        print("no such messages")
    return 0


def in_words(account: Account) -> str:
    """Say one line; nothing in it was in the message but its type and number."""
    what = f"{account.kind or '-'} {account.control_id or '-'}"
    why = " ".join(filter(None, (account.code, account.place)))
    again = f"repeats {account.of}" if account.of else ""
    when = instant(account.received_us)
    parts = (str(account.position), when, account.site, what, account.state, why, again)
    return "  ".join(filter(None, parts))
