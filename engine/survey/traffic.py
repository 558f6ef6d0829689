"""The newest deliveries of a site from the journal, oldest first, beside whoever writes to it.

The ledger says which they are; what was not worked off yet is not among them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from engine.database.protocol import Database
from engine.journal.protocol import Journal
from engine.pipeline.ledger import DUPLICATE, Account
from engine.pipeline.messages import Wanted, messages
from engine.survey.given import Given, of_envelope


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest `last` deliveries of a site (0 for all) since a time, without duplicates."""

    site: str
    last: int = 0
    since_us: int = 0

    def accounts(self, store: Database) -> Iterator[Account]:
        """Yield their accounts, newest first."""
        with store.read() as tx:
            all_of_site = messages(tx, Wanted(site=self.site))
            found = (account for account in all_of_site if account.state != DUPLICATE)
            for account in islice(found, self.last or None):
                if account.received_us < self.since_us:
                    return
                yield account

    def positions(self, store: Database) -> list[int]:
        """Return their positions, oldest first."""
        return [account.position for account in self.accounts(store)][::-1]


def deliveries(journal: Journal, positions: list[int], charset: str) -> Iterator[Given]:
    """Read deliveries of the journal; those whose day was dropped are left out."""
    for position in positions:
        entry = journal.entry(position)
        if entry is not None:
            yield of_envelope(entry.envelope, f"message {position}", charset)
