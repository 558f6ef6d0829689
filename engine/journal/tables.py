"""The tables of the journal: the entries, by day, and a small index of days.

On SQLite each day is a file with the tables of `DAY`, and the index is one more. On PostgreSQL all
lie in one schema, and each day is a partition of `ENTRIES`.
"""

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table

INDEX = MetaData()
DAY = MetaData()
PARTITIONED = MetaData()

JOURNAL = Table(
    "journal",
    INDEX,
    Column("id", Integer, primary_key=True, comment="always 1"),
    Column("instance", String, nullable=False, comment="minted when the journal was founded"),
    Column("epoch", Integer, nullable=False, comment="raised by each recovery"),
    Column("partitions", Integer, nullable=False, comment="fixed for an epoch"),
    Column("floor", Integer, nullable=False, comment="no position beyond it was ever handed out"),
    Column("dropped", Integer, nullable=False, comment="last position of the days dropped"),
)

DAY_FILE = Table(
    "day_file",
    INDEX,
    Column("day", String, primary_key=True, comment="UTC day as 2026-11-20"),
    Column("first", Integer, nullable=False, comment="no entry of the file lies before it"),
)

ORIGIN = Table(
    "origin",
    DAY,
    Column("day", String, primary_key=True, comment="the day this file is for"),
    Column("instance", String, nullable=False, comment="the journal this file belongs to"),
)

# The body comes last: what stands before it is read without touching the pages of a large body.
ENTRY = Table(
    "entry",
    DAY,
    Column("position", Integer, primary_key=True, comment="the row id: order of commits"),
    Column("partition", Integer, nullable=False, comment="hash of site and lane"),
    Column("channel", String, nullable=False, comment="the channel it came through"),
    Column("site", String, nullable=False, comment="the site that sent it"),
    Column("media_type", String, nullable=False, comment="what the body is"),
    Column("received_us", Integer, nullable=False, comment="when it came, microseconds UTC"),
    Column("control_id", String, nullable=False, comment="MSH-10, empty if none"),
    Column("lane", String, nullable=False, comment="what keeps order, empty for the site's own"),
    Column("digest", LargeBinary, nullable=False, comment="BLAKE2b-128 of the body"),
    Column("body", LargeBinary, nullable=False, comment="the bytes as received"),
)

ENTRIES = Table(
    "entry",
    PARTITIONED,
    Column("day", String, primary_key=True, comment="UTC day as 2026-11-20: the partition"),
    Column("position", Integer, primary_key=True, comment="order of commits"),
    Column("partition", Integer, nullable=False, comment="hash of site and lane"),
    Column("channel", String, nullable=False, comment="the channel it came through"),
    Column("site", String, nullable=False, comment="the site that sent it"),
    Column("media_type", String, nullable=False, comment="what the body is"),
    Column("received_us", Integer, nullable=False, comment="when it came, microseconds UTC"),
    Column("control_id", LargeBinary, nullable=False, comment="MSH-10 in UTF-8, empty if none"),
    Column("lane", LargeBinary, nullable=False, comment="what keeps order, in UTF-8; may be empty"),
    Column("digest", LargeBinary, nullable=False, comment="BLAKE2b-128 of the body"),
    Column("body", LargeBinary, nullable=False, comment="the bytes as received"),
    postgresql_partition_by="LIST (day)",
)
