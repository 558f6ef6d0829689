"""The contract between the region's HTTP endpoint and a channel whose deliveries come in there.

The endpoint knows HTTP: addresses, headers, how much may be read and for how long. The channel is
a door in it: it says whose token opens, what a body holds and what became of it. It is an
`engine.plugin.protocol.Inbound` as well, open from `started` until `run` is cancelled; its address
is a path such as `/sources/lakeside/fhir`. One site has one door.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.core.fault import Fault
from engine.core.values import Receipt
from engine.plugin.protocol import Intake, Started


@dataclass(frozen=True, slots=True)
class Posted:
    """One request with its whole body. What the address names is as the client wrote it."""

    method: str  # POST or PUT
    body: bytes
    type: str = ""  # resource type in the address; empty: the body is a Bundle
    id: str = ""
    condition: str = ""  # search of a conditional create or update, percent-encoded as sent
    version: int = 0  # the one an update is meant for, 0 for any
    key: str = ""  # what the client calls this delivery (Idempotency-Key), empty if nothing


@dataclass(frozen=True, slots=True)
class Part:
    """One delivery of a request, or why it is none."""

    type: str  # of the resource, or Bundle
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a request: of each delivery in it, or a fault that refused it whole.

    `form` is `resource`, `transaction` or `batch`. `types` are those of a transaction's entries.
    """

    form: str = "resource"
    parts: tuple[Part, ...] = ()
    types: tuple[str, ...] = ()
    fault: Fault | None = None


class Door(Protocol):
    """A channel at the endpoint."""

    @property
    def channel(self) -> str: ...

    @property
    def max_body_bytes(self) -> int: ...

    def knows(self, token: str) -> bool:
        """Tell whether a bearer token opens this door, in constant time."""
        ...

    def is_signed(self, body: bytes, signatures: Sequence[str]) -> bool:
        """Tell whether an event was signed with the secret agreed on, in constant time."""
        ...

    def turned_away(self, fault: Fault) -> None:
        """Hear of a request that the endpoint refused before `take`, to count and tell it."""
        ...

    async def hear(self, body: bytes) -> Answered:
        """Take an event that `is_signed`; never raises for its content."""
        ...

    async def take(self, posted: Posted) -> Answered:
        """Take a request of whoever `knows` let in; never raises for its content."""
        ...

    async def run(self, intake: Intake, started: Started) -> None: ...

    def check(self) -> str | None: ...
