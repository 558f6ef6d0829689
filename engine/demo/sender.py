"""A site's interface engine: sends in order over one connection, and keeps its own journal.

It behaves as real senders do: one message in flight, and after a lost connection it sends again
what was not answered. What it was told is the only truth about what the engine has accepted.
"""

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.demo.delivery import Delivery

_START, _END = b"\x0b", b"\x1c\r"
_POSITIVE = ("AA", "CA", "200", "201", "202")
_TIMEOUT_S = 20.0
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Answered:
    """A delivery with the code its answer had; empty when no answer ever came."""

    delivery: Delivery
    code: str
    resent: int

    @property
    def accepted(self) -> bool:
        return self.code in _POSITIVE


class Line:
    """One MLLP connection that comes back when it is lost."""

    def __init__(self, address: Callable[[], tuple[str, int] | None]) -> None:
        """`address` says where the channel listens now, or None while it does not."""
        self._address = address
        self._socket: socket.socket | None = None

    def send(self, delivery: Delivery) -> Answered:
        """Send until there is an answer, or patience ends."""
        deadline_s = time.monotonic() + _PATIENCE_S
        tries = 0
        while time.monotonic() < deadline_s:
            try:
                self._connect()
                tries += 1
                return Answered(delivery, self._exchange(delivery.body), tries - 1)
            except OSError:
                self.close()
                time.sleep(0.05)
        return Answered(delivery, "", max(0, tries - 1))

    def close(self) -> None:
        """Hang up; safe to call twice."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> None:
        if self._socket is None:
            address = self._address()
            if address is None:
                raise ConnectionRefusedError
            self._socket = socket.create_connection(address, timeout=_TIMEOUT_S)

    def _exchange(self, body: bytes) -> str:
        if self._socket is None:
            raise ConnectionResetError
        self._socket.sendall(_START + body + _END)
        answer = b""
        while not answer.endswith(_END):
            piece = self._socket.recv(65_536)
            if not piece:
                raise ConnectionResetError
            answer += piece
        return _code(answer)


def _code(answer: bytes) -> str:
    """Return MSA-1 of an acknowledgement."""
    text = answer.strip(_START + _END).decode("utf-8", "replace")
    for line in text.split("\r"):
        if line.startswith("MSA"):
            return line.split("|")[1]
    return ""


def send_all(line: Line, deliveries: Sequence[Delivery], told: Callable[[Answered], None]) -> None:
    """Send everything in order, reporting each answer."""
    try:
        for delivery in deliveries:
            told(line.send(delivery))
    finally:
        line.close()
