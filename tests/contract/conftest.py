"""Stores on every engine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from engine.database.metadata import STORE
from engine.database.postgres import PostgresDatabase
from engine.database.protocol import Database
from engine.database.sqlite import SqliteDatabase


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Return a function that makes an empty store, each time another."""
    numbers = count()

    def opened() -> Database:
        if request.param == "sqlite":
            return SqliteDatabase(tmp_path / f"store-{next(numbers)}.db")
        uri = request.getfixturevalue("postgres_uri")
        return PostgresDatabase(uri, schema=request.getfixturevalue("postgres_schemas")())

    with ExitStack() as handles:

        def made() -> Database:
            database = opened()
            handles.callback(database.close)
            database.create(STORE)
            return database

        yield made
