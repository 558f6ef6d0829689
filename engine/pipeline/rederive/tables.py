"""What a replay has worked out so far: the site's records as the new mapping makes them, aside.

It lies in the store, in the same transactions as its progress, so a replay goes on where it was
killed. When it is done the rows are gone.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    and_,
    bindparam,
)

from engine.database.metadata import STORE
from engine.pipeline.tables import LEDGER

COURSE = Table(
    "rederivation",
    STORE,
    Column("site", String, primary_key=True, comment="site whose messages are derived again"),
    Column("plan", String, nullable=False, comment="content hash of the mapping it is done under"),
    Column("phase", String, nullable=False, comment="fold, adopt, create, identity or account"),
    Column("folded", BigInteger, nullable=False, comment="last journal entry in the shadow"),
    Column("goal", BigInteger, nullable=False, comment="last entry when it began"),
    Column("cursor", String, nullable=False, comment="where the phase goes on"),
    Column("messages", BigInteger, nullable=False, comment="messages mapped"),
    Column("changed", BigInteger, nullable=False, comment="resources with a new version"),
    Column("created", BigInteger, nullable=False, comment="resources the old mapping did not make"),
    Column("removed", BigInteger, nullable=False, comment="resources no longer produced"),
    sqlite_with_rowid=False,
)

SHADOW = Table(
    "shadow",
    STORE,
    # Rows are looked up by id, whatever their type: it comes first in the key.
    Column("id", String(64), primary_key=True),
    Column("type", SmallInteger, primary_key=True, comment="resource type, engine.store.codes"),
    Column("site", String(64), primary_key=True),
    Column("record", String(64), nullable=False, comment="source Patient it is about"),
    Column("stamps", Text, nullable=False, comment="which statement set what: store.stamps"),
    Column("bytes", LargeBinary, nullable=False, comment="body as it would be stored"),
    sqlite_with_rowid=False,
)

SHADOW_NAME = Table(
    "shadow_name",
    STORE,
    Column("site", String, primary_key=True),
    Column("record", String, primary_key=True),
    Column("local_id", String, nullable=False),
    sqlite_with_rowid=False,
)

SHADOW_ALIAS = Table(
    "shadow_alias",
    STORE,
    Column("record", String, primary_key=True),
    Column("system", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("site", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("again", Integer, nullable=False),
    sqlite_with_rowid=False,
)

SHADOW_MERGE = Table(
    "shadow_merge",
    STORE,
    Column("site", String, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("a", String, nullable=False, comment="the survivor"),
    Column("b", String, nullable=False, comment="the subsumed"),
    Column("source_us", BigInteger, nullable=False),
    Column("kind", String, nullable=False, comment="merge, link or unlink"),
    sqlite_with_rowid=False,
)

FAILING = Table(
    "shadow_failing",
    STORE,
    Column("site", String, primary_key=True),
    Column("position", BigInteger, primary_key=True, comment="entry the mapping cannot read"),
    Column("category", String, nullable=False),
    Column("code", String, nullable=False),
    Column("place", String, nullable=False),
    Column("news", SmallInteger, nullable=False, comment="1: it was written until now"),
    sqlite_with_rowid=False,
)

STRETCH = and_(
    LEDGER.c.position > bindparam("after_"),
    LEDGER.c.position <= bindparam("upto_"),
    # Not the bare column: its index leads to all a site ever sent, a stretch is found by position.
    LEDGER.c.site.concat("") == bindparam("site_"),
)
"""The accounts of a site's messages in a stretch of the journal."""
