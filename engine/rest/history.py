"""GET [base]/[type]/[id]/_history: all versions, newest first (R4, http.html#history).

Takes `_count`, `_since` and its own `_cursor`, the version a page ended at.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.core.clock import instant
from engine.core.fault import Category, refuse
from engine.rest.endpoint import Endpoint
from engine.rest.headers import etag
from engine.rest.outcome import UNKNOWN, refusal
from engine.rest.page import bundle, entry, link
from engine.rest.target import PROVENANCE, target_of, url_of
from engine.store import read as store
from engine.store.search.dates import range_of
from engine.store.search.query import DEFAULT_COUNT, MOST_COUNT

_KNOWN = frozenset({"_count", "_since", "_cursor", "_format", "_pretty"})
_NEWEST = 1 << 31


async def history(endpoint: Endpoint, request: Request) -> Response:
    """Answer with a page of versions; 404 when the view never had the resource."""
    target, name = target_of(endpoint, request), request.path_params["id"]
    _refuse_unknown(request)
    before = _number(request, "_cursor", _NEWEST)
    most = max(1, min(_number(request, "_count", DEFAULT_COUNT), MOST_COUNT))
    since_us = _since(request)
    if target.type == PROVENANCE:
        return refusal(UNKNOWN)
    with endpoint.database.read() as tx:
        current = store.read(tx, target.type, name, target.view)
        if current is None:
            return refusal(UNKNOWN)
        found = store.history(tx, target.type, name, target.view, before=before, most=most + 1)
    kept = [version for version in found[:most] if version.updated_us >= since_us]
    url = url_of(endpoint, request, target)
    links = [link("self", f"{url}/{name}/_history", request.query_params.multi_items())]
    if len(kept) == most < len(found):
        pairs = [p for p in request.query_params.multi_items() if p[0] != "_cursor"]
        following = ("_cursor", str(kept[-1].version))
        links.append(link("next", f"{url}/{name}/_history", [*pairs, following]))
    entries = [_entry(url, version) for version in kept]
    total = current.version if since_us < 0 else None
    return bundle("history", links, entries, now_us=endpoint.clock.now_us(), total=total)


def _entry(url: str, stored: store.Stored) -> dict[str, Any]:
    method = "DELETE" if stored.deleted else "PUT"
    status = "204" if stored.deleted else "201" if stored.version == 1 else "200"
    more = {
        "request": {"method": method, "url": f"{stored.type}/{stored.id}"},
        "response": {
            "status": status,
            "etag": etag(stored),
            "lastModified": instant(stored.updated_us),
        },
    }
    return entry(f"{url}/{stored.id}", stored.body, more)


def _refuse_unknown(request: Request) -> None:
    if not _KNOWN.issuperset(request.query_params):
        raise refuse(
            Category.UNSUPPORTED,
            "history-parameter-unknown",
            "history takes _count, _since and _cursor",
        )


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise refuse(Category.INVALID, "search-value-invalid", "a number is needed", name)
    return int(text)


def _since(request: Request) -> int:
    text = request.query_params.get("_since")
    if text is None:
        return -1
    found = range_of(text.replace(" ", "+"))
    if found is None:
        raise refuse(Category.INVALID, "search-value-invalid", "a time is needed", "_since")
    return max(found[0], 0)
