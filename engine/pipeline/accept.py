"""What intake has to know of a message before it takes it: who it is about, and whether to refuse.

Refused is only what the sender can mend and the engine could never use: bytes that are no HL7
message, a character set that does not fit, a trigger no mapping handles. Everything else is taken
and accounted for later, because a sender that is refused may drop the message.
"""

from collections.abc import Callable

from engine.core.clock import Clock
from engine.core.fault import Category, Fault, FaultError
from engine.core.values import CSV_ROW, FHIR_JSON, HL7_V2, Entry, Envelope
from engine.formats.delimited.delivery import read_delivery
from engine.formats.fhir_json import read_json
from engine.formats.fhir_request import condition_of
from engine.formats.hl7v2.parse import Message, parse
from engine.mapping.plan import Plan
from engine.pipeline.criteria import query_of
from engine.pipeline.prepare import prepare
from engine.plugin.protocol import Admission

NO_CONTROL_ID = Fault(
    Category.INVALID, "missing-control-id", "this site has to number its messages", "MSH-10"
)
UNKNOWN_TRIGGER = Fault(
    Category.UNSUPPORTED, "unknown-trigger", "no mapping handles this message type", "MSH-9"
)


def admission(plan: Plan, media_type: str = HL7_V2) -> Callable[[bytes], Admission]:
    """Return what a channel asks about each delivery of the plan's site."""
    if media_type == FHIR_JSON:
        return _of_resources(plan)
    return _of_rows(plan) if media_type == CSV_ROW else _of_messages(plan)


def _of_resources(plan: Plan) -> Callable[[bytes], Admission]:
    def admit(body: bytes) -> Admission:
        try:
            found = read_json(body)
            request = condition_of(found)
            if request is not None and request.condition:
                query_of(request)
            return Admission(lane=plan.lane_of_resource(found))
        except FaultError as error:
            return Admission(fault=error.fault)

    return admit


def strictly(
    admit: Callable[[bytes], Admission], plan: Plan, media_type: str, clock: Clock
) -> Callable[[bytes], Admission]:
    """Admit only what can be mapped: for senders who hear whether their delivery is in the store.

    They are told what is wrong with it, so it need not be kept for somebody else to look at.
    """

    def examined(body: bytes) -> Admission:
        found = admit(body)
        if found.fault is not None:
            return found
        site = plan.site.name
        envelope = Envelope("", site, media_type, body, clock.now_us(), lane=found.lane)
        fault = prepare(Entry(0, 0, envelope), {site: plan}).fault
        return found if fault is None else Admission(fault=fault)

    return examined


def _of_rows(plan: Plan) -> Callable[[bytes], Admission]:
    def admit(body: bytes) -> Admission:
        try:
            delivery = read_delivery(body)
            return Admission(delivery.control_id, plan.row_lane(delivery))
        except FaultError as error:
            return Admission(fault=error.fault)

    return admit


def _of_messages(plan: Plan) -> Callable[[bytes], Admission]:
    triggers = frozenset(plan.triggers)

    def admit(body: bytes) -> Admission:
        try:
            message = parse(body, plan.site.charset)
        except FaultError as error:
            return Admission(fault=error.fault)
        return _known(plan, triggers, message)

    return admit


def _known(plan: Plan, triggers: frozenset[str], message: Message) -> Admission:
    if message.kind not in triggers:
        return Admission(fault=UNKNOWN_TRIGGER)
    control_id = message.control_id
    if not control_id and plan.site.require_control_id:
        return Admission(fault=NO_CONTROL_ID)
    return Admission(control_id, plan.lane(message))
