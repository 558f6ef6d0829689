"""The databases every store test runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import engine.store.tables  # noqa: F401 - declares the tables
from engine.database.metadata import STORE
from engine.database.postgres import PostgresDatabase
from engine.database.protocol import Database
from engine.database.sqlite import SqliteDatabase


@pytest.fixture(params=["plain", "encrypted", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    opened: Database
    if request.param == "postgresql":
        uri, schema = request.getfixturevalue("postgres_schema")
        opened = PostgresDatabase(uri, schema=schema)
    else:
        key = None if request.param == "plain" else bytes(range(32))
        opened = SqliteDatabase(tmp_path / "store.db", key)
    opened.create(STORE)
    yield opened
    opened.close()
