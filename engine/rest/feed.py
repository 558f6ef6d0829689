"""POST and PUT below /sources/{site}: a site hands in what it has to say (R4, http.html#create).

The answer is the channel's, here it only becomes HTTP. A delivery that is on disk but not yet in
the store is 202, with the address of its outcome; one that is in the store 201 or 200.
"""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from engine.core.fault import Category, Fault, FaultError
from engine.formats.fhir_request import criteria, version_of
from engine.plugin.web import Answered, Posted
from engine.rest.body import check_head, holding
from engine.rest.endpoint import Endpoint
from engine.rest.feed_answer import answer
from engine.rest.outcome import UNKNOWN, refusal
from engine.rest.target import base_of, view_of

CONDITION = Fault(
    Category.INVALID, "condition-missing", "a PUT to a type needs the search that finds one"
)
KEY = Fault(Category.INVALID, "idempotency-key", "the Idempotency-Key is no short, printable text")
_MOST_KEY = 128
_OF_THE_ANSWER = ("_format=", "_pretty=")  # parameters that select nothing


async def take(endpoint: Endpoint, request: Request) -> Response:
    """Take a resource, a batch or a transaction for the site in the address."""
    view = view_of(endpoint, request)
    door = endpoint.doors.get(view.site)
    if door is None:
        return refusal(UNKNOWN)
    try:
        check_head(request, door.max_body_bytes)
        with holding(endpoint.room) as held:
            asked = _asked(request)
            body = await held.read(request, door.max_body_bytes)
            answered = await door.take(replace(asked, body=body))
    except FaultError as error:
        door.turned_away(error.fault)
        answered = Answered(fault=error.fault)
    return answer(answered, base_of(endpoint, request, view))


def _asked(request: Request) -> Posted:
    """Read what address and headers ask for. FaultError when they are no request."""
    where = request.path_params
    kind, name = where.get("type", ""), where.get("id", "")
    condition = _searched(request) if request.method == "PUT" else _none_exist(request)
    if request.method == "PUT" and bool(name) == bool(condition):
        raise FaultError(CONDITION)
    if condition:
        criteria(condition)
    tag = request.headers.get("if-match") if request.method == "PUT" else None
    version = version_of(tag.strip()) if tag is not None else 0
    return Posted(request.method, b"", kind, name, condition, version, _key(request))


def _searched(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return "&".join(one for one in query.split("&") if not one.startswith(_OF_THE_ANSWER))


def _none_exist(request: Request) -> str:
    return request.headers.get("if-none-exist", "").strip().removeprefix("?")


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "").strip()
    if len(key) > _MOST_KEY or not (key.isascii() and key.isprintable()):
        raise FaultError(KEY)
    return key
