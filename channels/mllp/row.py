"""The row of a connection's unanswered frames: each keeps its place until its answer is written.

Answers leave in the order of the frames (MLLP has no other way to tell which is which but MSA-2,
and old senders do not read that). A frame that holds a batch has one place for all its messages.
Knows no socket and no intake.

What a batch is answered with (HL7 v2.9.1, 2.10.3), by the channel's setting `batch_answers`:

    all      one batch of acknowledgements, one for each message
    errors   one batch, with the refused messages alone; empty when all were taken
    none     nothing

Messages that share a frame without FHS or BHS around them are answered as if each had its own.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal

from channels.mllp.answer import Answers
from channels.mllp.framing import wrap
from engine.core.fault import Fault
from engine.core.values import Receipt
from engine.formats.hl7v2.ack import Header
from engine.formats.hl7v2.batch_ack import BatchDelivery

BatchPolicy = Literal["all", "errors", "none"]
Settled = Callable[["Pending", Receipt], None]


class BatchPlace:
    """The place of a frame that holds a batch. `size_bytes` is what it keeps while it is read."""

    __slots__ = ("answer", "delivery", "dropped", "read", "ready", "size_bytes", "unanswered")

    def __init__(self, body: bytes) -> None:
        self.delivery = BatchDelivery(body)
        self.size_bytes = len(body)
        self.unanswered = 0
        self.read = False  # no message is left in it
        self.dropped = False  # it was not read to its end, so nothing can be said about it
        self.answer = b""
        self.ready = False


class Pending:
    """One message that waits for its receipt: `settle` is what the intake calls back.

    Of the messages of a batch, `batch` is the place of all of them, `place` the one among them.
    """

    __slots__ = ("_settled", "answer", "batch", "header", "place", "ready")

    def __init__(self, header: Header, settled: Settled, batch: BatchPlace | None) -> None:
        self.header = header
        self.batch = batch
        self.place = 0 if batch is None else batch.delivery.given - 1
        self.answer = b""
        self.ready = False
        self._settled = settled

    def settle(self, receipt: Receipt) -> None:
        self._settled(self, receipt)


class Row:
    """What one connection owes answers for. `batch` is the one being read, if any."""

    def __init__(self, answers: Answers, policy: BatchPolicy) -> None:
        self.batch: BatchPlace | None = None
        self._answers = answers
        self._policy = policy
        self._places: deque[Pending | BatchPlace] = deque()
        self._members = 0  # unanswered messages of batches

    def __bool__(self) -> bool:
        return bool(self._places)

    @property
    def owed(self) -> int:
        """How many answers are owed or kept back; a batch counts by its messages until it ends."""
        return len(self._places) + self._members - (self.batch is not None)

    @property
    def held_bytes(self) -> int:
        return 0 if self.batch is None else self.batch.size_bytes

    def expect(self, header: Header, settled: Settled) -> Pending:
        """Give the next message its place: in the batch that is being read, else in the row."""
        pending = Pending(header, settled, self.batch)
        if self.batch is None:
            self._places.append(pending)
        else:
            self.batch.unanswered += 1
            self._members += 1
        return pending

    def answer(self, pending: Pending, fault: Fault | None) -> None:
        """Write the answer of a message; it leaves when everything before it has."""
        pending.ready = True
        batch = pending.batch
        if batch is None:
            pending.answer = self._answers.write(pending.header, fault)
            return
        enveloped = batch.delivery.enveloped
        if fault is not None or self._policy == "all" or not enveloped:
            answer = self._answers.reply(pending.header, fault) or b""
            batch.delivery.answered(pending.place, answer)
        batch.unanswered -= 1
        self._members -= 1
        self._complete(batch)

    def begin_batch(self, body: bytes) -> None:
        self.batch = BatchPlace(body)
        self._places.append(self.batch)

    def end_batch(self, *, dropped: bool = False) -> None:
        """The batch has given its last message, or is `dropped`: then it is never answered."""
        batch, self.batch = self.batch, None
        if batch is not None:
            batch.read, batch.dropped = True, dropped
            self._complete(batch)

    def leave(self) -> bytes:
        """Take the answers that may leave out of the row."""
        ready = []
        while self._places and self._places[0].ready:
            ready.append(self._places.popleft().answer)
        return b"".join(ready)

    def is_last(self) -> bool:
        """Tell whether a single frame is in the row, and no batch."""
        return len(self._places) == 1 and self.batch is None

    def _complete(self, batch: BatchPlace) -> None:
        if batch.read and not batch.unanswered:
            batch.ready = True
            batch.answer = b"" if batch.dropped else self._written(batch.delivery)

    def _written(self, delivery: BatchDelivery) -> bytes:
        if not delivery.enveloped:
            return b"".join([wrap(answer) for answer in delivery.singly()])
        if self._policy == "none":
            return b""
        return self._answers.write_batch(delivery)
