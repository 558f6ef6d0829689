"""What holds since when, what is offered to the roles, and how far each of them is with it."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from engine.database.metadata import STORE

ACTIVATION = Table(
    "activation",
    STORE,
    Column("position", BigInteger, primary_key=True, comment="journal entry from which it holds"),
    Column("act", String, nullable=False, comment="start, reload or rollback"),
    Column("actor", String, nullable=False, comment="user of the system who did it"),
    Column("said_us", BigInteger, nullable=False, comment="when"),
    Column("of", BigInteger, nullable=False, comment="activation gone back to, 0 if none"),
    Column("sites", Text, nullable=False, comment="JSON: plan and profile of each site"),
    sqlite_with_rowid=False,
)

OFFER = Table(
    "plan_offer",
    STORE,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("offer", String, nullable=False, comment="name of the offer"),
    Column("sites", Text, nullable=False, comment="JSON as of an activation"),
)

FOLLOWER = Table(
    "plan_follower",
    STORE,
    Column("host", String, primary_key=True, comment="host and data folder of the process"),
    Column("role", String, primary_key=True, comment="name of the process, e.g. worker-1"),
    Column("offer", String, nullable=False, comment="last offer it has seen"),
    Column("state", String, nullable=False, comment="compiling, ready or failed"),
    Column("position", BigInteger, nullable=False, comment="activation it goes by"),
    sqlite_with_rowid=False,
)
