"""Builds the endpoint's application: the table of routes, in one place.

Handlers are plain functions on the event loop: a read takes some ten microseconds, a hop to a
thread would cost ten times that. One process uses one database connection.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.core.fault import Category, FaultError
from engine.rest.capability import capability
from engine.rest.endpoint import Endpoint
from engine.rest.event import hear
from engine.rest.feed import take
from engine.rest.feed_status import status
from engine.rest.guard import Guard
from engine.rest.health import health, metrics
from engine.rest.history import history
from engine.rest.outcome import METHOD, UNKNOWN, refusal
from engine.rest.read import read
from engine.rest.search import posted_search, search
from engine.rest.vread import vread
from engine.store.search import params

Handler = Callable[[Endpoint, Request], Awaitable[Response]]

_ON_A_VIEW: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/metadata", capability),
    ("GET", "/{type}", search),
    ("POST", "/{type}/_search", posted_search),
    ("GET", "/{type}/{id}", read),
    ("GET", "/{type}/{id}/_history", history),
    ("GET", "/{type}/{id}/_history/{vid}", vread),
)
_FEED: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/$status/{position}", status),
    ("POST", "", take),
    ("POST", "/{type}", take),
    ("PUT", "/{type}", take),
    ("PUT", "/{type}/{id}", take),
)
"""What a site may do on its own view: in front of the reading routes, which would take `$status`.

Each is opened by the token of the site's door (`engine.rest.guard`)."""
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/health", health),
    ("GET", "/metrics", metrics),
    ("POST", "/sources/{site}/events", hear),
    *((method, "/sources/{site}/fhir" + path, handler) for method, path, handler in _FEED),
    *(
        (method, base + path, handler)
        for base in ("/fhir", "/sources/{site}/fhir")
        for method, path, handler in _ON_A_VIEW
    ),
)
"""Method, path, handler. GET answers HEAD, too."""

_OURS = frozenset({Category.UNAVAILABLE, Category.BUG})


def create_app(endpoint: Endpoint) -> FastAPI:
    """Return the application. FaultError when a search parameter cannot be compiled."""
    params.check()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    for method, path, handler in ROUTES:
        app.add_route(path, partial(handler, endpoint), methods=[method])
    app.add_exception_handler(FaultError, partial(_on_fault, endpoint))
    app.add_exception_handler(HTTPException, _on_http)
    app.add_middleware(Guard, endpoint=endpoint)
    return app


async def _on_fault(endpoint: Endpoint, _: Request, error: Exception) -> Response:
    """Answer a fault; those that are not the client's are also reported."""
    if not isinstance(error, FaultError):
        raise error
    if error.fault.category in _OURS:
        endpoint.report(error.fault)
    return refusal(error.fault)


async def _on_http(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == 405:
        return refusal(METHOD, 405, headers=headers)
    return refusal(UNKNOWN, status)
