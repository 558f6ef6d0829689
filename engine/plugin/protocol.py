"""The contract between the engine and a channel that takes messages in.

An inbound channel talks to a sender and to nothing else: it decides no mapping, opens no database
and keeps no state that has to survive. What it is given:

    Surroundings   who it is (channel, site), the clock, whom to ask and whom to tell
    Intake         where a delivery becomes durable

The callback form of `Intake.submit` is the only one: a future and a task for each message cost a
quarter to a third of the channel's whole CPU time, and a protocol callback has nothing to await.
All of it runs on the event loop's thread.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.core.clock import Clock
from engine.core.fault import Category, Fault, refuse
from engine.core.values import Envelope, Receipt
from engine.formats.delimited.contract import Contract
from engine.plugin.event import ChannelEvent
from engine.plugin.recall import Memory
from engine.plugin.tally import Tally


class Intake(Protocol):
    """Makes deliveries durable. Bounded: it says when it is full, and when there is room again."""

    def submit(self, envelope: Envelope, done: Callable[[Receipt], None]) -> None:
        """Take one delivery; `done` is called once, later, on the loop's thread.

        A receipt without a fault means: the bytes survive a power cut. Receipts of one submitter
        may come in another order than the deliveries.
        """
        ...

    def full(self) -> bool:
        """Tell whether the channel should stop reading from its senders."""
        ...

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Call back once, on the loop's thread, as soon as `full` is no longer true."""
        ...


@dataclass(frozen=True, slots=True)
class Admission:
    """What the site's plan says of a delivery before it is accepted.

    With a fault it is refused and nothing is journalled. `lane` is what keeps its order (the
    patient's key as sent), empty for the site's own lane.
    """

    control_id: str = ""
    lane: str = ""
    fault: Fault | None = None


Admit = Callable[[bytes], Admission]
Report = Callable[[ChannelEvent], None]
Started = Callable[[Sequence[str]], None]


def _no_secret() -> str:
    raise refuse(Category.UNAVAILABLE, "secret-missing", "there is no place for a secret here")


def _no_memory() -> Memory:
    raise refuse(Category.UNAVAILABLE, "memory-missing", "there is nothing to remember with here")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the engine gives a channel when it builds it."""

    channel: str
    site: str
    clock: Clock
    admit: Admit
    report: Report
    tally: Tally
    # What was agreed about the files of this site; it may change, so go through it each time.
    contracts: Iterable[Contract] = ()
    # Gives the channel's own secret, made at its first use: for a channel whose settings name none.
    own_secret: Callable[[], str] = _no_secret
    # Gives the memory of a channel that asks for its deliveries; opened when it runs.
    memory: Callable[[], Memory] = _no_memory
    timezone: str = "UTC"  # of the site, for what is to happen at a time of day


class Inbound(Protocol):
    """A channel that takes messages in."""

    async def run(self, intake: Intake, started: Started) -> None:
        """Serve until cancelled.

        Calls `started` once, with the addresses it serves (`127.0.0.1:2575`), when senders can
        connect. Tells a sender "accepted" only after a receipt without a fault, and "refused" for
        any other. On cancellation it takes nothing more, gives the answers still outstanding a
        bounded time, and leaves no socket open; it can be run again afterwards.
        FaultError `unavailable` when it cannot start.
        """
        ...

    def check(self) -> str | None:
        """Say in one sentence why it could not start now, or None."""
        ...
