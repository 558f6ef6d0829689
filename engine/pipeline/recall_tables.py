"""What channels remember that fetch: notes, the resources they handed on, those an event named."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from engine.database.metadata import STORE

NOTE = Table(
    "channel_note",
    STORE,
    Column("channel", String, primary_key=True, comment="whose note it is"),
    Column("name", String, primary_key=True, comment="what it is about"),
    Column("text", Text, nullable=False, comment="JSON, the channel's own"),
    sqlite_with_rowid=False,
)

HELD = Table(
    "channel_held",
    STORE,
    Column("channel", String, primary_key=True, comment="who handed it on"),
    Column("name", String, primary_key=True, comment="Type/id at the server"),
    Column("digest", String, nullable=False, comment="of the content handed on last"),
    Column("code", String, nullable=False, comment="why it was refused, empty if it was not"),
    Column("search", String, nullable=False, comment="search that brought it last"),
    Column("sweep_us", BigInteger, nullable=False, comment="comparison that saw it last"),
    sqlite_with_rowid=False,
)
Index("channel_held_search", HELD.c.channel, HELD.c.search, HELD.c.sweep_us)

ASK = Table(
    "channel_ask",
    STORE,
    Column("site", String, primary_key=True, comment="whose event named it"),
    Column("reference", String, primary_key=True, comment="the resource, as the event has it"),
    Column("position", BigInteger, nullable=False, comment="newest entry that named it"),
    Column("tries", Integer, nullable=False, comment="how often it was asked for in vain"),
    Column("due_us", BigInteger, nullable=False, comment="when to ask for it, 0 at once"),
    sqlite_with_rowid=False,
)
Index("channel_ask_due", ASK.c.site, ASK.c.due_us, ASK.c.position)

TURN = Table(
    "channel_turn",
    STORE,
    Column("channel", String, primary_key=True, comment="channel that one host at a time runs"),
    Column("owner", String, nullable=False, comment="life of a process, empty if given back"),
    Column("beat", BigInteger, nullable=False, comment="another number while it lives"),
    sqlite_with_rowid=False,
)
