"""What the rest of the engine needs of a database, whichever engine runs behind it."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import MetaData

from engine.database.transaction import Transaction


class Database(Protocol):
    """A store of tables with serialised writers and consistent readers."""

    def write(self) -> AbstractContextManager[Transaction]:
        """Open a writing transaction (see `engine.database.sqlite`)."""
        ...

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a reading transaction."""
        ...

    def create(self, metadata: MetaData) -> None:
        """Create missing tables."""
        ...

    def checkpoint(self) -> None: ...

    def close(self) -> None: ...
