"""Signs of life of a worker's own loop, and who has not shown one for too long.

A process that runs is not a process that works: one that is stopped, or loops for ever over a
message, holds leases and perhaps the store's lock. Its work comes to nobody else until it ends.
"""

import time
from contextlib import suppress
from pathlib import Path

EVERY_S = 1.0
HANG_S = 60.0
"""Far beyond any transaction: the longest deed under the lock takes a second or two."""


class Beat:
    """Writes the monotonic clock, which all processes of a host share, once a second."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.beat"
        self._next_s = 0.0

    def __call__(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + EVERY_S
            with suppress(OSError):  # a full disk is no reason to stop working
                self._path.write_text(str(now_s), encoding="ascii")

    def end(self) -> None:
        """Take the sign back: the loop has ended as it should."""
        self._path.unlink(missing_ok=True)


def silent_s(folder: Path, name: str) -> float:
    """Return for how many seconds a worker has shown no sign of life, 0 if it never did."""
    try:
        last_s = float((folder / f"{name}.beat").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0.0
    return max(0.0, time.monotonic() - last_s)
