"""The answer to one frame: who asked, what became of it, the bytes to send back.

Answers leave a connection in the order of the frames (MLLP has no other way to tell which is
which but MSA-2, and old senders do not read that), so each frame has its place in a row.
"""

from collections.abc import Callable
from itertools import count

from channels.mllp.framing import wrap
from engine.core.clock import Clock
from engine.core.fault import Fault
from engine.core.values import Receipt
from engine.formats.hl7v2.ack import Header, reply

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
        message = reply(header, fault, self._next_id(), self._clock.now_us())
        return b"" if message is None else wrap(message)


class Pending:
    """One frame's place in the row: `settle` is what the intake calls back."""

    __slots__ = ("_settled", "answer", "header", "ready")

    def __init__(self, header: Header, settled: Callable[["Pending", Receipt], None]) -> None:
        self.header = header
        self.answer = b""
        self.ready = False
        self._settled = settled

    def settle(self, receipt: Receipt) -> None:
        self._settled(self, receipt)
