"""The account of every message: what became of it, under which plan, and what it wrote."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from engine.database.metadata import STORE

LEDGER = Table(
    "ledger",
    STORE,
    Column("position", Integer, primary_key=True, comment="journal entry"),
    Column("state", String, nullable=False, comment="written, filtered, duplicate, quarantined"),
    Column("channel", String, nullable=False, comment="channel it came through"),
    Column("site", String, nullable=False, comment="site it came from"),
    Column("control_id", String, nullable=False, comment="the sender's id of it, or empty"),
    Column("kind", String, nullable=False, comment="message type, e.g. ADT^A01"),
    Column("lane", String, nullable=False, comment="patient key as sent, or empty"),
    Column("received_us", BigInteger, nullable=False, comment="when intake took it"),
    Column("processed_us", BigInteger, nullable=False, comment="when its outcome was written"),
    Column("plan", String, nullable=False, comment="content hash of the mapping that read it"),
    Column("category", String, nullable=False, comment="fault category when quarantined"),
    Column("code", String, nullable=False, comment="fault code, or the rule that filtered it"),
    Column("place", String, nullable=False, comment="where the fault lies: a path, never a value"),
    Column("of", BigInteger, nullable=False, comment="entry it repeats, 0 if none"),
    Column("changed", Integer, nullable=False, comment="resources it created or updated"),
    Column("unchanged", Integer, nullable=False, comment="resources it found as they are"),
    Column("notes", Text, nullable=False, comment="diagnostics: JSON [[code,where]]"),
)
Index("ledger_lane", LEDGER.c.site, LEDGER.c.lane, LEDGER.c.position)
Index("ledger_control", LEDGER.c.control_id, LEDGER.c.position)

DELIVERY = Table(
    "delivery",
    STORE,
    Column("digest", LargeBinary, primary_key=True, comment="of site, control id and body"),
    Column("position", BigInteger, nullable=False, comment="first entry that brought it"),
    Column("received_us", BigInteger, nullable=False, comment="when that was"),
    sqlite_with_rowid=False,
)
Index("delivery_age", DELIVERY.c.received_us)

KEY_MARK = Table(
    "key_mark",
    STORE,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("mark", String, nullable=False, comment="made with the region key"),
)

TRIAL = Table(
    "trial",
    STORE,
    Column("position", BigInteger, primary_key=True, comment="entry that is tried by itself"),
    Column("tries", Integer, nullable=False, comment="lives that began on it and did not end it"),
    sqlite_with_rowid=False,
)

PLAN = Table(
    "plan",
    STORE,
    Column("plan", String, primary_key=True, comment="content hash of the effective mapping"),
    Column("site", String, primary_key=True, comment="site it was compiled for"),
    Column("library", LargeBinary, nullable=False, comment="the mapping files, to compile again"),
    Column("chain", String, nullable=False, comment="layers of the site, comma separated"),
    Column("timezone", String, nullable=False, comment="zone of the site"),
    Column("charset", String, nullable=False, comment="character set without MSH-18"),
    Column("processing", String, nullable=False, comment="MSH-11 values taken, comma separated"),
    Column("first_us", BigInteger, nullable=False, comment="when it was first used"),
    Column("last_us", BigInteger, nullable=False, comment="when a daemon last started with it"),
)
