"""The engines every database test runs on."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.database.postgres import PostgresDatabase
from engine.database.protocol import Database
from engine.database.sqlite import SqliteDatabase


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Return a function that opens the same database once more."""

    def another() -> Database:
        if request.param == "sqlite":
            return SqliteDatabase(tmp_path / "store.db")
        uri, schema = request.getfixturevalue("postgres_schema")
        return PostgresDatabase(uri, schema=schema)

    with ExitStack() as handles:

        def kept() -> Database:
            database = another()
            handles.callback(database.close)
            return database

        yield kept
