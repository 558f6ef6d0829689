"""What the bytes of an envelope say under a plan: one line for each form that messages come in."""

from engine.core.fault import Category, Fault, FaultError
from engine.core.values import CSV_ROW, FHIR_EVENT, FHIR_JSON, HL7_V2, Envelope, Mapped
from engine.formats.delimited.delivery import read_delivery
from engine.formats.fhir_event import notified
from engine.formats.fhir_json import read_json
from engine.formats.hl7v2.parse import parse
from engine.mapping.plan import Plan, Traced

NO_PLAN = Fault(Category.UNSUPPORTED, "no-plan", "no mapping is active for this site and format")
NOT_SENT = Fault(
    Category.UNSUPPORTED, "content-not-sent", "an event names resources and does not bring them"
)

TO_BE_FETCHED = "to-be-fetched"  # the rule of an event whose resources a channel goes and gets


def mapped(plan: Plan | None, envelope: Envelope) -> Mapped:
    """Read and map. FaultError: `no-plan`, `content-not-sent`, and what readers and plan refuse."""
    if plan is not None and envelope.media_type == HL7_V2:
        return plan.map(parse(envelope.body, plan.site.charset), envelope.received_us)
    if plan is not None and envelope.media_type == CSV_ROW:
        return plan.map_row(read_delivery(envelope.body), envelope.received_us)
    if plan is not None and envelope.media_type == FHIR_JSON:
        found = read_json(envelope.body)
        return plan.map_resource(found, envelope.received_us, envelope.control_id)
    if envelope.media_type == FHIR_EVENT:
        return _named(plan, envelope)
    raise FaultError(NO_PLAN)


def _named(plan: Plan | None, envelope: Envelope) -> Mapped:
    """Read an event that names resources: a task for who fetches, where there is such a channel."""
    if plan is None or not plan.site.fetches:
        raise FaultError(NOT_SENT)
    names = notified(read_json(envelope.body)).names
    if not names:
        raise FaultError(NOT_SENT)
    return Mapped(
        control_id=envelope.control_id,
        kind="fhir:Event",
        source_us=envelope.received_us,
        plan=plan.id,
        filtered=TO_BE_FETCHED,
        named=names,
    )


def traced(plan: Plan, envelope: Envelope) -> Traced:
    """Read and map, and say where each element came from; faults as `mapped`."""
    if envelope.media_type == HL7_V2:
        return plan.trace(parse(envelope.body, plan.site.charset), envelope.received_us)
    if envelope.media_type == CSV_ROW:
        return plan.trace_row(read_delivery(envelope.body), envelope.received_us)
    if envelope.media_type == FHIR_JSON:
        found = read_json(envelope.body)
        return plan.trace_resource(found, envelope.received_us, envelope.control_id)
    raise FaultError(NO_PLAN)
