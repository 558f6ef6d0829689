"""One channel's share of the intake, so that a flood on one channel does not fill it for all.

Wraps an intake and is one: limits are added around it, not inside. Bytes and deliveries count from
`submit` to the receipt.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from engine.core.values import Envelope, Receipt
from engine.plugin.protocol import Intake

Done = Callable[[Receipt], None]


class Share:
    """Satisfies `Intake`. Full when the share is used up or the intake itself is full."""

    def __init__(self, intake: Intake, max_bytes: int, max_count: int) -> None:
        self._intake = intake
        self._max_bytes = max_bytes
        self._max_count = max_count
        self._bytes = 0
        self._count = 0
        self._drained: list[Callable[[], None]] = []

    def submit(self, envelope: Envelope, done: Done) -> None:
        size = len(envelope.body)
        self._bytes += size
        self._count += 1
        try:
            self._intake.submit(envelope, partial(self._settled, size, done))
        except BaseException:
            self._give_back(size)
            raise

    def full(self) -> bool:
        return self._used_up(1) or self._intake.full()

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Call back once: when half the share is free, and as the intake says if that is full."""
        if self._used_up(1):
            self._drained.append(callback)
        elif self._intake.full():
            self._intake.on_drained(callback)
        else:
            asyncio.get_running_loop().call_soon(callback)

    def _used_up(self, parts: int) -> bool:
        return self._count * parts >= self._max_count or self._bytes * parts >= self._max_bytes

    def _settled(self, size: int, done: Done, receipt: Receipt) -> None:
        self._give_back(size)
        done(receipt)

    def _give_back(self, size: int) -> None:
        self._bytes -= size
        self._count -= 1
        if self._drained and not self._used_up(2):
            waiting, self._drained = self._drained, []
            for callback in waiting:
                asyncio.get_running_loop().call_soon(callback)
