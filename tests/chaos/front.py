"""A TLS front before a region's endpoint: what makes it a FHIR server that a site would run.

It issues tokens to a client that proves itself with a signed statement, checks each request's, and
passes on what it lets in. It shares no code with the channel that asks it.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.chaos.wire import Address


@dataclass
class Front:
    """What it was asked, and by whom. `busy` answers 429 so many times more."""

    behind: Callable[[], Address | None]
    token: str  # of the endpoint behind
    keys: KeySet
    base: str = ""
    issued: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # jti
    asked: list[str] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    busy: int = 0

    def grant(self, form: str) -> tuple[int, dict[str, Any]]:
        """Check a statement as SMART Backend Services wants it."""
        given = {name: some[0] for name, some in parse_qs(form).items()}
        found = jwt.decode(given["client_assertion"], self.keys, algorithms=["RS384"])
        claims = found.claims
        good = (
            claims["iss"] == claims["sub"] == "concord-north"
            and claims["aud"] == f"{self.base}/token"
            and claims["exp"] - claims["iat"] <= 300
            and claims["jti"] not in self.used
        )
        if not good:
            return 400, {"error": "invalid_client"}
        self.used.add(claims["jti"])
        self.issued.append(f"issued-{len(self.issued)}")
        return 200, {"access_token": self.issued[-1], "token_type": "bearer", "expires_in": 300}

    def pass_on(self, path: str, authorization: str) -> tuple[int, bytes]:
        """Ask the endpoint behind, whose links name it: they have to name the front."""
        self.asked.append(path)
        if authorization.removeprefix("Bearer ") not in self.issued:
            return 401, b"{}"
        if self.busy:
            self.busy -= 1
            return 429, b"{}"
        address = self.behind()
        if address is None:
            return 503, b"{}"
        connection = HTTPConnection(*address, timeout=20)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            own = f"http://{address[0]}:{address[1]}".encode()
            return answer.status, answer.read().replace(own, self.base.encode())
        finally:
            connection.close()


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            status, told = front.grant(self.rfile.read(length).decode())
            self.reply(status, json.dumps(told).encode(), "application/json")

        def do_GET(self) -> None:
            status, body = front.pass_on(self.path, self.headers.get("Authorization", ""))
            front.answered.append(status)
            self.reply(status, body, "application/fhir+json")

        def reply(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status in {429, 503}:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def fronted(front: Front, context: ssl.SSLContext) -> Iterator[Front]:
    """Serve the front on a free port of this host, as `localhost`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(front))
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    front.base = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
