"""Reads the body of a request: as long as a door allows, and as all of them together have room for.

Bodies of requests that are under way lie in memory, so their sum has a bound: a client beyond it is
told to try again, however short its own body is.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from engine.core.fault import Category, Fault, FaultError

MOST_HELD_BYTES = 128 * 1024 * 1024
LOBBY_BYTES = 8 * 1024 * 1024
"""For bodies whose senders are known only when they are read whole: signed events."""
TOO_LARGE = Fault(Category.INVALID, "body-too-large", "the request is too large")
NO_ROOM = Fault(Category.BUSY, "too-many-bytes-held", "too much is being read; try again")
ENCODING = Fault(Category.UNSUPPORTED, "content-encoding", "bodies are taken as they are")
CONTENT = Fault(Category.UNSUPPORTED, "content-type-json", "only JSON is taken")
_JSON = frozenset({"application/fhir+json", "application/json", "text/json"})


class Room:
    """How many bytes of bodies are held. For one thread."""

    def __init__(self, most_bytes: int = MOST_HELD_BYTES) -> None:
        self._left = most_bytes

    def take(self, size_bytes: int) -> None:
        """Take room. FaultError `too-many-bytes-held`."""
        if size_bytes > self._left:
            raise FaultError(NO_ROOM)
        self._left -= size_bytes

    def give(self, size_bytes: int) -> None:
        """Give it back."""
        self._left += size_bytes


class Holding:
    """The body of one request, held in a room until the request is answered."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    async def read(self, request: Request, most_bytes: int) -> bytes:
        """Read it whole. FaultError when it is too long or there is no room."""
        body = bytearray()
        async for chunk in request.stream():
            if len(body) + len(chunk) > most_bytes:
                raise FaultError(TOO_LARGE)
            self._room.take(len(chunk))
            self._held += len(chunk)
            body += chunk
        return bytes(body)

    def release(self) -> None:
        self._room.give(self._held)
        self._held = 0


@contextmanager
def holding(room: Room) -> Iterator[Holding]:
    """Hold a body for as long as the block runs."""
    held = Holding(room)
    try:
        yield held
    finally:
        held.release()


def check_head(request: Request, most_bytes: int) -> None:
    """Refuse by the headers alone. FaultError: `content-*`, `body-too-large`."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise FaultError(ENCODING)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _JSON:
        raise FaultError(CONTENT)
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most_bytes:
        raise FaultError(TOO_LARGE)
