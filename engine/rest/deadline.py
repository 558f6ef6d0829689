"""HTTP/1.1 for uvicorn with an end to waiting: uvicorn itself waits for ever for a request.

Rule 1: from the first byte of a request to its last there is one absolute deadline, however the
bytes trickle. What the response takes is the server's own affair and is not limited here.
Rule 2: of connections that wait for a request, only so many are kept. Beyond that, of the address
that has most of them, the one that has waited longest has to go; a request that comes in whole is
served. So whoever opens connections and says nothing shuts out himself, and nobody else.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_RECEIVING = (h11.IDLE, h11.SEND_BODY)
TOO_SLOW = "request-too-slow"
CROWDED = "too-many-waiting"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long and how many clients are waited for; `told` gets a code when one is cut off."""

    request_s: float = 15.0
    most: int = 384
    told: Callable[[str], None] = lambda _: None


class DeadlineProtocol(H11Protocol):
    """Closes a connection that is waited for too long, or among too many."""

    waiting = Waiting()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self.idle_since_s = 0.0

    @property
    def waits(self) -> bool:
        """Whether the rest of a request, or the next one, is still to come."""
        return self.conn.their_state in _RECEIVING and not self.transport.is_closing()

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.idle_since_s = self.loop.time()
        self._arm()
        if len(self.connections) > self.waiting.most:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state in _RECEIVING:
            self._arm()
        super().data_received(data)
        if self.conn.their_state not in _RECEIVING:
            self._disarm()

    def on_response_complete(self) -> None:
        self.idle_since_s = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def cut(self, code: str) -> None:
        """Drop the connection."""
        self.waiting.told(code)
        self.transport.abort()

    def _make_room(self) -> None:
        every = (one for one in self.connections if isinstance(one, DeadlineProtocol))
        idle = [one for one in every if one.waits]
        if len(idle) <= self.waiting.most:
            return
        shares = Counter(one.address for one in idle)
        max(idle, key=lambda one: (shares[one.address], -one.idle_since_s)).cut(CROWDED)

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.waiting.request_s, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        self.cut(TOO_SLOW)


def deadline_protocol(waiting: Waiting) -> type[DeadlineProtocol]:
    """Return the protocol class with other limits: uvicorn takes a class, not an object."""
    return type("DeadlineProtocol", (DeadlineProtocol,), {"waiting": waiting})
