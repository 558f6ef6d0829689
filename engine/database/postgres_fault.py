"""What a PostgreSQL error means for the caller, by SQLSTATE (PostgreSQL 18, appendix A).

The messages of the server quote data, so none of them is passed on. A transaction whose connection
was lost while it committed may be there or not: whoever tries again finds out by its offset, and
a sender's message that comes twice is one.
"""

import psycopg

from engine.core.fault import Category, Fault, FaultError
from engine.database.fault import BROKEN, BUSY, FULL, MISMATCH, StorageBrokenError

LOST = Fault(
    Category.UNAVAILABLE, "database-unreachable", "the database cannot be reached or opened"
)
REFUSED = Fault(Category.FORBIDDEN, "database-refused", "the database refuses this user")

_CLASSES = {
    "08": LOST,  # connection exception
    "28": REFUSED,  # invalid authorization
    "53": LOST,  # insufficient resources: memory, connections
    "57": LOST,  # shut down, or ended by an administrator
    "58": BROKEN,  # system error outside of PostgreSQL: reading or writing failed
    "XX": BROKEN,  # internal error: corrupted data or index
}
_STATES = {
    "25006": LOST,  # read-only: this server is a standby, the primary is elsewhere
    "25P03": LOST,  # was idle in a transaction for too long
    "40001": BUSY,  # serialization failure
    "40P01": BUSY,  # deadlock
    "42501": REFUSED,  # insufficient privilege
    "42703": MISMATCH,  # no such column
    "42P01": MISMATCH,  # no such table
    "53100": FULL,
    "55P03": BUSY,  # lock timeout
    "57014": BUSY,  # statement timeout
}


def translate(error: psycopg.Error) -> FaultError | None:
    """Return what to raise instead of a driver error, or None when it is a mistake of ours."""
    state = error.sqlstate or ""
    fault = _STATES.get(state) or _CLASSES.get(state[:2])
    if fault is None and not state and isinstance(error, psycopg.OperationalError):
        fault = LOST
    if fault is None:
        return None
    return StorageBrokenError(fault) if fault is BROKEN else FaultError(fault)
