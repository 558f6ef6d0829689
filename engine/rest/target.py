"""What a path addresses, a view of the store and a served type, and the URLs its links name."""

import re
from dataclasses import dataclass

from starlette.requests import Request

from engine.core.fault import FaultError
from engine.rest.endpoint import Endpoint
from engine.rest.outcome import UNKNOWN_SITE, UNKNOWN_TYPE
from engine.store.read import UNIFIED, View
from engine.store.search.params import SUPPORTED

PROVENANCE = "Provenance"
BINARY = "Binary"
READ_ONLY = frozenset({BINARY})
"""Types that are read by their id, and not searched."""
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Target:
    """A type on a view."""

    type: str
    view: View


def url_of(endpoint: Endpoint, request: Request, target: Target) -> str:
    """Return the URL of a type as this client knows it."""
    return f"{base_of(endpoint, request, target.view)}/{target.type}"


def view_of(endpoint: Endpoint, request: Request) -> View:
    """Return the view a path asks for. FaultError `unknown-site`."""
    site = request.path_params.get("site")
    if site is None:
        return UNIFIED
    if site not in endpoint.sites:
        raise FaultError(UNKNOWN_SITE)
    return View(site)


def base_of(endpoint: Endpoint, request: Request, view: View) -> str:
    """Return the base URL of a view as this client knows it."""
    root = endpoint.base_url or f"{request.url.scheme}://{_host(request)}"
    return f"{root}/sources/{view.site}/fhir" if view.site else f"{root}/fhir"


def target_of(endpoint: Endpoint, request: Request) -> Target:
    """Return what a path addresses. FaultError `unknown-site` or `unknown-type`."""
    view = view_of(endpoint, request)
    name = request.path_params["type"]
    if name in READ_ONLY and "id" in request.path_params:
        return Target(name, view)
    if name not in SUPPORTED and (name != PROVENANCE or view.site):
        raise FaultError(UNKNOWN_TYPE)
    return Target(name, view)


def _host(request: Request) -> str:
    """The name the client used; what is none is not repeated in a link."""
    host = request.headers.get("host", "")
    return host if _HOST.fullmatch(host) else "localhost"
