"""Writers take turns; one that is first has one before it at most."""

import threading
import time
from pathlib import Path

import pytest

from engine.core.fault import FaultError
from engine.database import turn as module
from engine.database.turn import Turn

PATIENCE_S = 20.0


def waits(thread: threading.Thread, path: Path) -> None:
    """Start a thread, and wait until it waits for the lock in the kernel (proc(5), locks)."""
    before = waiters(path)
    thread.start()
    deadline_s = time.monotonic() + PATIENCE_S
    while waiters(path) == before:
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def waiters(path: Path) -> int:
    inode = str(path.stat().st_ino)
    lines = Path("/proc/locks").read_text("ascii").splitlines()
    return sum("->" in line and line.split()[-3].rpartition(":")[2] == inode for line in lines)


def test_who_is_first_goes_before_those_who_wait(tmp_path: Path) -> None:
    path = tmp_path / "store.db.lock"
    lobby = path.with_name(path.name + "-lobby")
    holder = Turn(path)
    holder.take()
    order: list[str] = []

    def write(name: str, turn: Turn) -> None:
        turn.take()
        order.append(name)
        turn.give()
        turn.close()

    others = [
        threading.Thread(target=write, args=(f"other-{number}", Turn(path))) for number in range(3)
    ]
    for one in others:
        waits(one, lobby)
    first = threading.Thread(target=write, args=("first", Turn(path, first=True)))
    waits(first, path)
    holder.give()
    for one in (*others, first):
        one.join(PATIENCE_S)
    assert order[0] == "first"
    assert sorted(order[1:]) == ["other-0", "other-1", "other-2"]
    holder.close()


def test_who_writes_hears_that_one_who_is_first_waits(tmp_path: Path) -> None:
    path = tmp_path / "store.db.lock"
    holder, first, other = Turn(path), Turn(path, first=True), Turn(path)
    holder.take()
    assert not holder.urged()
    behind = threading.Thread(target=other.take)
    waits(behind, path.with_name(path.name + "-lobby"))
    assert not holder.urged()
    hurried = threading.Thread(target=first.take)
    waits(hurried, path)
    assert holder.urged()
    holder.give()
    hurried.join(PATIENCE_S)
    assert not holder.urged()
    first.give()
    behind.join(PATIENCE_S)
    for turn in (holder, first, other):
        turn.close()


def test_nobody_writes_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "store.db.lock"
    inside = most = 0

    def write(turn: Turn) -> None:
        nonlocal inside, most
        for _ in range(40):
            turn.take()
            inside += 1
            most = max(most, inside)
            time.sleep(0)
            inside -= 1
            turn.give()
        turn.close()

    threads = [
        threading.Thread(target=write, args=(Turn(path, first=number < 2),)) for number in range(5)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE_S)
    assert (most, inside) == (1, 0)


@pytest.mark.parametrize("first", [True, False])
def test_a_turn_that_never_comes_is_busy_and_leaves_the_lobby(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.05)
    path = tmp_path / "store.db.lock"
    holder = Turn(path, first=not first)
    holder.take()
    waiting = Turn(path, first=first)
    for _ in range(2):
        with pytest.raises(FaultError) as caught:
            waiting.take()
        assert caught.value.fault.code == "database-busy"
    holder.give()
    monkeypatch.undo()
    waiting.take()
    waiting.give()
    another = Turn(path)
    another.take()
    another.give()
