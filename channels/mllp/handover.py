"""Hands one message to the engine: asks whether it is admitted, and gives it to the intake.

Whatever breaks behind the channel becomes a fault here, so that the sender gets an answer.
"""

from collections.abc import Callable

from engine.core.failpoint import failpoint
from engine.core.fault import Category, Fault
from engine.core.values import HL7_V2, Envelope, Receipt
from engine.plugin.event import ChannelFailed
from engine.plugin.protocol import Admission, Intake, Surroundings

_INTAKE_FAILED = Fault(Category.UNAVAILABLE, "intake-failed", "the message could not be stored")
_ADMISSION_FAILED = Fault(Category.BUG, "admission-failed", "the message could not be examined")


def examine(place: Surroundings, body: bytes) -> Admission:
    """Ask the site's plan about a message."""
    try:
        return place.admit(body)
    except Exception:  # noqa: BLE001 - one message must not end a sender's connection
        place.report(ChannelFailed(place.channel, place.site, _ADMISSION_FAILED.code))
        return Admission(fault=_ADMISSION_FAILED)


def submit(
    place: Surroundings,
    intake: Intake,
    body: bytes,
    admission: Admission,
    done: Callable[[Receipt], None],
) -> None:
    """Give an admitted message to the intake; `done` gets its receipt."""
    envelope = Envelope(
        place.channel,
        place.site,
        HL7_V2,
        body,
        place.clock.now_us(),
        admission.control_id,
        admission.lane,
    )
    failpoint("after-receive")
    try:
        intake.submit(envelope, done)
    except Exception:  # noqa: BLE001 - the sender needs an answer whatever broke behind us
        place.report(ChannelFailed(place.channel, place.site, _INTAKE_FAILED.code))
        done(Receipt(fault=_INTAKE_FAILED))
