"""A TCP proxy that spoils what goes through it, as a bad network between sender and us does.

What it does to a connection is settled when the connection begins.
"""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from tests.chaos.wire import Address

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close(2) sends RST
_PIECE = 65_536
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Toxic:
    """What becomes of a connection."""

    keeps_answers: bool = False  # the first answer is swallowed, then both sides are reset
    cuts_after: int = -1  # both sides are reset when so many bytes of the sender went through


class Proxy:
    """Listens on loopback and hands on to `target`; use as a context manager."""

    def __init__(self, target: Callable[[], Address | None]) -> None:
        self.toxic = Toxic()
        self.spoiled = 0  # connections that were reset on purpose
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Proxy":
        self._begin(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def address(self) -> Address:
        host, port = self._listener.getsockname()
        return host, port

    def _begin(self, work: Callable[..., None], *given: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._begin(self._serve, near, self.toxic)

    def _serve(self, near: socket.socket, toxic: Toxic) -> None:
        target = self._target()
        with near, suppress(OSError):
            if target is None:
                return
            with socket.create_connection(target, timeout=_PATIENCE_S) as far:
                near.settimeout(_PATIENCE_S)
                through = _Through(near, far)
                there = self._begin(self._hand_on, through, near, toxic.cuts_after)
                self._hand_on(through, far, 0 if toxic.keeps_answers else -1)
                there.join(_PATIENCE_S)

    def _hand_on(self, through: "_Through", source: socket.socket, most: int) -> None:
        """Copy until the end, or up to `most` bytes (-1: all), then reset both sides."""
        sink = through.other(source)
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                if 0 <= most <= len(piece):
                    sink.sendall(piece[:most])
                    self.spoiled += 1
                    through.reset()
                    return
                most -= len(piece) if most >= 0 else 0
                sink.sendall(piece)
            if not through.is_reset:
                sink.shutdown(socket.SHUT_WR)


class _Through:
    """Both sides of one connection. Who opened a socket closes it: its number may be used again."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.is_reset = False
        self._sides = near, far

    def other(self, side: socket.socket) -> socket.socket:
        near, far = self._sides
        return far if side is near else near

    def reset(self) -> None:
        """Wake whoever reads, and have both sides end with RST when they are closed."""
        self.is_reset = True
        for side in self._sides:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            with suppress(OSError):
                side.shutdown(socket.SHUT_RD)
