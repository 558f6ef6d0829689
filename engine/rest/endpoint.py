"""What the endpoint needs from the rest of Concord: values and functions, wired by the caller."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.core.clock import Clock
from engine.core.fault import Fault
from engine.database.protocol import Database
from engine.database.transaction import Transaction
from engine.plugin.web import Door
from engine.rest.body import LOBBY_BYTES, Room


class ProvenanceReader(Protocol):
    """Renders the Provenance of messages. Positions are those of the journal, ascending."""

    def read(self, tx: Transaction, resource_id: str) -> dict[str, Any] | None:
        """Return the Provenance with this id, or None."""
        ...

    def of_target(
        self, tx: Transaction, target: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        """Return those of `Type/id` beyond a position, each with its own, at most `most`."""
        ...

    def of_source(
        self, tx: Transaction, source: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        """Return those of a message id, in the same form."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the process does its work, and what a person should look at even if it does.

    `reasons` are constant texts, shown to anyone who asks.
    """

    ok: bool
    reasons: tuple[str, ...] = ()


def _nowhere(_: int) -> str:
    """Nothing is in the journal."""
    return ""


def _unheard(*_: Fault | str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: where it reads, who may ask, what it says of itself."""

    database: Database
    clock: Clock
    token: str  # the bearer token; compared in constant time
    region: str
    sites: frozenset[str]
    provenance: ProvenanceReader
    health: Callable[[], Health]
    metrics: Callable[[], bytes]  # Prometheus text format
    version: str = "0"  # of the software
    base_url: str | None = None  # without a slash at its end; None: as the request names it
    doors: Mapping[str, Door] = field(default_factory=dict)  # site -> where it hands in
    channel_of: Callable[[int], str] = field(default=_nowhere)  # of a journal entry, or empty
    room: Room = field(default_factory=Room)  # for bodies that are being read or worked on
    lobby: Room = field(default_factory=lambda: Room(LOBBY_BYTES))  # for those of strangers
    report: Callable[[Fault], None] = field(default=_unheard)  # hears of faults of ours
    # Hears why somebody was not let in, and at which site's address, empty for none of ours.
    denied: Callable[[Fault, str], None] = field(default=_unheard)
