"""An endpoint for tests, on a store of their own."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.core.fault import Fault
from engine.database.protocol import Database
from engine.database.transaction import Transaction
from engine.plugin.web import Door
from engine.rest.endpoint import Endpoint, Health

TOKEN = "the-region-reads-with-this"


class StillClock:
    """A clock that stands."""

    def now_us(self) -> int:
        return 1_800_000_000_000_000


class NoProvenance:
    """Nothing is known of any message."""

    def read(self, tx: Transaction, resource_id: str) -> dict[str, Any] | None:
        return None

    def of_target(
        self, tx: Transaction, target: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        return []

    def of_source(
        self, tx: Transaction, source: str, after: int, most: int
    ) -> list[tuple[int, dict[str, Any]]]:
        return []


def endpoint_on(
    database: Database,
    doors: Mapping[str, Door] | None = None,
    channel_of: Callable[[int], str] = lambda _: "",
    report: Callable[[Fault], None] = lambda _: None,
    denied: Callable[[Fault, str], None] = lambda *_: None,
) -> Endpoint:
    """Return an endpoint of the region `north` with the sites mercy and lakeside."""
    return Endpoint(
        database=database,
        clock=StillClock(),
        token=TOKEN,
        region="north",
        sites=frozenset({"mercy", "lakeside"}),
        provenance=NoProvenance(),
        health=lambda: Health(ok=True),
        metrics=lambda: b"",
        doors=doors or {},
        channel_of=channel_of,
        report=report,
        denied=denied,
    )
