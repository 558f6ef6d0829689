"""A sender that posts FHIR over HTTP, and posts again when no answer came.

It shares no code with the engine: what it was answered is the oracle for what was accepted.
"""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.wire import Address

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Reply:
    """An answer; `tries` counts the requests it took."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    tries: int = 1

    @property
    def codes(self) -> list[str]:
        return [one["code"] for one in self.body["issue"][0]["details"]["coding"]]


@dataclass
class Post:
    """One client with a token of its own."""

    address: Callable[[], Address | None]
    token: str
    lost: int = field(default=0)  # requests without an answer

    def once(
        self, method: str, path: str, content: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Ask once. OSError or HTTPException when no answer came."""
        address = self.address()
        if address is None:
            raise ConnectionRefusedError
        connection = http.client.HTTPConnection(*address, timeout=20)
        given = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/fhir+json",
            **(headers or {}),
        }
        try:
            body = None if content is None else json.dumps(content).encode()
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            text = answer.read()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, named, json.loads(text) if text else {})
        finally:
            connection.close()

    def until_answered(
        self, method: str, path: str, content: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Ask, and ask again with the same bytes until there is an answer that is no 503."""
        deadline_s = time.monotonic() + PATIENCE_S
        tries = 0
        while True:
            tries += 1
            try:
                found = self.once(method, path, content, headers)
                if found.status != 503:
                    return Reply(found.status, found.headers, found.body, tries)
            except (OSError, http.client.HTTPException):
                self.lost += 1
            assert time.monotonic() < deadline_s, f"no answer to {method} {path}"
            time.sleep(0.05)
