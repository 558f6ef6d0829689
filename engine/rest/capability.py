"""GET [base]/metadata: what this endpoint does, generated from it (R4, http.html#capabilities)."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.core.clock import instant
from engine.r4 import search_parameters
from engine.rest.endpoint import Endpoint
from engine.rest.outcome import FHIR_JSON
from engine.rest.provenance import PARAMETERS
from engine.rest.target import PROVENANCE, READ_ONLY, base_of, view_of
from engine.store.search.params import SUPPORTED
from engine.store.search.query import searchable

_INSTANCE = ("read", "vread", "history-instance")
_KINDS = {"patient": "reference", "id": "token", "updated": "date"}


async def capability(endpoint: Endpoint, request: Request) -> Response:
    """Answer with the CapabilityStatement of the view."""
    view = view_of(endpoint, request)
    statement = described(endpoint, base_of(endpoint, request, view), unified=not view.site)
    return Response(orjson.dumps(statement), media_type=FHIR_JSON)


def described(endpoint: Endpoint, base: str, *, unified: bool) -> dict[str, Any]:
    """Return the CapabilityStatement of one base."""
    resources = [_resource(name) for name in sorted({*SUPPORTED, *READ_ONLY})]
    if unified:
        resources.append(_provenance())
    view = "one record per person" if unified else "the records of one site as it sent them"
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": instant(endpoint.clock.now_us()),
        "kind": "instance",
        "software": {"name": "Concord", "version": endpoint.version},
        "implementation": {"description": f"Region {endpoint.region}: {view}", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "The unified view is at /fhir, a site's own at"
                " /sources/{site}/fhir.",
                "security": {"description": "A bearer token in the Authorization header."},
                "resource": resources,
            }
        ],
    }


def _resource(name: str) -> dict[str, Any]:
    read_only = name in READ_ONLY
    interactions = _INSTANCE if read_only else (*_INSTANCE, "search-type")
    return {
        "type": name,
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": False,
        "conditionalRead": "not-match",
        **({} if read_only else {"searchParam": _parameters(name)}),
    }


def _parameters(name: str) -> list[Mapping[str, str]]:
    declared = search_parameters.of(name)
    return [
        {"name": known.name, "type": _KINDS.get(known.kind, declared[known.name].type)}
        for known in searchable(name).values()
    ]


def _provenance() -> dict[str, Any]:
    return {
        "type": PROVENANCE,
        "interaction": [{"code": code} for code in ("read", "vread", "search-type")],
        "versioning": "versioned",
        "updateCreate": False,
        "searchParam": [{"name": name, "type": kind} for name, kind in PARAMETERS.items()],
    }
