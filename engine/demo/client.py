"""A site's program that posts resources to its door, one at a time, until each has an answer."""

import http.client
import json
import time
from collections.abc import Callable, Sequence

from engine.demo.delivery import Delivery
from engine.demo.sender import Answered

_TIMEOUT_S = 20.0
_PATIENCE_S = 90.0
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class Client:
    """One HTTP connection that comes back when it is lost."""

    def __init__(self, address: Callable[[], tuple[str, int] | None], token: str) -> None:
        """`address` says where the endpoint listens now, or None while it does not."""
        self._address = address
        self._token = token
        self._connection: http.client.HTTPConnection | None = None

    def send(self, delivery: Delivery) -> Answered:
        """Send until there is an answer that is final, or patience ends."""
        deadline_s = time.monotonic() + _PATIENCE_S
        tries = 0
        while time.monotonic() < deadline_s:
            try:
                connection = self._connected()
                tries += 1
                status = self._exchange(connection, delivery)
                if status not in _AGAIN:
                    return Answered(delivery, str(status), tries - 1)
            except (OSError, http.client.HTTPException):
                self.close()
            time.sleep(0.05)
        return Answered(delivery, "", max(0, tries - 1))

    def close(self) -> None:
        """Hang up; safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            address = self._address()
            if address is None:
                raise ConnectionRefusedError
            self._connection = http.client.HTTPConnection(*address, timeout=_TIMEOUT_S)
        return self._connection

    def _exchange(self, connection: http.client.HTTPConnection, delivery: Delivery) -> int:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/fhir+json",
        }
        path = f"/sources/{delivery.site}/fhir/{json.loads(delivery.body)['resourceType']}"
        connection.request("POST", path, delivery.body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def post_all(
    client: Client,
    posts: Sequence[tuple[int, Delivery]],
    sent: Callable[[], int],
    told: Callable[[Answered], None],
) -> None:
    """Post each when its site has sent the messages before it; `sent` counts those."""
    try:
        for after, delivery in posts:
            while sent() < after:
                time.sleep(0.01)
            told(client.send(delivery))
    finally:
        client.close()
