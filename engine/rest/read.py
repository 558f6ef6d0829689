"""GET [base]/[type]/[id]: the current version (R4, http.html#read)."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.rest.binary import content, wants_content
from engine.rest.endpoint import Endpoint
from engine.rest.headers import answer
from engine.rest.outcome import FHIR_JSON, GONE, UNKNOWN, refusal
from engine.rest.target import PROVENANCE, target_of
from engine.store import read as store


async def read(endpoint: Endpoint, request: Request) -> Response:
    """Answer with the resource as its view shows it, 304, 404, or 410 when it is deleted."""
    target, name = target_of(endpoint, request), request.path_params["id"]
    with endpoint.database.read() as tx:
        if target.type == PROVENANCE:
            body = endpoint.provenance.read(tx, name)
            return Response(orjson.dumps(body), media_type=FHIR_JSON) if body else refusal(UNKNOWN)
        stored = store.read(tx, target.type, name, target.view)
    return shown(request, stored)


def shown(request: Request, stored: store.Stored | None) -> Response:
    """Return a version, or say that there is none."""
    if stored is None:
        return refusal(UNKNOWN)
    if stored.deleted:
        return refusal(GONE, 410, code="deleted")
    return content(request, stored) if wants_content(request) else answer(request, stored)
