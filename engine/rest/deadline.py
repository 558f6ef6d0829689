"""HTTP/1.1 for uvicorn with an end to waiting: uvicorn itself waits for ever for a request.

Rule: from the first byte of a request to its last there is one absolute deadline, however the bytes
trickle. What the response takes is the server's own affair and is not limited here.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_RECEIVING = (h11.IDLE, h11.SEND_BODY)


class DeadlineProtocol(H11Protocol):
    """Closes a connection whose request has not come in whole after `seconds`."""

    seconds = 15.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state in _RECEIVING:
            self._arm()
        super().data_received(data)
        if self.conn.their_state not in _RECEIVING:
            self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        self.transport.abort()


def deadline_protocol(seconds: float) -> type[DeadlineProtocol]:
    """Return the protocol class with another deadline: uvicorn takes a class, not an object."""
    return type("DeadlineProtocol", (DeadlineProtocol,), {"seconds": seconds})
