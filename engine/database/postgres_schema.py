"""The declared tables as PostgreSQL has them.

The declarations are SQLite's, where INTEGER has 64 bits and text is compared byte by byte. So every
integer becomes a bigint, and every text has the collation C: what is sorted or searched by a prefix
means the same on both engines, whatever the server's locale.
"""

from collections.abc import Iterator

from sqlalchemy import BigInteger, Integer, MetaData, SmallInteger, String, Text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

DIALECT: Dialect = PGDialect(paramstyle="format")  # type: ignore[no-untyped-call]  # theirs


def definitions(metadata: MetaData) -> Iterator[str]:
    """Yield the statements that create the declared tables and indexes that are missing."""
    own = MetaData()
    for table in metadata.sorted_tables:
        table.to_metadata(own)
    for table in own.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, String):
                column.type = Text(collation="C")
            elif isinstance(column.type, Integer) and not isinstance(column.type, SmallInteger):
                column.type = BigInteger()
        yield str(CreateTable(table, if_not_exists=True).compile(dialect=DIALECT))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index, if_not_exists=True).compile(dialect=DIALECT))
