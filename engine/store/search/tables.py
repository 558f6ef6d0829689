"""The search index: terms, dates, and what is asked most: a patient's codes by date.

`param` is the integer of a parameter of one resource type (`engine.store.search.params`). All rows
lie clustered in search order, and a second order by resource answers "does this one match, too?".
Rows name source records, never persons: a relink touches none of them.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, String, Table, Text

from engine.database.metadata import STORE

TERM = Table(
    "search_term",
    STORE,
    Column("param", Integer, primary_key=True, comment="parameter of a resource type"),
    Column("value", Text, primary_key=True, comment="token, folded string, reference or URI"),
    Column("rid", BigInteger, primary_key=True, comment="the resource"),
    Index("search_term_rid", "rid", "param", "value"),
    comment="Tokens, strings, references and URIs",
    sqlite_with_rowid=False,
)

DATE = Table(
    "search_date",
    STORE,
    Column("param", Integer, primary_key=True, comment="parameter of a resource type"),
    Column("low_us", BigInteger, primary_key=True, comment="first microsecond meant"),
    Column("rid", BigInteger, primary_key=True, comment="the resource"),
    Column("high_us", BigInteger, primary_key=True, comment="first microsecond after it"),
    Index("search_date_rid", "rid", "param", "low_us", "high_us"),
    comment="Dates as ranges of time in UTC; a resource without the date has the range MISSING",
    sqlite_with_rowid=False,
)

CLINICAL = Table(
    "search_clinical",
    STORE,
    Column("record", String(64), primary_key=True, comment="source Patient"),
    Column("type", SmallInteger, primary_key=True, comment="resource type"),
    Column("code", Text, primary_key=True, comment="token of the code; empty: one row for each"),
    Column("low_us", BigInteger, primary_key=True, comment="first microsecond meant, or MISSING"),
    Column("rid", BigInteger, primary_key=True, comment="the resource"),
    comment="What there is about a record, by code and date",
    sqlite_with_rowid=False,
)
