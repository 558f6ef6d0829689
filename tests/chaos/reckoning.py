"""Compares a sender's journal with what an independent reader finds in journal and store.

lost      accepted by an AA, and without an entry or an account
doubled   the same delivery applied twice, or a resource more than the traffic speaks of
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from engine.app import open_journal, open_store, region_of
from engine.core.values import ACTIVATION, Entry
from engine.database.protocol import Database
from engine.database.statement import Statement
from engine.journal.offsets import lag
from engine.journal.protocol import Journal
from engine.pipeline.ledger import Account, account_of
from engine.pipeline.tables import LEDGER
from engine.security.keys import RegionKey
from engine.store.tables import BODY, MEMBER, RESOURCE
from mpi.tables import IDENTITY, TASK
from tests.chaos.place import KEY, wait_until
from tests.chaos.wire import Sent

_LEDGER = Statement(select(LEDGER).order_by(LEDGER.c.position))
_RESOURCES = Statement(
    select(RESOURCE.c.id, RESOURCE.c.site, RESOURCE.c.state, BODY.c.bytes).join(
        BODY, BODY.c.bid == RESOURCE.c.bid
    )
)
_MEMBERS = Statement(select(MEMBER.c.record, MEMBER.c.person, MEMBER.c.site, MEMBER.c.local_id))
_IDENTITY = Statement(select(IDENTITY.c.record, IDENTITY.c.survivor))
_TASKS = Statement(select(TASK.c.kind, TASK.c.a, TASK.c.b))


@dataclass(frozen=True)
class Found:
    """What the files hold."""

    entries: tuple[Entry, ...]
    accounts: dict[int, Account]
    resources: dict[str, tuple[str, dict[str, Any]]]  # live ones: id -> (site or empty, body)
    people: dict[tuple[str, str], str]  # (site, local id) -> enterprise id
    records: dict[tuple[str, str], str]  # (site, local id) -> source Patient id
    survivors: dict[str, str]  # source Patient id -> the one it was merged into
    tasks: frozenset[frozenset[str]]  # pairs of source Patient ids somebody has to look at

    def states(self) -> Counter[str]:
        return Counter(account.state for account in self.accounts.values())

    def of(self, body: bytes) -> list[Account]:
        """Return the accounts of a message, in the order of its deliveries."""
        return [self.accounts[e.position] for e in self.entries if e.envelope.body == body]

    def counted(self) -> Counter[tuple[str, str]]:
        """Return how many live source resources there are, by site and type."""
        every = self.resources.values()
        return Counter((site, body["resourceType"]) for site, body in every if site)

    def content(self) -> dict[str, dict[str, Any]]:
        """Return the source resources without versions and times, to compare two stores."""
        return {
            key: {name: value for name, value in body.items() if name != "meta"}
            for key, (site, body) in self.resources.items()
            if site
        }

    def groups(self) -> frozenset[frozenset[tuple[str, str]]]:
        """Return the records by person."""
        groups: dict[str, set[tuple[str, str]]] = {}
        for record, person in self.people.items():
            groups.setdefault(person, set()).add(record)
        return frozenset(frozenset(group) for group in groups.values())


@contextmanager
def opened(region: Path) -> Iterator[tuple[Journal, Database]]:
    """Open both files of a region beside the processes that work on them."""
    checked, key = region_of(region), RegionKey(KEY)
    journal, store = open_journal(checked, key), open_store(checked, key)
    try:
        yield journal, store
    finally:
        journal.close()
        store.close()


def holders(region: Path) -> set[str]:
    """Return who holds a partition now."""
    with opened(region) as (_, store), store.read() as tx:
        return {one.owner for one in lag(tx, 0)}


def read(region: Path) -> Found:
    with opened(region) as (journal, store):
        entries = tuple(_entries(journal))
        with store.read() as tx:
            accounts = [account_of(row) for row in tx.all(_LEDGER)]
            resources = tx.all(_RESOURCES)
            members = tx.all(_MEMBERS)
            survivors = {record: kept for record, kept in tx.all(_IDENTITY) if kept}
            tasks = frozenset(frozenset((a, b)) for _, a, b in tx.all(_TASKS))
    return Found(
        entries,
        {account.position: account for account in accounts},
        {key: (site, orjson.loads(body)) for key, site, state, body in resources if state == 0},
        {(site, local): person for _, person, site, local in members},
        {(site, local): record for record, _, site, local in members},
        survivors,
        tasks,
    )


def _entries(journal: Journal) -> Iterator[Entry]:
    upto, head = 0, journal.head()
    while upto < head:
        batch = journal.read_on(upto, 500, 50_000_000, None)
        yield from (one for one in batch.entries if one.envelope.media_type != ACTIVATION)
        upto = batch.upto


def settled(region: Path, patience_s: float = 60.0) -> Found:
    """Wait until every entry of the journal has its account; return what is there."""

    def done() -> bool:
        found = read(region)
        return {entry.position for entry in found.entries} <= found.accounts.keys()

    wait_until(done, "an account of every entry", patience_s)
    return read(region)


@dataclass(frozen=True)
class Reckoning:
    lost: tuple[bytes, ...]
    doubled: tuple[bytes, ...]
    strangers: int  # entries nobody sent


def unlike(found: Found, calm: Found) -> list[str]:
    """Name what differs between two stores that were made of the same journal."""
    same = {
        "plans": _plans(found) == _plans(calm),
        "people": found.groups() == calm.groups(),
        "merges": found.survivors == calm.survivors,
    }
    return [name for name, equal in same.items() if not equal] + _unlike_bodies(found, calm)


def _plans(found: Found) -> set[str]:
    return {account.plan for account in found.accounts.values()}


def _unlike_bodies(found: Found, calm: Found) -> list[str]:
    here, there = found.content(), calm.content()
    names = set()
    for key in here.keys() | there.keys():
        a, b = here.get(key, {}), there.get(key, {})
        kind = (a or b)["resourceType"]
        names |= {f"{kind}.{name}" for name in a.keys() | b.keys() if a.get(name) != b.get(name)}
    return sorted(names)


def reckon(sent: list[Sent], found: Found) -> Reckoning:
    """Hold the sender's journal against the files, delivery by delivery.

    A delivery is a line of the sender's journal; a line sent several times over may be there
    several times, but only one of them may count.
    """
    accepted = Counter(one.body for one in sent if one.answer.accepted)
    offered = {one.body for one in sent}
    arrived: dict[bytes, list[Account]] = {}
    for entry in found.entries:
        account = found.accounts.get(entry.position)
        if account is not None:
            arrived.setdefault(entry.envelope.body, []).append(account)
    lost = [body for body, times in accepted.items() if len(arrived.get(body, ())) < times]
    doubled = [
        body
        for body, accounts in arrived.items()
        if sum(account.state != "duplicate" for account in accounts) > 1
        and all(account.control_id for account in accounts)
    ]
    return Reckoning(tuple(lost), tuple(doubled), len(arrived.keys() - offered))


def assert_all_there(sent: Sequence[Sent], region: Path, fewest: int = 50) -> None:
    """Wait until all is worked off, and hold the sender's journal against it."""
    found = settled(region)
    reckoning = reckon(list(sent), found)
    assert (reckoning.lost, reckoning.doubled, reckoning.strangers) == ((), (), 0)
    assert sum(one.answer.accepted for one in sent) > fewest
    assert {one.state for one in found.accounts.values()} <= {"written", "filtered", "duplicate"}
