"""The content of a Binary as it is, beside the resource that holds it (R4, binary.html#rest).

A client that does not ask for FHIR gets the bytes, of the type the resource says. They come from
outside: no browser shall show them as a page of ours, so they are for saving.
"""

import base64

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.rest.headers import accepted, has_already, version_headers
from engine.rest.outcome import FORMAT, refusal
from engine.store.read import Stored

_PATH = "Binary"
_FHIR = frozenset({"application/fhir+json", "application/json", "text/json", "json"})


def wants_content(request: Request) -> bool:
    """Tell whether a Binary is asked for, and not in the form of FHIR."""
    if request.path_params.get("type") != _PATH or request.url.path.endswith("/_history"):
        return False
    return _FHIR.isdisjoint(accepted(request))


def content(request: Request, stored: Stored) -> Response:
    """Answer with the bytes of a Binary; 304, or 406 when the client takes no such type."""
    headers = version_headers(stored)
    if has_already(request, stored):
        return Response(status_code=304, headers=headers)
    known = orjson.loads(stored.body)
    media = known["contentType"]
    main = media.partition(";")[0].strip().lower()
    if not {main, "*/*", f"{main.partition('/')[0]}/*"} & set(accepted(request)):
        return refusal(FORMAT, 406)
    about = known.get("securityContext", {}).get("reference")
    if about:
        headers["X-Security-Context"] = about
    headers["Content-Disposition"] = "attachment"
    data = base64.b64decode(known.get("data", ""))
    return Response(data, headers={**headers, "Content-Type": media})
