"""The tables of resources: what holds now, the bodies, the versions, and whose record is whose.

Times are microseconds since 1970 in UTC. Resource types are the integers of `engine.store.codes`.
Nothing here knows how records are matched.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
)

from engine.database.metadata import STORE

LIVE, DELETED, RETIRED = 0, 1, 2

RESOURCE = Table(
    "resource",
    STORE,
    Column("rid", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, comment="row id"),
    Column("type", SmallInteger, nullable=False, comment="resource type, engine.store.codes"),
    Column("id", String(64), nullable=False, comment="FHIR logical id"),
    Column("site", String(64), nullable=False, comment="site it came from; empty: golden record"),
    Column("record", String(64), nullable=False, comment="source Patient it is about; survivor"),
    Column("version", Integer, nullable=False, comment="current version number, from 1"),
    Column("updated_us", BigInteger, nullable=False, comment="time of the current version"),
    Column("state", SmallInteger, nullable=False, comment="0 live, 1 deleted, 2 retired golden"),
    Column("bid", BigInteger, nullable=False, comment="current body"),
    Column("stamps", Text, nullable=False, comment="which statement set what: store.stamps"),
    comment="The current state of every resource",
)
Index("resource_id", RESOURCE.c.id, RESOURCE.c.type, unique=True)
Index("resource_type", RESOURCE.c.type, RESOURCE.c.rid)
Index("resource_record", RESOURCE.c.record, RESOURCE.c.type, RESOURCE.c.rid)
Index("resource_updated", RESOURCE.c.type, RESOURCE.c.updated_us, RESOURCE.c.rid)

BODY = Table(
    "body",
    STORE,
    Column("bid", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, comment="row id"),
    Column("bytes", LargeBinary, nullable=False, comment="JSON to serve, with source Patient ids"),
    Column("refs", LargeBinary, nullable=False, comment="offsets of Patient ids, store.splice"),
    comment="Resource contents, each stored once however many versions point to it",
)

VERSION = Table(
    "version",
    STORE,
    Column("rid", BigInteger, primary_key=True, comment="the resource"),
    Column("version", Integer, primary_key=True, comment="its version number"),
    Column("updated_us", BigInteger, nullable=False, comment="when it began to hold"),
    Column("bid", BigInteger, nullable=False, comment="its body"),
    Column("position", BigInteger, nullable=False, comment="journal entry that caused it"),
    Column("person", String(64), nullable=False, comment="enterprise id of the record then"),
    Column("state", SmallInteger, nullable=False, comment="0 live, 1 deleted, 2 retired golden"),
    Index("version_position", "position"),
    comment="Every version of every resource",
    sqlite_with_rowid=False,
)

MEMBER = Table(
    "member",
    STORE,
    Column("record", String(64), primary_key=True, comment="source Patient id"),
    Column("person", String(64), nullable=False, comment="enterprise id it belongs to"),
    Column("site", String(64), nullable=False, comment="site of the record"),
    Column("local_id", Text, nullable=False, comment="identifier as the site writes it"),
    Index("member_person", "person"),
    comment="Which source records are which person: a projection, written by the patient index",
    sqlite_with_rowid=False,
)
