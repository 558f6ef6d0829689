"""Bundles of stored bodies: bodies are put in as they are, without parsing (R4, bundle.html)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.responses import Response

from engine.core.clock import instant
from engine.rest.outcome import FHIR_JSON

Pairs = Sequence[tuple[str, str]]


def link(relation: str, url: str, pairs: Pairs = ()) -> dict[str, str]:
    """Return one Bundle.link."""
    return {"relation": relation, "url": f"{url}?{urlencode(pairs)}" if pairs else url}


def entry(url: str, body: bytes, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return one Bundle.entry around a body; an empty body leaves the resource out."""
    inner = {"resource": orjson.Fragment(body)} if body else {}
    return {"fullUrl": url, **inner, **more}


def bundle(
    kind: str,
    links: Sequence[Mapping[str, str]],
    entries: Sequence[Mapping[str, Any]],
    *,
    now_us: int,
    total: int | None,
) -> Response:
    """Return a Bundle response; `total` None leaves it out, as an empty list is left out."""
    head: dict[str, Any] = {
        "resourceType": "Bundle",
        "meta": {"lastUpdated": instant(now_us)},
        "type": kind,
    }
    if total is not None:
        head["total"] = total
    head["link"] = links
    if entries:
        head["entry"] = entries
    return Response(orjson.dumps(head), media_type=FHIR_JSON)
