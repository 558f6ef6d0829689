import time
from pathlib import Path
from typing import Any

import pytest

from engine.roles.beat import Beat, silent_s


def test_a_beat_is_heard_and_grows_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    assert silent_s(tmp_path, "worker-1") == 0.0
    signs = Beat(tmp_path, "worker-1")
    signs()
    now[0] = 100.5
    signs()
    assert silent_s(tmp_path, "worker-1") == 0.5
    now[0] = 170.0
    assert silent_s(tmp_path, "worker-1") == 70.0
    signs()
    assert silent_s(tmp_path, "worker-1") == 0.0
    signs.end()
    now[0] = 999.0
    assert silent_s(tmp_path, "worker-1") == 0.0


def test_half_a_sign_is_none(tmp_path: Path) -> None:
    (tmp_path / "worker-1.beat").write_text("", encoding="ascii")
    assert silent_s(tmp_path, "worker-1") == 0.0


def test_a_full_disk_stops_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    Beat(tmp_path, "worker-1")()
    assert not (tmp_path / "worker-1.beat").exists()
