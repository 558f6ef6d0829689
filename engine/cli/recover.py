"""`concord recover`: goes on after a restore that left journal and store out of step."""

from pathlib import Path
from typing import Protocol

from engine.app import open_journal, open_store, places, region_key, region_of, require_founded
from engine.cli.told import told
from engine.database.metadata import STORE
from engine.database.protocol import Database
from engine.journal.binding import recover as bind_again
from engine.journal.offsets import lag
from engine.journal.protocol import JournalIdentity
from engine.pipeline.recollection import forget_all
from engine.roles.supervisor import only_one


class _Recoverable(Protocol):
    """A journal that may have been restored without the store that was fed from it."""

    def head(self) -> int: ...

    def open_epoch(self, beyond: int = 0) -> JournalIdentity: ...


@told
def recover(config: Path) -> int:
    """Bind the store to its journal again, after one of them was restored without the other.

    Opens a new epoch of the journal: leases are void, and no position is given out twice. Offsets
    beyond the head of the journal are pulled back to it; what had been worked off beyond it stays
    in the store. Channels that fetch ask for everything again, since the journal may have lost what
    they had handed on; what events only named is asked for again by a replay of the site. Asks
    nothing. The daemon has to be stopped.

    Parameters
    ----------
    config
        The region file.
    """
    region = region_of(config)
    require_founded(region)
    key = region_key(region)
    places(region).make()
    with only_one(region):
        journal, store = open_journal(region, key), open_store(region, key)
        try:
            _recover(journal, store)
        finally:
            journal.close()
            store.close()
    return 0


def _recover(journal: _Recoverable, store: Database) -> None:
    """Open the epoch first: killed in between, the next start is refused and this is run again."""
    store.create(STORE)
    before = _reached(store)
    head = journal.head()
    identity = journal.open_epoch(beyond=before)
    with store.write() as tx:
        bind_again(tx, identity, head)
        forget_all(tx)
    print(f"epoch {identity.epoch} of journal {identity.instance}")
    print(f"the journal ends at position {head}, the store was fed up to position {before}")
    print(f"work goes on after position {_reached(store)}")
    if before > head:
        print("what lies between is in the store alone: it cannot be shown or replayed")


def _reached(store: Database) -> int:
    with store.read() as tx:
        return max((one.position for one in lag(tx, 0)), default=0)
