"""The engine below writes nothing by itself: what it has to say comes as a fault."""

from pathlib import Path

import pytest

from engine.core.fault import FaultError
from engine.database.sqlite import SqliteDatabase


def test_a_wrong_key_is_a_fault_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "store.db"
    SqliteDatabase(path, b"a" * 32).close()
    with pytest.raises(FaultError, match="wrong-key"):
        SqliteDatabase(path, b"b" * 32)
    assert capfd.readouterr() == ("", "")
