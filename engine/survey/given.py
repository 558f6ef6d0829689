"""One delivery to look at, of whatever form, from the journal or from a file.

Knows how each form is read and mapped, not what anybody looks for in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core.fault import Category, Fault, FaultError
from engine.core.values import CSV_ROW, FHIR_JSON, HL7_V2, Envelope, Mapped
from engine.formats.delimited.delivery import RowDelivery, read_delivery
from engine.formats.fhir_json import read_json
from engine.formats.hl7v2.batch import split_batch
from engine.formats.hl7v2.parse import Message, parse
from engine.mapping.file_rows import deliveries, sound
from engine.mapping.plan import Plan, Traced

_ROWS, _RESOURCES = ".csv", frozenset({".json", ".ndjson"})
_NO_CONTENT = Fault(Category.UNSUPPORTED, "content-not-sent", "an event brings no content to map")


@dataclass(frozen=True, slots=True)
class Given:
    """What was sent, read. With a fault it could not be read, and the value is None."""

    name: str  # how people find it again: a control id, a file with line or number
    value: Message | RowDelivery | dict[str, Any] | None
    received_us: int = 0
    control_id: str = ""
    channel: str = ""
    fault: Fault | None = None

    def traced(self, plan: Plan) -> Traced:
        """Map it with what became of each value. FaultError as those of the plan."""
        if isinstance(self.value, Message):
            return plan.trace(self.value, self.received_us)
        if isinstance(self.value, RowDelivery):
            return plan.trace_row(self.value, self.received_us)
        if self.value is None:
            raise FaultError(self.fault or _NO_CONTENT)
        return plan.trace_resource(self.value, self.received_us, self.control_id)

    def mapped(self, plan: Plan) -> Mapped:
        """Map it. FaultError as those of the plan."""
        if isinstance(self.value, Message):
            return plan.map(self.value, self.received_us)
        if isinstance(self.value, RowDelivery):
            return plan.map_row(self.value, self.received_us)
        if self.value is None:
            raise FaultError(self.fault or _NO_CONTENT)
        return plan.map_resource(self.value, self.received_us, self.control_id)


def of_envelope(envelope: Envelope, name: str, charset: str) -> Given:
    """Read a delivery of the journal."""
    try:
        value = _read(envelope, charset)
    except FaultError as error:
        return Given(name, None, envelope.received_us, fault=error.fault)
    about = (envelope.received_us, envelope.control_id, envelope.channel)
    return Given(name, value, *about, fault=None if value is not None else _NO_CONTENT)


def _read(envelope: Envelope, charset: str) -> Message | RowDelivery | dict[str, Any] | None:
    if envelope.media_type == HL7_V2:
        return parse(envelope.body, charset)
    if envelope.media_type == CSV_ROW:
        return read_delivery(envelope.body)
    if envelope.media_type == FHIR_JSON:
        found: dict[str, Any] = read_json(envelope.body)
        return found
    return None


def of_file(plan: Plan, data: bytes, name: str, received_us: int) -> Iterator[Given]:
    """Read the messages, rows or resources of a file, by what its name ends in."""
    kind = Path(name).suffix.lower()
    if kind == _ROWS:
        yield from _rows(plan, data, name, received_us)
        return
    lines = data.splitlines() if kind == ".ndjson" else [data]
    bodies, media_type = (lines, FHIR_JSON) if kind in _RESOURCES else (split_batch(data), HL7_V2)
    for number, body in enumerate(bodies, 1):
        if body.strip():
            envelope = Envelope("", plan.site.name, media_type, body, received_us)
            yield of_envelope(envelope, f"{name}#{number}", plan.site.charset)


def _rows(plan: Plan, data: bytes, name: str, received_us: int) -> Iterator[Given]:
    try:
        for row, delivery in deliveries(plan.contracts, Path(name).name, data, received_us):
            where = f"{name}:{row.line}"
            try:
                sound(row)
            except FaultError as error:
                yield Given(where, None, fault=error.fault)
            else:
                yield Given(where, delivery, received_us)
    except FaultError as error:
        yield Given(name, None, fault=error.fault)
