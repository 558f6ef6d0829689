"""What a message says about itself: MessageHeader and Provenance, for bundles only.

Follows the MSH, SFT and EVN sheets of the HL7 v2-to-FHIR guide (STU 1). The store keeps neither:
it renders Provenance from its ledger.
"""

from typing import Any

from engine.core.clock import instant
from engine.formats.hl7v2.parse import Message, Segment
from engine.mapping.context import Identify
from engine.mapping.datatypes import coded, identifiers, moments
from engine.mapping.datatypes.tools import Tools
from engine.mapping.links import Links, Resource, agent, present, unflawed
from engine.mapping.scope import NOTHING
from engine.mapping.text import lead, part, parts, plain

_EVENTS = "http://terminology.hl7.org/CodeSystem/v2-0003"
_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0076"
_PROCESSING = "http://terminology.hl7.org/CodeSystem/v2-0103"
_MODES = "http://terminology.hl7.org/CodeSystem/v2-0207"
_REASONS = "http://terminology.hl7.org/CodeSystem/v2-0062"
_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_INSTALLED = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Device.version.installDate"


class Headers:
    """Makes the resources about a message; `linked` collects those they refer to."""

    def __init__(self, tools: Tools, identify: Identify) -> None:
        self._tools = tools
        self._identify = identify
        self._links = Links(tools, identify)
        self._assigners = identifiers.Assigners(tools)
        self._coded = coded.Coded(tools, None)
        self._coding = coded.coding(self._coded)

    def identifier(self, message: Message) -> Resource | None:
        """Return Bundle.identifier: MSH-10 among the site's messages."""
        control_id = message.control_id.strip()
        if not control_id:
            return None
        return {"system": self._assigners.own("message"), "value": plain(control_id)}

    def sent(self, message: Message, received_us: int) -> str:
        """Return MSH-7 as an instant, else the arrival time."""
        value = moments.instant(self._tools)(message.segments[0].field(7))
        return unflawed(value) or instant(received_us)

    def header(
        self, message: Message, key: str, focus: list[str], linked: list[Resource]
    ) -> Resource:
        """Make the MessageHeader; `key` is what its id is made of."""
        msh, software = message.segments[0], message.first("SFT") or NOTHING
        found = {
            "resourceType": "MessageHeader",
            "id": self._identify("MessageHeader", (key,)),
            "meta": self._meta(msh),
            "language": lead(msh.field(19)),
            "eventCoding": self._event(msh),
            "destination": self._destinations(msh, linked),
            "sender": self._sender(msh, linked),
            "responsible": self._links.to("XON", "Organization", msh.field(22), linked),
            "source": self._source(msh, software),
            "focus": [{"reference": reference} for reference in focus],
        }
        return present(found)

    def _meta(self, msh: Segment) -> Resource:
        mode = lead(msh.field(11))
        # MSH-8 is no label: HL7 leaves its use open, and some senders put a password there.
        security = [self._coding(msh.field(n)) for n in (26, 27) if msh.field(n)]
        how = plain(part(msh.field(11), 2))
        tags = [{"system": _PROCESSING, "code": mode}] if mode else []
        tags += [{"system": _MODES, "code": how}] if how else []
        return present(
            {
                "source": f"urn:concord:site:{self._tools.site}",
                "security": [s for s in security if isinstance(s, dict)],
                "tag": tags,
            }
        )

    def _event(self, msh: Segment) -> Resource:
        raw = msh.field(9)
        code = plain(part(raw, 2)) or plain(part(raw, 1)) or "unknown"
        return {"system": _EVENTS, "code": code, "display": plain(raw) or code}

    def _endpoint(self, raw: str, name: str) -> str:
        found = self._assigners.find(raw, name)[0].system if raw else ""
        return found or self._assigners.own("unknown")

    def _source(self, msh: Segment, software: Segment) -> Resource:
        name = lead(msh.field(3))
        found = {
            "name": name,
            "software": lead(software.field(3)),
            "version": lead(software.field(2)),
            "endpoint": self._endpoint(msh.field(24) or msh.field(3), name),
        }
        return present(found)

    def _sender(self, msh: Segment, linked: list[Resource]) -> dict[str, str] | None:
        """Return the sending facility, else the site; MSH-17 is the country it lies in."""
        sender, country = (
            self._links.to("HD", "Organization", msh.field(4), linked),
            lead(msh.field(17)),
        )
        if not country:
            return sender
        if sender is None:
            site = self._tools.site
            sender = self._links.made("Organization", site, {"name": site}, linked)
        linked[-1]["address"] = [{"country": country}]
        return sender

    def _destinations(self, msh: Segment, linked: list[Resource]) -> list[Resource]:
        application, facility = msh.field(5), msh.field(6)
        if not (lead(application) or lead(facility)):
            return []
        target = self._device(application, linked)
        # The name of the network address stands where a Device has that of the application.
        name = (lead(msh.field(25)) if target else "") or lead(application)
        found = {
            "name": name,
            "target": target,
            "endpoint": self._endpoint(msh.field(25) or application, name),
            "receiver": self._receiver(msh.field(23), facility, linked),
        }
        return [present(found)]

    def _receiver(
        self, responsible: str, facility: str, linked: list[Resource]
    ) -> dict[str, str] | None:
        """Return the receiving facility (MSH-6), a part of who is responsible for it (MSH-23)."""
        whole = self._links.to("XON", "Organization", responsible, linked)
        part_of = self._links.to("HD", "Organization", facility, linked)
        if whole and part_of and whole != part_of:
            linked[-1]["partOf"] = whole
        return part_of or whole

    def _device(self, raw: str, linked: list[Resource]) -> dict[str, str] | None:
        """Make a Device of the system that an HD names by more than its name."""
        name, universal, scheme = (plain(item) for item in parts(raw, 3))
        known = identifiers.universal_id(universal, scheme)
        if known is None:
            return None
        names = [{"name": name, "type": "user-friendly-name"}] if name else []
        return self._links.made(
            "Device", known["value"], {"identifier": [known], "deviceName": names}, linked
        )

    def _software(self, message: Message, linked: list[Resource]) -> list[Resource]:
        """Make a Device of each SFT: the software that handled the message on its way."""
        found = []
        for segment in message.segments:
            name, version = lead(segment.field(3)), lead(segment.field(2))
            if segment.name != "SFT" or not (name or lead(segment.field(1))):
                continue
            installed = unflawed(moments.date_time(self._tools)(segment.field(6)))
            elements = {
                "manufacturer": lead(segment.field(1)),
                "modelNumber": lead(segment.field(4)),
                "deviceName": [{"name": name, "type": "manufacturer-name"}] if name else [],
                "version": [_installed(version, installed)] if version else [],
                "note": [{"text": text}] if (text := plain(segment.field(5))) else [],
            }
            found.append(self._links.made("Device", segment.text, elements, linked))
        return [{"role": "derivation", "what": device} for device in found]

    def provenance(
        self, message: Message, key: str, targets: list[str], sent: str, linked: list[Resource]
    ) -> Resource:
        """Make the Provenance of all resources of a message."""
        msh, event = message.segments[0], message.first("EVN") or NOTHING
        moment = moments.date_time(self._tools)
        occurred = moment(event.field(6)) or moment(msh.field(7))
        recorded = moments.instant(self._tools)(event.field(2))
        found = {
            "resourceType": "Provenance",
            "id": self._identify("Provenance", (key,)),
            "target": [{"reference": target} for target in targets],
            "occurredDateTime": unflawed(occurred),
            "recorded": unflawed(recorded) or sent,
            "reason": self._reasons(event),
            "activity": {
                "coding": [{"system": _OPERATION, "code": "UPDATE"}, *self._kind(msh)],
                "text": self._said(msh),
            },
            "location": self._links.to("HD", "Location", event.field(7), linked),
            "agent": self._agents(msh, event, linked),
            "entity": self._entities(message) + self._software(message, linked),
        }
        return present(found)

    def _kind(self, msh: Segment) -> list[Resource]:
        code = lead(msh.field(9))
        return [{"system": _TYPES, "code": code}] if code else []

    def _said(self, msh: Segment) -> str:
        return f"message - {plain(msh.field(9))}"

    def _reasons(self, event: Segment) -> list[Resource]:
        codings, text = self._coded.codings(event.field(4))
        for coding in codings:
            coding.setdefault("system", _REASONS)
        return [present({"coding": codings, "text": text})] if codings or text else []

    def _agents(self, msh: Segment, event: Segment, linked: list[Resource]) -> list[Resource]:
        sender = self._links.to("HD", "Organization", msh.field(4), linked)
        system = {"display": lead(msh.field(3)) or self._tools.site}
        agents = [agent("author", sender or system)]
        operator = self._links.to("XCN", "Practitioner", event.field(5).partition("~")[0], linked)
        if operator:
            agents.append(agent("enterer", operator))
        return agents

    def _entities(self, message: Message) -> list[Resource]:
        identifier = self.identifier(message)
        return [{"role": "source", "what": {"identifier": identifier}}] if identifier else []


def _installed(version: str, day: Any) -> Resource:
    """Return a version of software and, as the cross-version extension for R5, its installation."""
    if not day:
        return {"value": version}
    return {"extension": [{"url": _INSTALLED, "valueDateTime": day}], "value": version}
