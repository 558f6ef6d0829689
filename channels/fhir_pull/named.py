"""Gets what events of the site only named: each resource once, however many events named it.

A resource that is not there yet may only be late: an event can be quicker than the server's own
copies. So it is asked for again, for half an hour. What is refused, or seems to lie at another
server, waits: the settings may be what is wrong, and nothing is lost meanwhile. One that was
deleted is left as it is stored: a site that wants something gone says so in its content
(`entered-in-error`), as by any other way in. A patient whose address leads to another patient of
the server was merged into that one (Epic); what other servers say with a link is said so.
"""

import asyncio

from channels.fhir_pull.chain import LARGE_BYTES, Desk
from channels.fhir_pull.deliver import Why
from channels.fhir_pull.event import PullGone, PullRefused
from channels.fhir_pull.origin import into, named
from channels.fhir_pull.page import Fetched, resource
from channels.fhir_pull.quota import SECOND_US
from channels.fhir_pull.server import REDIRECTS
from engine.core.failpoint import failpoint
from engine.core.fault import Category, Fault, FaultError
from engine.core.lexeme import encode
from engine.plugin.recall import Ask, Deed

MOST = 20
_LATE_TRIES = 10  # half an hour in all
_LONGEST_S = 3600


async def fetch_named(desk: Desk) -> bool:
    """Get some of what waits; False when nothing does, or the server has to be left alone.

    FaultError of what is behind us alone.
    """
    now_us = desk.around.clock.now_us()
    asks = await asyncio.to_thread(desk.memory.asks, MOST, now_us)
    for ask in asks:
        await asyncio.to_thread(desk.memory.keep, await _deed(desk, ask))
        if desk.server.fault is not None:
            return False
    return len(asks) == MOST


async def _deed(desk: Desk, ask: Ask) -> Deed:
    try:
        found = await _fetched(desk, ask)
        handed = await desk.counter.hand_on([found], Why())
    except FaultError as error:
        return _unanswered(desk, ask, error.fault)
    if handed.fault is not None:
        return Deed(later=[(ask, _due_us(desk, ask))])
    failpoint("before-named")
    return Deed(held=handed.held, settled=[ask])


async def _fetched(desk: Desk, ask: Ask) -> Fetched:
    base = desk.settings.base_url
    kind, ident = named(base, ask.reference)
    answer, fault = await desk.server.answer(f"{base}/{kind}/{ident}", kind)
    if fault is not None:
        location = answer.headers.get("location", "") if fault.code == REDIRECTS else ""
        merged = into(base, (kind, ident), location)
        if not merged:
            raise FaultError(fault)
        return resource(_merged(ident, merged), kind, ident)
    if len(answer.body) <= LARGE_BYTES:
        return resource(answer.body, kind, ident)
    return await asyncio.to_thread(resource, answer.body, kind, ident)


def _merged(ident: str, survivor: str) -> bytes:
    """What a server says of a patient who was merged (R4, Patient.link)."""
    link = {"other": {"reference": f"Patient/{survivor}"}, "type": "replaced-by"}
    return encode({"resourceType": "Patient", "id": ident, "active": False, "link": [link]})


def _unanswered(desk: Desk, ask: Ask, fault: Fault) -> Deed:
    """What the server may still answer is asked for later; what it never will is told, and done."""
    around = desk.around
    gone = fault.code == "resource-gone" or (
        fault.category is Category.NOT_FOUND and ask.tries >= _LATE_TRIES
    )
    if gone:
        around.report(PullGone(around.channel, around.site, fault.code))
        return Deed(settled=[ask])
    if desk.server.fault is not None:
        return Deed()
    if ask.tries == 0:
        around.report(PullRefused(around.channel, around.site, fault.code))
    return Deed(later=[(ask, _due_us(desk, ask))])


def _due_us(desk: Desk, ask: Ask) -> int:
    wait_s = min(_LONGEST_S, 1 << min(ask.tries + 1, 12))
    return desk.around.clock.now_us() + wait_s * SECOND_US
