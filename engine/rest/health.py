"""GET /health and GET /metrics: for those who watch the process, not for FHIR clients."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.rest.endpoint import Endpoint

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


async def health(endpoint: Endpoint, _: Request) -> Response:
    """Answer 200 when all is well, else 503 with the reasons."""
    found = endpoint.health()
    body = orjson.dumps({"ok": found.ok, "reasons": found.reasons})
    return Response(body, 200 if found.ok else 503, media_type="application/json")


async def metrics(endpoint: Endpoint, _: Request) -> Response:
    """Answer with the counters in Prometheus' text format."""
    return Response(endpoint.metrics(), media_type=_PROMETHEUS)
