"""What a database error means for the caller, by SQLite result code (sqlite.org/rescode.html).

`busy` may be tried again. `full` was refused cleanly: nothing was written, and the next try may
succeed. Everything else that touches storage is `broken`: after a failed fsync or a bad page nobody
knows what the disk holds, so the process stops and recovery starts from what the disk really has.
"""

import sqlcipher3.dbapi2 as driver

from engine.core.fault import Category, Fault, FaultError

BUSY = Fault(Category.BUSY, "database-busy", "the database is locked by another writer")
FULL = Fault(Category.UNAVAILABLE, "disk-full", "the disk is full")
BROKEN = Fault(Category.UNAVAILABLE, "storage-broken", "the storage failed; restart to recover")
WRONG_KEY = Fault(Category.FORBIDDEN, "wrong-key", "the key does not open this database")

CROWDED = Fault(Category.BUSY, "too-many-files", "this process may open no more files")
SHORT = Fault(Category.UNAVAILABLE, "short-of-memory", "there is not enough memory")
MISMATCH = Fault(
    Category.UNAVAILABLE, "store-mismatch", "the store's tables do not fit this program"
)

_PRIMARY = 0xFF
_FAULTS = {5: BUSY, 6: BUSY, 13: FULL, 10: BROKEN, 11: BROKEN, 26: WRONG_KEY, 8: BROKEN, 14: BROKEN}
_FAULTS |= {1: MISMATCH, 7: SHORT, 15: BUSY}


class StorageBrokenError(FaultError):
    """The disk can no longer be trusted: acknowledge nothing more and exit."""


def translate(error: driver.Error) -> FaultError | None:
    """Return what to raise instead of a driver error, or None when it is a mistake of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    fault = _FAULTS.get(code & _PRIMARY) if isinstance(code, int) else None
    if fault is None:
        return None
    return StorageBrokenError(fault) if fault is BROKEN else FaultError(fault)
