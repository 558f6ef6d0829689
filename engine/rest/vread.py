"""GET [base]/[type]/[id]/_history/[vid]: one version (R4, http.html#vread)."""

from starlette.requests import Request
from starlette.responses import Response

from engine.rest.endpoint import Endpoint
from engine.rest.outcome import UNKNOWN, refusal
from engine.rest.read import read, shown
from engine.rest.target import PROVENANCE, target_of
from engine.store import read as store

_DIGITS = 9


async def vread(endpoint: Endpoint, request: Request) -> Response:
    """Answer with a version as its view showed it; a Provenance has one version only."""
    target, number = target_of(endpoint, request), request.path_params["vid"]
    if not (number.isascii() and number.isdigit()) or len(number) > _DIGITS:
        return refusal(UNKNOWN)
    if target.type == PROVENANCE:
        return await read(endpoint, request) if int(number) == 1 else refusal(UNKNOWN)
    with endpoint.database.read() as tx:
        name = request.path_params["id"]
        stored = store.vread(tx, target.type, name, int(number), target.view)
    return shown(request, stored)
