"""Counts of one channel, kept as plain numbers because they change with every message."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Since the channel was built, but for those that say "now" or "when".

    Written on the loop's thread; another thread may read numbers that are one message apart.

    `received = accepted + refused + lost + pending`: `lost` are deliveries with a receipt whose
    sender was gone before it could be told.
    """

    received: int = 0
    accepted: int = 0
    refused: int = 0
    lost: int = 0
    bytes_received: int = 0
    junk_bytes: int = 0
    connections: int = 0  # now
    connections_total: int = 0
    connections_refused: int = 0
    pending: int = 0  # now: submitted, no receipt yet
    pauses: int = 0
    trouble: str = ""  # now: code of what keeps the channel from taking anything, empty for none
    certificate_days: float | None = None  # now: until it expires; None without TLS
    answered_us: int | None = None  # when a server we ask last answered as it should
