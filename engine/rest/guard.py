"""Stands in front of every route: who may pass, what a client may cache, and the last resort.

Closed by default: a route is open only if it is listed here. It looks at no body and knows no
resource.
"""

import hmac
import re
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.core.fault import Category, Fault, FaultError
from engine.plugin.web import Door
from engine.rest.endpoint import Endpoint
from engine.rest.headers import accepts_json
from engine.rest.outcome import BUG, FORMAT, LOGIN, LOGINS, READS, WRITES, refusal

OPEN = frozenset({"/health", "/fhir/metadata"})
"""Paths anyone may read: they say nothing about a patient."""

_FEED = re.compile(r"/sources/([^/]*)/fhir(/.*)?", re.DOTALL)
_SITE = re.compile(r"/sources/([^/]+)/")
_EVENTS = re.compile(r"/sources/[^/]*/events")
_DOCUMENT = re.compile(r"/fhir/Binary/[^/]+(/_history/[^/]+)?\Z")
_STATUS = "/$status/"
_SEARCH = re.compile(r"/[^/]+/_search")

_SAFE = {
    b"cache-control": b"no-store",
    b"x-content-type-options": b"nosniff",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
}


class Guard:
    """ASGI application around the endpoint's own."""

    def __init__(self, app: ASGIApp, endpoint: Endpoint) -> None:
        self._app = app
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _secure(message)
            await send(message)

        try:
            await self._pass(scope, receive, guarded)
        except FaultError as error:
            if started:
                raise
            await refusal(error.fault)(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001 - the last line: nothing inside may get out
            self._endpoint.report(_traced(error))
            if not started:
                await refusal(BUG)(scope, receive, guarded)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if len(request.headers.getlist("authorization")) > 1:  # RFC 9110, 11.6.2: it is no list
            await refusal(LOGINS)(scope, receive, send)
        elif not _is_open(scope) and (fault := self._denies(request, scope)):
            challenge = {"WWW-Authenticate": "Bearer"}
            await refusal(fault, 401, code="login", headers=challenge)(scope, receive, send)
        elif "fhir" in scope["path"].split("/") and not _can_answer(request, scope):
            await refusal(FORMAT, 406)(scope, receive, send)
        else:
            with suppress(ClientDisconnect):  # then nobody is there to be answered
                await self._app(scope, receive, send)

    def _denies(self, request: Request, scope: Scope) -> Fault | None:
        """Say why the token does not open what is asked for, and tell the operator."""
        fault = self._judged(request, scope)
        if fault is not None:
            found = _SITE.match(scope["path"])
            site = found[1] if found and found[1] in self._endpoint.sites else ""
            self._endpoint.denied(fault, site)
        return fault

    def _judged(self, request: Request, scope: Scope) -> Fault | None:
        """A site's own token opens only what it hands in; the region's all that is read."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer":
            return LOGIN
        site, doors = feeding(scope["method"], scope["path"]), self._endpoint.doors
        if site is None:
            if self._reads(token):
                return None
            return WRITES if any(door.knows(token) for door in doors.values()) else LOGIN
        door: Door | None = doors.get(site)
        if door is not None and door.knows(token):
            return None
        return READS if self._reads(token) else LOGIN

    def _reads(self, token: str) -> bool:
        mine = self._endpoint.token.encode()
        return hmac.compare_digest(token.encode(), mine) and bool(mine)


def _is_open(scope: Scope) -> bool:
    """Tell whether no token is needed. Events are signed: who takes them looks at that."""
    path: str = scope["path"]
    return path in OPEN or (scope["method"] == "POST" and _EVENTS.fullmatch(path) is not None)


def _can_answer(request: Request, scope: Scope) -> bool:
    """Tell whether a client takes what is there; documents are of any type."""
    return _DOCUMENT.search(scope["path"]) is not None or accepts_json(request)


def feeding(method: str, path: str) -> str | None:
    """Return the site whose own token a request needs, None when it needs the region's."""
    found = _FEED.fullmatch(path)
    if found is None:
        return None
    rest = found[2] or ""
    searches = method == "POST" and _SEARCH.fullmatch(rest) is not None
    hands_in = method in {"POST", "PUT", "PATCH", "DELETE"} and not searches
    return found[1] if hands_in or rest.startswith(_STATUS) else None


def _secure(message: MutableMapping[str, Any]) -> None:
    kept = [pair for pair in message["headers"] if pair[0].lower() not in _SAFE]
    message["headers"] = [*kept, *_SAFE.items()]


def _traced(error: BaseException) -> Fault:
    """Where it happened; never what the exception says, which may quote a patient."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else ""
    return Fault(Category.BUG, BUG.code, type(error).__name__, where)
