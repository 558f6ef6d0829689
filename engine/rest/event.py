"""POST /sources/{site}/events: what a vendor's platform says has happened, signed, not logged in.

Its platform waits two seconds and no longer, then sends again. So an event is answered when the
journal has it, and refused for the moment when that takes too long: what was stored meanwhile is
then recognised as a repetition. Nothing of a body is read before its signature is found right.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from engine.core.fault import Category, Fault, FaultError
from engine.plugin.web import Answered, Door
from engine.rest.body import check_head, holding
from engine.rest.endpoint import Endpoint
from engine.rest.feed_answer import refused
from engine.rest.outcome import refusal

UNSIGNED = Fault(Category.FORBIDDEN, "signature-wrong", "the event is not signed as agreed")
LATE = Fault(Category.BUSY, "event-late", "storing took too long; send it again")
MOST_BYTES = 1024 * 1024
ANSWER_S = 1.5
_SIGNATURE = "x-hub-signature"


async def hear(endpoint: Endpoint, request: Request) -> Response:
    """Take a signed event for the site in the address; 200 when it is on disk."""
    door = endpoint.doors.get(request.path_params["site"])
    try:
        check_head(request, MOST_BYTES)
        with holding(endpoint.lobby) as held:
            body = await held.read(request, MOST_BYTES)
            if door is None or not door.is_signed(body, request.headers.getlist(_SIGNATURE)):
                endpoint.denied(UNSIGNED, request.path_params["site"] if door else "")
                return refusal(UNSIGNED, 401, code="login")
            answered = await _heard(door, body)
    except FaultError as error:
        return refused(error.fault)
    fault = answered.fault or next(
        filter(None, (part.receipt.fault for part in answered.parts)), None
    )
    return refused(fault) if fault else Response(status_code=200)


async def _heard(door: Door, body: bytes) -> Answered:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await door.hear(body)
    except TimeoutError:
        return Answered(fault=LATE)
