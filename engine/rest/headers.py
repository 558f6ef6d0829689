"""Reads and writes the HTTP headers FHIR gives a meaning to.

R4, http.html: `ETag` is the weak version id, `Accept` and `_format` choose a format (only JSON
here), `Prefer: handling` says what to do with parameters nobody knows. RFC 9110 for the rest.
"""

from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response

from engine.rest.outcome import FHIR_JSON
from engine.store.read import Stored

_JSON = frozenset({"application/fhir+json", "application/json", "text/json", "json"})
_ANY = frozenset({"*/*", "application/*"})


def accepts_json(request: Request) -> bool:
    """Tell whether JSON may answer this request. `_format` overrides `Accept`."""
    return any(part in _JSON | _ANY for part in accepted(request))


def accepted(request: Request) -> list[str]:
    """Return the media types a client takes, its `_format` alone where there is one."""
    asked = b"_format" in request.scope["query_string"]
    wanted = request.query_params.get("_format", "") if asked else ""
    if wanted:
        # A plus sign that was not percent-encoded arrives as a space.
        return [_media(wanted).replace(" ", "+")]
    return [_media(part) for part in request.headers.get("accept", "*/*").split(",")]


def lenient(request: Request) -> bool:
    """Tell whether the client wants unknown search parameters ignored."""
    wanted = ",".join(request.headers.getlist("prefer"))
    return "handling=lenient" in [part.strip() for part in wanted.replace(";", ",").split(",")]


def etag(stored: Stored) -> str:
    return f'W/"{stored.version}"'


def answer(request: Request, stored: Stored) -> Response:
    """Return a resource, or 304 when the client has this version already."""
    headers = version_headers(stored)
    if has_already(request, stored):
        return Response(status_code=304, headers=headers)
    return Response(stored.body, headers=headers, media_type=FHIR_JSON)


def version_headers(stored: Stored) -> dict[str, str]:
    """Return the headers that say which version an answer shows."""
    updated = formatdate(stored.updated_us // 1_000_000, usegmt=True)
    return {"ETag": etag(stored), "Last-Modified": updated}


def has_already(request: Request, stored: Stored) -> bool:
    """Tell whether the client has this version."""
    return _has(request.headers.get("if-none-match", ""), stored)


def _has(known: str, stored: Stored) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
    return f'"{stored.version}"' in tags or "*" in tags


def _media(text: str) -> str:
    return text.partition(";")[0].strip().lower()
