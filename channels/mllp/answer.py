"""The answer to one message: who asked, what became of it, the bytes to send back."""

from collections.abc import Callable
from itertools import count

from channels.mllp.framing import wrap
from engine.core.clock import Clock
from engine.core.fault import Fault
from engine.formats.hl7v2.ack import Header, reply
from engine.formats.hl7v2.batch_ack import BatchDelivery

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def reply_ids(clock: Clock) -> Callable[[], str]:
    """Return a source of control ids for answers: start time in base 36, a counter in base 16.

    At most 20 characters, the length of MSH-10 before version 2.7; distinct over restarts.
    """
    prefix = _base36(clock.now_us())
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers):08X}"


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


class Answers:
    """Writes answers with one clock and one source of ids."""

    __slots__ = ("_clock", "_next_id")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_id = reply_ids(clock)

    def write(self, header: Header, fault: Fault | None) -> bytes:
        """Return the framed answer, or nothing when the sender wants none."""
        message = self.reply(header, fault)
        return b"" if message is None else wrap(message)

    def reply(self, header: Header, fault: Fault | None) -> bytes | None:
        """Return the answer without a frame, or None when the sender wants none."""
        return reply(header, fault, self._next_id(), self._clock.now_us())

    def write_batch(self, delivery: BatchDelivery) -> bytes:
        """Return the framed answer to a batch, made of the answers to its messages."""
        return wrap(delivery.write(self._next_id, self._clock.now_us()))
