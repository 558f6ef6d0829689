"""What a batch says about itself, and the acknowledgement of the whole: a batch of answers.

Follows HL7 v2.9.1, 2.10.3 and its part on acknowledging batches: the response has the form of a
batch, each message in it that of an ordinary answer; an empty one says that nothing was wrong.
BTS-1 counts messages, FTS-1 batches. A count that does not match is told in BTS-2 or FTS-2 and
costs no message.

Knows no socket and no store: the caller hands in each message's answer, in any order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from engine.core.fault import FaultError
from engine.formats.hl7v2.batch import MESSAGE, pieces
from engine.formats.hl7v2.encoding import STANDARD, Delimiters, escape, read_delimiters

MESSAGES_MISCOUNTED = "batch-count-mismatch"
BATCHES_MISCOUNTED = "file-count-mismatch"
_LONGEST = 4_096  # bytes of a header that are looked at; what they hold goes back to the sender


@dataclass(slots=True)
class _Count:
    """How many there were, against how many the trailer says: None, it does not say."""

    found: int = 0
    declared: str | None = None

    @property
    def matches(self) -> bool:
        return self.declared is None or self.declared.lstrip("0") == (str(self.found).lstrip("0"))

    def remark(self, what: str) -> str:
        return "" if self.matches else f"{self.found} {what} received, the trailer says otherwise"


@dataclass(slots=True)
class _Batch:
    header: bytes = b""
    messages: _Count = field(default_factory=_Count)
    places: list[int] = field(default_factory=list)  # of its messages in the whole delivery


class BatchDelivery:
    """One delivery of many messages: gives them one by one, then makes the answer.

    Call `next_message` until it returns None, `answered` once for each message, then `write`.
    """

    def __init__(self, body: bytes) -> None:
        self._pieces: Iterator[tuple[bytes, bytes]] = pieces(body)
        self._file_header = b""
        self._batches: list[_Batch] = []
        self._batch_count = _Count()
        self._closed = True  # the next message begins a batch of its own
        self._answers: list[bytes] = []
        self.complaints: list[str] = []  # codes of counts that do not match

    def next_message(self) -> bytes | None:
        """Return the next message, or None when all have been given."""
        for name, piece in self._pieces:
            if name == MESSAGE:
                self._count_message()
                return piece
            self._note(name, piece)
        return None

    def answered(self, place: int, answer: bytes) -> None:
        """Keep the answer of the message at `place`, counted from 0; empty: none is due."""
        self._answers[place] = answer

    @property
    def given(self) -> int:
        """How many messages have been given so far."""
        return len(self._answers)

    @property
    def enveloped(self) -> bool:
        """Whether the sender wrote a header around the messages, and so waits for one answer."""
        return bool(self._file_header) or any(batch.header for batch in self._batches)

    def singly(self) -> Iterator[bytes]:
        """Yield the answers due, one by one."""
        return (answer for answer in self._answers if answer)

    def write(self, next_id: Callable[[], str], now_us: int) -> bytes:
        """Return the batch of answers, in the delimiters of the headers it answers."""
        parts = [_opening(b"FHS", self._file_header, next_id, now_us)] if self._file_header else []
        for batch in self._batches:
            answers = [self._answers[place] for place in batch.places if self._answers[place]]
            if batch.header:
                answers.insert(0, _opening(b"BHS", batch.header, next_id, now_us))
                remark = batch.messages.remark("messages")
                answers.append(_closing("BTS", batch.header, len(answers) - 1, remark))
            parts += answers
        if self._file_header:
            remark = self._batch_count.remark("batches")
            answered = sum(1 for batch in self._batches if batch.header)
            parts.append(_closing("FTS", self._file_header, answered, remark))
        return b"".join(parts)

    def _count_message(self) -> None:
        if self._closed:
            self._open(b"")
        batch = self._batches[-1]
        batch.messages.found += 1
        batch.places.append(len(self._answers))
        self._answers.append(b"")

    def _open(self, header: bytes) -> None:
        self._batches.append(_Batch(header))
        self._batch_count.found += 1
        self._closed = False

    def _note(self, name: bytes, piece: bytes) -> None:
        line = piece.splitlines()[0][:_LONGEST]
        if name == b"FHS":
            self._file_header = line
        elif name == b"BHS":
            self._open(line)
        elif name == b"BTS":
            self._close(line)
        else:
            self._batch_count.declared = _declared(line, self._file_header)
            self._complain(self._batch_count, BATCHES_MISCOUNTED)

    def _close(self, line: bytes) -> None:
        if self._closed:
            self._open(b"")
        batch = self._batches[-1]
        batch.messages.declared = _declared(line, batch.header or self._file_header)
        self._complain(batch.messages, MESSAGES_MISCOUNTED)
        self._closed = True

    def _complain(self, count: _Count, code: str) -> None:
        if not count.matches:
            self.complaints.append(code)


def _declared(trailer: bytes, header: bytes) -> str | None:
    """Return BTS-1 or FTS-1 as written, None when it is empty."""
    separator = _delimiters(header).field if header else trailer[3:4].decode("latin-1")
    _, _, rest = trailer.decode("latin-1").partition(separator or "|")
    return rest.partition(separator or "|")[0].strip() or None


def _delimiters(header: bytes) -> Delimiters:
    try:
        return read_delimiters(header.decode("latin-1"))
    except FaultError:
        return STANDARD


def _opening(name: bytes, header: bytes, next_id: Callable[[], str], now_us: int) -> bytes:
    """Return the header that answers a header: who sent and who received change places."""
    d = _delimiters(header)
    asked = [*header.decode("latin-1").split(d.field), *[""] * 12]
    moment = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    fields = [
        name.decode(),
        d.characters,
        *asked[4:6],
        *asked[2:4],
        f"{moment:%Y%m%d%H%M%S}+0000",
        *[""] * 3,
        escape(next_id(), d),
        asked[10],  # the control id of what is answered
    ]
    return _segment(fields, d)


def _closing(name: str, header: bytes, count: int, remark: str) -> bytes:
    return _segment([name, str(count), remark], _delimiters(header))


def _segment(fields: list[str], d: Delimiters) -> bytes:
    """Write a segment; characters that would end the frame are left out."""
    text = d.field.join(fields).rstrip(d.field)
    return "".join(one for one in text if one >= " " or one == "\t").encode("latin-1") + b"\r"
