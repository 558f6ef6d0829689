"""A day of invented traffic, sent by the three sites at once."""

from collections.abc import Sequence
from functools import partial

from engine.demo.traffic import generate
from tests.chaos.place import Daemon
from tests.chaos.wire import Journal, Sender

SITES = ("mercy", "lakeside", "hilltop")


def bodies(seed: int, count: int) -> dict[str, list[bytes]]:
    """Return the messages of each site, in the order in which it sends them."""
    deliveries = generate(seed, count).deliveries
    return {site: [one.body for one in deliveries if one.site == site] for site in SITES}


def senders(
    daemon: Daemon, seed: int, count: int, journal: Journal, *, insist: bool = False
) -> list[Sender]:
    """Begin to send; the senders follow a channel to wherever it listens."""
    return [
        Sender(site, partial(daemon.address, f"{site}-hl7"), some, journal, insist=insist)
        for site, some in bodies(seed, count).items()
    ]


def send_all(daemon: Daemon, seed: int, count: int) -> Journal:
    """Send a day to its end."""
    journal = Journal()
    wait_for(senders(daemon, seed, count, journal))
    return journal


def wait_for(some: Sequence[Sender]) -> None:
    for sender in some:
        sender.join()
