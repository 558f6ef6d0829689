"""Moves the write-ahead log of a file into the file, while others go on writing.

SQLite does it within the commit that makes the log too long, where all writers wait for it. Here
the writer does it behind its commit, when it has given up its turn (sqlite.org/wal.html, 3.1).
"""

import sqlcipher3.dbapi2 as driver

from engine.core.fault import FaultError
from engine.database.fault import BUSY, StorageBrokenError, translate
from engine.database.turn import Turn


def tidy(connection: driver.Connection, turn: Turn, most: int) -> None:
    """Move the log if more than `most` pages wait in it. Takes a turn for its last pages only.

    Never says that a disk is full or others are busy: what was committed is safe, and the next
    writer will be told.
    """
    try:
        if _waiting(connection, "NOOP") < most or _waiting(connection, "PASSIVE") >= most:
            return  # a short log, or a reader that still needs all of it
        _waiting(connection, "PASSIVE")  # what came meanwhile, so that the turn is short
        turn.take()
        try:
            # Nobody appends now, so the next writer finds everything moved and begins anew.
            _waiting(connection, "PASSIVE")
        finally:
            turn.give()
    except FaultError as error:
        if error.fault is not BUSY:
            raise
    except driver.Error as error:
        fault = translate(error)
        if fault is None or isinstance(fault, StorageBrokenError):
            raise fault or error from error


def _waiting(connection: driver.Connection, mode: str) -> int:
    """Return how many pages of the log are not in the file (sqlite.org/pragma.html)."""
    _, written, moved = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    return int(written - moved)
