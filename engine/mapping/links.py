"""References of the resources about a message to what its header and its people are made into.

For bundles only, as those resources; knows what a value is read into, no field of a message.
"""

from typing import Any

from engine.mapping import sides
from engine.mapping.context import Identify
from engine.mapping.datatypes.tools import Flawed, Tools

_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
Resource = dict[str, Any]


def present(found: Resource) -> Resource:
    """Return what has a value."""
    return {name: value for name, value in found.items() if value}


def unflawed(value: Any) -> Any:
    """Return a converted value, whatever was noted about it."""
    return value.value if isinstance(value, Flawed) else value


def agent(role: str, who: Resource, behalf: Resource | None = None) -> Resource:
    """Return an agent of a Provenance, by code of HL7's participant types."""
    found = {"type": {"coding": [{"system": _AGENT, "code": role}]}, "who": who}
    return {**found, "onBehalfOf": behalf} if behalf else found


class Links:
    """Makes resources to be referred to, put into the list that is given."""

    __slots__ = ("_identify", "_tools")

    def __init__(self, tools: Tools, identify: Identify) -> None:
        self._tools = tools
        self._identify = identify

    def made(
        self, kind: str, key: str, elements: Resource, linked: list[Resource]
    ) -> dict[str, str]:
        """Make a resource of elements and return the reference to it."""
        ident = self._identify(kind, (key,))
        linked.append({"resourceType": kind, "id": ident, **present(elements)})
        return {"reference": f"{kind}/{ident}"}

    def to(
        self, datatype: str, target: str, raw: str, linked: list[Resource]
    ) -> dict[str, str] | None:
        """Make a resource of a value and return the reference to it."""
        read = sides.reader(datatype, target, self._tools, self._identify)
        side = read(raw) if read and raw else None
        if side is None:
            return None
        ident = self._identify(target, side.key)
        linked.append({"resourceType": target, "id": ident, **side.elements})
        return {"reference": f"{target}/{ident}"}
