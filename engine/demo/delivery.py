"""What a site hands over, whatever the way: one message, one row of a file, one resource."""

from dataclasses import dataclass
from typing import Literal

Way = Literal["hl7", "csv", "fhir"]
Fact = tuple[str, str]
"""Type and business key of a resource somebody who took the delivery has to know."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as a site sends it. `refused`: the engine has to say no to it."""

    site: str
    control_id: str
    body: bytes
    facts: tuple[Fact, ...] = ()
    refused: bool = False
    way: Way = "hl7"


@dataclass(frozen=True, slots=True)
class Extract:
    """A file for the drop folder; each of its rows is a delivery."""

    name: str
    text: bytes
    rows: tuple[Delivery, ...]
