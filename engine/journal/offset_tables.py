"""How far the journal was read: in the store file, so that results and offset move as one."""

from sqlalchemy import Column, Integer, String, Table

from engine.database.metadata import STORE

BINDING = Table(
    "binding",
    STORE,
    Column("id", Integer, primary_key=True, comment="always 1"),
    Column("instance", String, nullable=False, comment="the journal the offsets belong to"),
    Column("epoch", Integer, nullable=False, comment="its epoch"),
    Column("partitions", Integer, nullable=False, comment="its number of partitions"),
)

OFFSET = Table(
    "offset",
    STORE,
    Column("partition", Integer, primary_key=True, autoincrement=False, comment="0 and up"),
    Column("position", Integer, nullable=False, comment="everything up to here has its outcome"),
    Column("fence", Integer, nullable=False, comment="raised whenever the lease changes hands"),
    Column("owner", String, nullable=False, comment="who holds the lease, empty for nobody"),
    Column("stalls", Integer, nullable=False, comment="take-overs since the position last moved"),
    Column("claimed", Integer, nullable=False, comment="the position when the lease was taken"),
)

OWNER = Table(
    "owner",
    STORE,
    Column("owner", String, primary_key=True, comment="a process that wants partitions"),
    Column("beat", Integer, nullable=False, comment="another number at each sign of life"),
)
