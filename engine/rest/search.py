"""GET [base]/[type]?... and POST [base]/[type]/_search (R4, http.html#search).

Unknown parameters are refused unless the client prefers lenient handling; then an entry of mode
`outcome` names what was left out.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.core.fault import Category, Fault, FaultError, refuse
from engine.rest.endpoint import Endpoint
from engine.rest.headers import lenient
from engine.rest.outcome import CONTENT, TOO_LARGE, issue, outcome, place, refusal
from engine.rest.page import Pairs, bundle, entry, link
from engine.rest.provenance import search_provenance
from engine.rest.target import PROVENANCE, target_of, url_of
from engine.store.search.find import Page
from engine.store.search.find import search as find
from engine.store.search.query import Query, parse

_MOST_BYTES = 64 * 1024
_MOST_FIELDS = 100
_FORM = "application/x-www-form-urlencoded"


async def search(endpoint: Endpoint, request: Request) -> Response:
    """Answer a search whose parameters stand in the address."""
    return _searched(endpoint, request, request.query_params.multi_items())


async def posted_search(endpoint: Endpoint, request: Request) -> Response:
    """Answer a search whose parameters stand in the body, so that no log sees them."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return refusal(CONTENT, 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return refusal(TOO_LARGE, 413, code="too-long")
    pairs = [*request.query_params.multi_items(), *_fields(bytes(body))]
    return _searched(endpoint, request, pairs)


def _fields(body: bytes) -> Pairs:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        fault = Fault(Category.INVALID, "search-form-invalid", "the form cannot be read")
        raise FaultError(fault) from error


def _searched(endpoint: Endpoint, request: Request, pairs: Pairs) -> Response:
    target = target_of(endpoint, request)
    url = url_of(endpoint, request, target)
    if len(pairs) > _MOST_FIELDS:
        raise refuse(Category.INVALID, "search-too-complex", "too many search parameters")
    if target.type == PROVENANCE:
        return search_provenance(endpoint, url, pairs)
    query = parse(target.type, pairs, lenient=lenient(request))
    with endpoint.database.read() as tx:
        page = find(tx, query, target.view)
    links = _links(url, query, page, pairs)
    entries = [
        entry(f"{url}/{found.id}", found.body, {"search": {"mode": "match"}})
        for found in page.matches
    ]
    now_us = endpoint.clock.now_us()
    return bundle("searchset", links, [*entries, *_ignored(query)], now_us=now_us, total=page.total)


def _links(url: str, query: Query, page: Page, pairs: Pairs) -> list[dict[str, str]]:
    used = [(name, value) for name, value in pairs if name not in query.ignored]
    links = [link("self", url, used)]
    if page.next:
        rest = [pair for pair in used if pair[0] != "_cursor"]
        links.append(link("next", url, [*rest, ("_cursor", page.next)]))
    return links


def _ignored(query: Query) -> Sequence[dict[str, Any]]:
    """The entry that names what a lenient search left out, by its place in the request."""
    if not query.ignored:
        return ()
    fault = Fault(
        Category.UNSUPPORTED, "search-parameter-ignored", "an unsupported parameter was ignored"
    )
    issues = [issue(fault, "warning") | place(name) for name in query.ignored]
    return [
        {"resource": orjson.Fragment(orjson.dumps(outcome(*issues))), "search": {"mode": "outcome"}}
    ]
