"""The index's tables in the store file.

`identity`, `alias`, `statement` and `edge` are evidence; `person`, `task` and the store's
membership are projections of it and can be computed again at any time.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from engine.database.metadata import STORE

IDENTITY = Table(
    "identity",
    STORE,
    Column("record", String, primary_key=True, comment="source record: id of its source Patient"),
    Column("site", String, nullable=False, comment="site that keeps the record"),
    Column("local_id", String, nullable=False, comment="identifier as the site writes it"),
    Column("seen", Text, nullable=False, comment="what matching sees; empty for a stub"),
    Column("person", String, nullable=False, comment="enterprise id the record belongs to"),
    Column("survivor", String, nullable=False, comment="record it was merged into, or empty"),
    sqlite_with_rowid=False,
)
Index("identity_person", IDENTITY.c.person)
Index("identity_local", IDENTITY.c.site, IDENTITY.c.local_id)

BLOCK_KEY = Table(
    "block_key",
    STORE,
    Column("k", BigInteger, primary_key=True, comment="blocking key, see mpi.blocking"),
    Column("record", String, primary_key=True),
    sqlite_with_rowid=False,
)

ALIAS = Table(
    "alias",
    STORE,
    Column("site", String, primary_key=True),
    Column("system", String, primary_key=True, comment="namespace of the identifier"),
    Column("value", String, primary_key=True),
    Column("record", String, primary_key=True, comment="record that was seen with it"),
    Column("position", BigInteger, nullable=False, comment="first journal entry that says so"),
    Column("again", Integer, nullable=False, comment="1: another entry says so, too"),
    sqlite_with_rowid=False,
)
Index("alias_record", ALIAS.c.record)

EDGE = Table(
    "edge",
    STORE,
    Column("a", String, primary_key=True, comment="the smaller record id of the pair"),
    Column("b", String, primary_key=True, comment="the larger record id"),
    Column("bits", Integer, nullable=False, comment="evidence for one person, in 1/1000 bit"),
    Column("outcome", String, nullable=False, comment="link or review"),
    sqlite_with_rowid=False,
)
Index("edge_b", EDGE.c.b)

STATEMENT = Table(
    "statement",
    STORE,
    Column("position", BigInteger, primary_key=True, comment="journal entry that says it"),
    Column("ordinal", Integer, primary_key=True, comment="place within that entry"),
    Column("a", String, nullable=False, comment="a record; for merge the survivor"),
    Column("b", String, nullable=False, comment="a record; for merge the subsumed"),
    Column("kind", String, nullable=False, comment="link, unlink, never or merge"),
    Column("origin", String, nullable=False, comment="source or steward"),
    Column("source_us", BigInteger, nullable=False, comment="when it was said, by its author"),
    Column("actor", String, nullable=False, comment="who said it: a site or a steward"),
    Column("reason", Text, nullable=False, comment="why, in the author's words"),
    sqlite_with_rowid=False,
)
Index("statement_a", STATEMENT.c.a)
Index("statement_b", STATEMENT.c.b)

WITHDRAWAL = Table(
    "withdrawal",
    STORE,
    Column("position", BigInteger, primary_key=True, comment="journal entry that undoes"),
    Column("of", BigInteger, nullable=False, comment="entry whose statements it withdraws"),
    Column("actor", String, nullable=False, comment="who undid it"),
    Column("reason", Text, nullable=False, comment="why, in the author's words"),
    sqlite_with_rowid=False,
)
Index("withdrawal_of", WITHDRAWAL.c.of)

PERSON = Table(
    "person",
    STORE,
    Column("person", String, primary_key=True, comment="enterprise id: the golden Patient's id"),
    Column("founder", String, nullable=False, unique=True, comment="record it was minted for"),
    Column("minted", BigInteger, nullable=False, comment="journal position of the minting"),
    Column("survivor", String, nullable=False, comment="enterprise id that took over, or empty"),
    sqlite_with_rowid=False,
)

LINK_LOG = Table(
    "link_log",
    STORE,
    Column("seq", Integer, primary_key=True, comment="order of the changes"),
    Column("position", BigInteger, nullable=False, comment="journal entry that caused the change"),
    Column("record", String, nullable=False, comment="record that moved"),
    Column("before", String, nullable=False, comment="enterprise id before, empty at first"),
    Column("after", String, nullable=False, comment="enterprise id after"),
    Column("at_us", BigInteger, nullable=False, comment="when it was written"),
)
Index("link_log_record", LINK_LOG.c.record)
Index("link_log_before", LINK_LOG.c.before)

TASK = Table(
    "task",
    STORE,
    Column("kind", String, primary_key=True, comment="possible-match, possible-duplicate, ..."),
    Column("a", String, primary_key=True, comment="the smaller record id of the pair"),
    Column("b", String, primary_key=True, comment="the larger record id"),
    Column("bits", Integer, nullable=False, comment="evidence, in 1/1000 bit"),
    Column("position", BigInteger, nullable=False, comment="journal entry that raised it"),
    Column("opened_us", BigInteger, nullable=False, comment="when it was raised"),
    sqlite_with_rowid=False,
)
Index("task_a", TASK.c.a)
Index("task_b", TASK.c.b)
