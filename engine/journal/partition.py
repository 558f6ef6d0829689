"""Which partition a delivery belongs to: the same lane always goes to the same one.

Partitions only spread the work and keep the usual order of one patient's messages; what is correct
does not depend on them (the guards at commit time see to that).
"""

from zlib import crc32

# One offset row is fenced and moved for each partition a batch touches. With 32 every worker of a
# large host still has several to give away, and a batch of 200 messages moves at most 32 rows;
# with 256 it would move nearly one row a message.
DEFAULT_PARTITIONS = 32

EVERYONES = -1
"""Where lies what every reader has to know before it goes on; nobody leases it."""

_SEPARATOR = "\x1f"


def partition_of(site: str, lane: str, partitions: int) -> int:
    """Return the partition, 0 to `partitions` - 1, of a lane of a site.

    An empty lane is the site's own. The hash is CRC-32 (ISO 3309), so it is the same on every host
    and in every release: a change would reorder the messages of a patient across a restart.
    """
    return crc32(f"{site}{_SEPARATOR}{lane}".encode()) % partitions
