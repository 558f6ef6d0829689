"""Writers take turns on a lock file, first come first served, and nobody waits for ever.

The kernel keeps the queue (flock(2)), so a small writer waits for those before it and no longer;
looking again and again instead made the longest wait four times as long. A wait in the kernel has
no end of its own, so a contended one is done by a thread, on a descriptor it gives back.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.core.fault import FaultError
from engine.database.fault import BUSY

_COURTESIES, _COURTESY_S = 10, 0.001
WAIT_S = 10.0
"""As long as SQLite's own busy timeout: a writer that holds on for longer hangs."""


class Turn:
    """The right to write to one file. For one thread at a time.

    Whoever is not `first` waits in a lobby, which the one who writes leaves last. So a writer that
    is first finds one before it at most, however many write without an end. While it waits it rings
    (it shares a third lock), so that whoever writes may come to an end.
    """

    def __init__(self, path: Path, *, first: bool = False) -> None:
        self._lobby = None if first else _Lock(path.with_name(path.name + "-lobby"))
        self._lock = _Lock(path)
        self._bell = _Bell(path.with_name(path.name + "-bell"))

    def take(self) -> None:
        """Wait for the writers before us. FaultError `database-busy` when one of them hangs."""
        if self._lobby is None:
            self._take_first()
            return
        self._lobby.take()
        self._be_polite()
        try:
            self._lock.take()
        except BaseException:
            self._lobby.give()
            raise

    def _be_polite(self) -> None:
        """Let one who is first go in: the kernel only wakes it, and we run already.

        It is no promise. One that was stopped while it waited rings on, and keeps nobody out.
        """
        for _ in range(_COURTESIES):
            if not self._bell.rings():
                break
            time.sleep(_COURTESY_S)

    def _take_first(self) -> None:
        if not self._lock.taken():
            with self._bell.ringing():
                self._lock.take()

    def urged(self) -> bool:
        """Say whether one who is first waits. Costs two calls of the kernel."""
        return self._bell.rings()

    def give(self) -> None:
        """Let the next one write."""
        self._lock.give()
        if self._lobby is not None:
            self._lobby.give()

    def close(self) -> None:
        """Close the lock files."""
        self._lock.close()
        self._bell.close()
        if self._lobby is not None:
            self._lobby.close()


class _Lock:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = _opened(path)

    def taken(self) -> bool:
        """Take it if it is free."""
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def take(self) -> None:
        if not self.taken():
            waiter = _Waiter(self._path)
            descriptor = waiter.wait(WAIT_S)
            os.close(self._held)
            self._held = descriptor

    def give(self) -> None:
        fcntl.flock(self._held, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._held)


class _Bell:
    """Rings while somebody shares its file: kernel and not memory, so a dead one rings no more."""

    def __init__(self, path: Path) -> None:
        self._file = _opened(path)

    @contextmanager
    def ringing(self) -> Iterator[None]:
        # Somebody may listen just now. Then it does not ring: that costs time, not correctness.
        with suppress(BlockingIOError):
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def rings(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        os.close(self._file)


class _Waiter:
    """Waits in the kernel's queue on a descriptor of its own."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _opened(path)
        self._settled = threading.Lock()
        self._abandoned = False
        self._done = threading.Event()
        threading.Thread(target=self._queue, name="writer-turn", daemon=True).start()

    def wait(self, seconds: float) -> int:
        """Return the descriptor that holds the lock; FaultError when it takes too long."""
        if not self._done.wait(seconds):
            with self._settled:
                if not self._done.is_set():
                    self._abandoned = True
                    raise FaultError(BUSY)
        return self._descriptor

    def _queue(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._settled:
            if self._abandoned:
                os.close(self._descriptor)
            else:
                self._done.set()


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
