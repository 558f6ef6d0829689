"""A FHIR server in memory on a real socket, which a test can let misbehave.

It serves searches with `_lastUpdated`, `_count` and pages, reads, and a token endpoint. What a test
puts into `spoilt` answers the next requests instead.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from engine.core.clock import SystemClock

JSON = {"Content-Type": "application/fhir+json"}
TOKEN = "a-token-of-the-site"


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


@dataclass(frozen=True)
class Reply:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON))
    body: bytes = b""
    cut: bool = False  # close in the middle of the body


Answerer = Callable[[Asked], Reply | None]


@dataclass
class Site:
    """What the server has, and what it was asked."""

    base: str = ""
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    spoilt: list[Answerer] = field(default_factory=list)  # the first that answers wins
    page: int = 100
    protected: bool = False  # only with a token
    with_times: bool = True
    ahead_us: int = 0  # of its clock before ours
    ticks: Any = field(default_factory=lambda: count(1))

    def put(self, kind: str, ident: str, **content: Any) -> dict[str, Any]:
        """Let the site have a resource, changed now."""
        meta = {"versionId": str(next(self.ticks))}
        if self.with_times:
            now_us = SystemClock().now_us() + self.ahead_us
            moment = datetime.fromtimestamp(now_us / 1e6, UTC)
            meta["lastUpdated"] = moment.isoformat(timespec="microseconds")
        made = {"resourceType": kind, "id": ident, "meta": meta, **content}
        self.resources[f"{kind}/{ident}"] = made
        return made

    def delete(self, kind: str, ident: str) -> None:
        del self.resources[f"{kind}/{ident}"]
        self.gone.add(f"{kind}/{ident}")

    def searches(self, kind: str) -> list[Asked]:
        return [one for one in self.asked if one.path.endswith(f"/{kind}")]

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        for spoil in list(self.spoilt):
            if (reply := spoil(asked)) is not None:
                return reply
        if asked.path == "/token":
            return _json({"access_token": TOKEN, "token_type": "bearer", "expires_in": 300})
        if self.protected and asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _json({"resourceType": "OperationOutcome"}, 401)
        return self._found(asked.path.removeprefix("/r4/"), asked)

    def _found(self, name: str, asked: Asked) -> Reply:
        if name == "metadata":
            return _json(self._capabilities())
        if "/" not in name:
            return _json(self._search(name, asked))
        if name in self.resources:
            return _json(self.resources[name])
        return _json({"resourceType": "OperationOutcome"}, 410 if name in self.gone else 404)

    def _capabilities(self) -> dict[str, Any]:
        kinds = sorted({name.split("/")[0] for name in self.resources})
        parameters = [{"name": "_lastUpdated", "type": "date"}] if self.with_times else []
        rest = [{"type": kind, "searchParam": parameters} for kind in kinds]
        return {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "rest": [{"mode": "server", "resource": rest}],
        }

    def _search(self, kind: str, asked: Asked) -> dict[str, Any]:
        query = parse_qs(urlsplit(asked.target).query)
        since = query.get("_lastUpdated", ["ge"])[0].removeprefix("ge").replace("Z", "+00:00")
        found = [
            one
            for name, one in sorted(self.resources.items())
            if name.startswith(f"{kind}/") and one["meta"].get("lastUpdated", "9") >= since
        ]
        begin = int(query.get("page", ["0"])[0])
        size = min(self.page, int(query.get("_count", ["1000"])[0]))
        links = []
        if begin + size < len(found):
            rest = {name: some[0] for name, some in query.items()} | {"page": str(begin + size)}
            url = f"{self.base}/{kind}?{urlencode(rest)}"
            links.append({"relation": "next", "url": url})
        entries = [
            {"fullUrl": f"{self.base}/{kind}/{one['id']}", "resource": one}
            for one in found[begin : begin + size]
        ]
        return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status, JSON, json.dumps(value).encode())


@asynccontextmanager
async def served(
    context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Site]:
    """Serve a site for as long as the block runs; with a context over TLS, as `localhost`."""
    site = Site()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (asked := await _read(reader)) is not None:
                reply = site.answer(asked)
                await _write(writer, reply)
                if reply.cut:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    site.base = f"https://localhost:{port}/r4" if context else f"http://{host}:{port}/r4"
    try:
        yield site
    finally:
        server.close()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    first = await reader.read(1)
    if first in {b"", b"\x16"}:  # the end, or TLS where none is spoken
        return None
    head = first + await reader.readline()
    method, target, _ = head.decode("latin-1").split(" ", 2)
    headers = {}
    while line := (await reader.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    lines = [f"HTTP/1.1 {reply.status} X", f"Content-Length: {len(reply.body)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    body = reply.body[: len(reply.body) // 2] if reply.cut else reply.body
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
