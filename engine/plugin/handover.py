"""Hands one delivery to the engine: asks whether it is admitted, waits for room, gives it on.

Whatever breaks behind a channel becomes a fault here, so that the sender gets an answer and the
channel goes on.
"""

import asyncio
from collections.abc import Callable

from engine.core.failpoint import failpoint
from engine.core.fault import Category, Fault
from engine.core.values import Envelope, Receipt
from engine.plugin.event import ChannelFailed
from engine.plugin.protocol import Admission, Intake, Surroundings

_INTAKE_FAILED = Fault(Category.UNAVAILABLE, "intake-failed", "the delivery could not be stored")
_ADMISSION_FAILED = Fault(Category.BUG, "admission-failed", "the delivery could not be examined")


def examine(place: Surroundings, body: bytes) -> Admission:
    """Ask the site's plan about a delivery."""
    try:
        return place.admit(body)
    except Exception:  # noqa: BLE001 - one delivery must not end the channel
        place.report(ChannelFailed(place.channel, place.site, _ADMISSION_FAILED.code))
        return Admission(fault=_ADMISSION_FAILED)


async def room(place: Surroundings, intake: Intake) -> None:
    """Wait until the intake has room."""
    while intake.full():
        place.tally.pauses += 1
        drained = asyncio.Event()
        intake.on_drained(drained.set)
        await drained.wait()


def envelope(
    place: Surroundings, media_type: str, body: bytes, admission: Admission, key: str = ""
) -> Envelope:
    """Put what arrived now into an envelope; `key` is its name where not the plan says it."""
    return Envelope(
        place.channel,
        place.site,
        media_type,
        body,
        place.clock.now_us(),
        key or admission.control_id,
        admission.lane,
    )


def submit(
    place: Surroundings, intake: Intake, sealed: Envelope, done: Callable[[Receipt], None]
) -> None:
    """Give an admitted delivery to the intake; `done` gets its receipt."""
    failpoint("after-receive")
    try:
        intake.submit(sealed, done)
    except Exception:  # noqa: BLE001 - the sender needs an answer whatever broke behind us
        place.report(ChannelFailed(place.channel, place.site, _INTAKE_FAILED.code))
        done(Receipt(fault=_INTAKE_FAILED))
