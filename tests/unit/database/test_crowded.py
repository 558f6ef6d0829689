"""A file that cannot be opened for want of descriptors can be tried again, and leaks none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.fault import Category, FaultError
from engine.database import sqlite
from engine.database.sqlite import SqliteDatabase


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a lock file, the last thing opened, find no descriptor."""

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "Turn", refuse)
        yield


def test_it_is_busy_and_holds_nothing_open(crowded: None, tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(FaultError) as raised:
            SqliteDatabase(tmp_path / "a.db")
        assert raised.value.fault.code == "too-many-files"
        assert raised.value.fault.category is Category.BUSY
    assert len(list(Path("/proc/self/fd").iterdir())) == before
