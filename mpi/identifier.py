"""Which of a site's identifiers tell that two of its records are one person.

Numbers given to the record by the site do; what people carry with them (a social security number)
is evidence for matching, with its typing errors; what was typed because a form asked is nothing.
"""

import re
from functools import lru_cache

from mpi.person import SSN_SYSTEM

_CARRIED = frozenset({SSN_SYSTEM, "urn:oid:2.16.840.1.113883.4.1"})
_WORDS = frozenset(
    {"UNKNOWN", "UNK", "NONE", "NULL", "NA", "NOTAVAILABLE", "TEST", "TBD", "XXX", "NEW", "PENDING"}
)
_COUNTED = "01234567890123456789"


@lru_cache(maxsize=4096)
def joins(system: str, value: str) -> bool:
    """Say whether records that share this identifier are one person in the eyes of their site."""
    core = re.sub(r"[^0-9A-Z]", "", value.upper())
    if system in _CARRIED or not core or core in _WORDS or not core.strip("0"):
        return False
    repeated = len(core) > 2 and len(set(core)) == 1
    counted = len(core) > 5 and core in _COUNTED
    return not (repeated or counted)
