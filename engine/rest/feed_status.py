"""GET /sources/{site}/fhir/$status/{position}: what became of a delivery, for who sent it."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.pipeline.ledger import read_account
from engine.rest.endpoint import Endpoint
from engine.rest.feed_answer import stated
from engine.rest.outcome import FHIR_JSON, UNKNOWN, refusal
from engine.rest.target import view_of

_MOST_DIGITS = 18


async def status(endpoint: Endpoint, request: Request) -> Response:
    """Answer 202 while it waits, 200 with its outcome, 404 when it never came by this door."""
    door = endpoint.doors.get(view_of(endpoint, request).site)
    text = request.path_params["position"]
    if door is None or not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return refusal(UNKNOWN)
    position = int(text)
    with endpoint.database.read() as tx:
        account = read_account(tx, position)
    if account is not None:
        if account.channel != door.channel:
            return refusal(UNKNOWN)
        return _answer(200, stated(account.state, account.code, account.place))
    if endpoint.channel_of(position) != door.channel:
        return refusal(UNKNOWN)
    return _answer(202, stated("pending"), {"Retry-After": "1"})


def _answer(code: int, body: object, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), code, headers, media_type=FHIR_JSON)
