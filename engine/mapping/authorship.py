"""Who told what a message says: Provenance of its orders and of its patient, for bundles only.

Follows the sheets ORC[Provenance] and PID[Provenance-Patient] of the HL7 v2-to-FHIR guide (STU 1).
The store keeps none: it renders Provenance from its ledger.
"""

from collections.abc import Iterator, Sequence

from engine.formats.hl7v2.parse import Message, Segment
from engine.mapping.context import Identify
from engine.mapping.datatypes import moments
from engine.mapping.datatypes.tools import Tools
from engine.mapping.links import Links, Resource, agent, present, unflawed
from engine.mapping.text import lead

_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_DONE = {"NW": "CREATE", "OC": "ABORT", "CA": "ABORT"}  # ORC-1; the guide's CANCEL is no such code
_PEOPLE = ((11, "verifier"), (12, "author"), (19, "performer"))
_ORDERS = frozenset({"ServiceRequest", "MedicationRequest", "MedicationDispense"})
_NO_ORDERS = frozenset({"ORU", "VXU"})  # an ORC of these tells of what was done


class Authors:
    """Makes them; `linked` collects what they refer to, `sent` is the time of the message."""

    def __init__(self, tools: Tools, identify: Identify) -> None:
        self._tools = tools
        self._identify = identify
        self._links = Links(tools, identify)

    def all(
        self, message: Message, made: Sequence[Resource], sent: str, linked: list[Resource]
    ) -> Iterator[Resource]:
        """Give a Provenance for each patient last updated before, and for each order told."""
        patients = [body for body in made if body["resourceType"] == "Patient"]
        pids = message.all("PID")
        if len(pids) == len(patients):
            for pid, patient in zip(pids, patients, strict=True):
                yield from self._updated(message.segments[0], pid, patient, sent, linked)
        if lead(message.segments[0].field(9)) not in _NO_ORDERS:
            for order in message.all("ORC"):
                yield from self._ordered(order, made, sent, linked)

    def _updated(
        self, msh: Segment, pid: Segment, patient: Resource, sent: str, linked: list[Resource]
    ) -> Iterator[Resource]:
        """PID-33 and PID-34: when and where the sender's record was last changed."""
        occurred = unflawed(moments.date_time(self._tools)(pid.field(33)))
        facility = self._links.to("HD", "Organization", pid.field(34) or msh.field(4), linked)
        if not facility or not (occurred or pid.field(34)):
            return
        about = f"Patient/{patient['id']}"
        found = {
            "target": [{"reference": about}],
            "occurredDateTime": occurred,
            "recorded": sent,
            "activity": {"coding": [{"system": _OPERATION, "code": "UPDATE"}]},
            "agent": [agent("performer", facility)],
        }
        yield self._made(f"{about} {pid.field(33)}", found)

    def _ordered(
        self, order: Segment, made: Sequence[Resource], sent: str, linked: list[Resource]
    ) -> Iterator[Resource]:
        """ORC: who entered, verified, gave and carried out an order, and on what device."""
        numbers = {number for n in (2, 3) if (number := lead(order.field(n)))}
        about = [f"{body['resourceType']}/{body['id']}" for body in made if _is(body, numbers)]
        agents = list(self._agents(order, linked))
        if not about or not agents:
            return
        when = order.field(9)
        found = {
            "target": [{"reference": name} for name in about],
            "occurredDateTime": unflawed(moments.date_time(self._tools)(when)),
            "recorded": unflawed(moments.instant(self._tools)(when)) or sent,
            "activity": {
                "coding": [
                    {"system": _OPERATION, "code": _DONE.get(lead(order.field(1)), "UPDATE")}
                ]
            },
            "agent": agents,
        }
        yield self._made(f"{about[0]} {order.text}", found)

    def _agents(self, order: Segment, linked: list[Resource]) -> Iterator[Resource]:
        behalf = self._links.to("CWE", "Organization", order.field(17), linked)
        if entered := self._who(order, 10, linked):
            yield agent("enterer", entered, behalf)
        for number, role in _PEOPLE:
            if who := self._who(order, number, linked):
                yield agent(role, who)
        if device := lead(order.field(18)):
            elements = {"identifier": [{"value": device}]}
            yield agent("assembler", self._links.made("Device", device, elements, linked))

    def _who(self, order: Segment, number: int, linked: list[Resource]) -> Resource | None:
        first = order.field(number).partition("~")[0]
        return self._links.to("XCN", "Practitioner", first, linked)

    def _made(self, key: str, elements: Resource) -> Resource:
        ident = self._identify("Provenance", (key,))
        return {"resourceType": "Provenance", "id": ident, **present(elements)}


def _is(body: Resource, numbers: set[str]) -> bool:
    """Whether a resource is an order with one of these numbers."""
    return body["resourceType"] in _ORDERS and any(
        found.get("value") in numbers for found in body.get("identifier", ())
    )
