import os
import stat
from pathlib import Path

import pytest

from engine.core.fault import FaultError
from engine.security.keys import RegionKey, receive, send, wait_for_parent
from engine.security.secret import read, read_or_make


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "region.key"
    made = read_or_make(path)
    assert len(made) == 32
    assert read_or_make(path) == made == read(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_exposed_secret_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "region.key"
    read_or_make(path)
    path.chmod(0o640)
    with pytest.raises(FaultError, match="secret-exposed"):
        read_or_make(path)


@pytest.mark.parametrize("text", ["", "zz" * 32, "ab" * 31])
def test_a_damaged_secret_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "region.key"
    path.write_text(text, encoding="ascii")
    path.chmod(0o600)
    with pytest.raises(FaultError, match="secret-damaged"):
        read(path)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(FaultError, match="secret-missing"):
        read(tmp_path / "none")


def test_every_purpose_has_its_own_key_and_keeps_it() -> None:
    key = RegionKey(bytes(32))
    assert len({key.id_key(), key.file_key("a.db"), key.file_key("b.db"), key.secret}) == 4
    assert key.file_key("a.db") == RegionKey(bytes(32)).file_key("a.db")


def test_a_key_travels_through_a_pipe_and_is_never_printed() -> None:
    key = RegionKey(bytes(range(32)))
    reading, writing = send(key)
    assert receive(reading) == key
    os.close(writing)
    wait_for_parent(reading)
    os.close(reading)
    assert key.secret.hex() not in repr(key)
