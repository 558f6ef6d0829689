"""MLLP framing without IO: bytes in, frames out, however the bytes are cut.

Follows the HL7 v2 transport specification "MLLP, release 1": a block is VT (0x0B), the content,
FS (0x1C), CR (0x0D). Knows nothing of HL7 beyond the three letters a message starts with.

What senders get wrong, and what is done about it:

    bytes before VT         dropped and reported; CR and LF there are dropped silently
    FS without CR           ends the block if VT or LF follows, at the end of the stream, and by
                            `settle` when the sender has fallen silent after it
    FS inside the content   any other byte after FS: part of the content
    VT inside the content   before `MSH`, `FHS` or `BHS` it is a new block: what came before is
                            reported as incomplete. Elsewhere it is content: word processors leave
                            it in notes as a soft line break
    a block without end     reported once it is longer than the limit; nothing after it is read
    no block at all         reported after `MAX_JUNK_BYTES`; nothing after it is read
"""

import re
from dataclasses import dataclass

from engine.core.fault import Category, Fault

VT = b"\x0b"
FS = b"\x1c"
MAX_JUNK_BYTES = 65_536
SAMPLE_BYTES = 4_096  # enough for any header, so that a refusal can still be addressed

_JUNK = Fault(Category.INVALID, "bytes-outside-frame", "bytes outside a frame were dropped")
_NO_FRAME = Fault(Category.UNSUPPORTED, "frame-missing", "the bytes hold no MLLP frame")
_TOO_LARGE = Fault(Category.UNSUPPORTED, "frame-too-large", "the frame is longer than allowed")
_INCOMPLETE = Fault(Category.INVALID, "frame-incomplete", "the frame ended before its end mark")

_END = re.compile(rb"\x1c(?:[\r\n]|(?=\x0b)|\Z)")
_RESTART = re.compile(rb"\x0b(?=(?:MSH|FHS|BHS))")


@dataclass(frozen=True, slots=True)
class Frame:
    """The content of one block."""

    body: bytes


@dataclass(frozen=True, slots=True)
class FramingFault:
    """Bytes that are no block: their beginning as `sample`, how many were `dropped`.

    After a `fatal` one the stream cannot be read any further.
    """

    fault: Fault
    sample: bytes
    dropped: int
    fatal: bool = False


Item = Frame | FramingFault


def wrap(content: bytes) -> bytes:
    """Return the content as a block."""
    return b"\x0b" + content + b"\x1c\r"


class Framer:
    """Finds the blocks in one stream. Holds at most `max_bytes` and one piece fed."""

    __slots__ = ("_broken", "_buffer", "_inside", "_junk", "_max_bytes", "_sample", "_scanned")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()  # content after VT, or nothing
        self._scanned = 0  # no end mark starts before this place in the buffer
        self._inside = False
        self._broken = False
        self._junk = 0
        self._sample = b""

    @property
    def pending(self) -> bool:
        """Whether something has begun and not ended: a block, or bytes that are none."""
        return self._inside or self._junk > 0

    @property
    def held_bytes(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes of the stream and return what they complete, in order."""
        if not (self._inside or self._junk) and self._whole(data):
            return [Frame(data[1:-2])]
        items: list[Item] = []
        at = 0
        while at < len(data) and not self._broken:
            at = self._inner(data, at, items) if self._inside else self._outer(data, at, items)
        return items

    def settle(self) -> list[Item]:
        """End a block whose FS has come and whose CR has not: for when the sender is silent."""
        if not (self._inside and self._buffer.endswith(FS)):
            return []
        content = bytes(self._buffer[:-1])
        self._clear()
        return _split_restarts(content)

    def close(self) -> list[Item]:
        """End the stream: what was begun is a block if its FS has come, else a fault."""
        items = self.settle()
        if self._inside:
            sample = bytes(self._buffer[:SAMPLE_BYTES])
            items.append(FramingFault(_INCOMPLETE, sample, len(self._buffer)))
        elif self._junk:
            items.append(FramingFault(_NO_FRAME, self._sample, self._junk, fatal=True))
        self._broken = True
        self._clear()
        return items

    def _whole(self, data: bytes) -> bool:
        """Tell whether the bytes are exactly one plain block: nearly always they are."""
        size = len(data) - 3
        return (
            0 <= size <= self._max_bytes
            and data.startswith(VT)
            and data.find(FS) == size + 1
            and data.endswith(b"\r")
            and data.find(VT, 1) < 0
            and not self._broken
        )

    def _outer(self, data: bytes, at: int, items: list[Item]) -> int:
        """Drop what stands before the next VT; return the place after it."""
        start = data.find(VT, at)
        if start != at:
            self._drop(data[at:] if start < 0 else data[at:start])
        if self._junk > MAX_JUNK_BYTES:
            self._end(items, FramingFault(_NO_FRAME, self._sample, MAX_JUNK_BYTES, fatal=True))
        if start < 0 or self._broken:
            return len(data)
        if self._junk:
            items.append(FramingFault(_JUNK, self._sample, self._junk))
        self._clear()
        self._inside = True
        return start + 1

    def _drop(self, junk: bytes) -> None:
        if len(self._sample) < SAMPLE_BYTES:
            self._sample = (self._sample + junk).lstrip(b"\r\n")[:SAMPLE_BYTES]
        self._junk += len(junk.translate(None, b"\r\n"))

    def _inner(self, data: bytes, at: int, items: list[Item]) -> int:
        """Look for the end mark in what is held and what is new; return the place after it."""
        held = len(self._buffer)
        if held:
            self._buffer += data  # content is held only between two feeds: here `at` is 0
        text: bytes | bytearray = self._buffer if held else data
        start, end = _end_mark(text, self._scanned if held else at)
        begin = 0 if held else at
        if start - begin > self._max_bytes:
            sample = bytes(text[begin : begin + min(SAMPLE_BYTES, self._max_bytes)])
            self._end(items, FramingFault(_TOO_LARGE, sample, self._max_bytes, fatal=True))
        elif end:
            content = bytes(text[begin:start])
            self._clear()
            items.extend(_split_restarts(content))
            return end - held
        else:
            self._scanned = start - begin
            if not held:
                self._buffer += data[at:]
        return len(data)

    def _end(self, items: list[Item], fault: FramingFault) -> None:
        items.append(fault)
        self._broken = True
        self._clear()

    def _clear(self) -> None:
        if self._buffer:
            self._buffer = bytearray()
        self._scanned = 0
        self._inside = False
        self._junk = 0
        self._sample = b""


def _end_mark(text: bytes | bytearray, scan_from: int) -> tuple[int, int]:
    """Return where the first end mark starts and ends.

    When there is none yet, the end is 0 and the start is where the next search has to begin.
    """
    start = text.find(FS, scan_from)
    if start < 0:
        return len(text), 0
    if text[start + 1 : start + 2] == b"\r":  # nearly always
        return start, start + 2
    found = _END.search(text, start)
    if found is None:
        return len(text), 0
    start, end = found.span()
    return (start, 0) if start == len(text) - 1 else (start, end)


def _split_restarts(content: bytes) -> list[Item]:
    """Return the block, after a fault for each block that was begun in it and never ended."""
    if content.find(VT) < 0:
        return [Frame(content)]
    *cut, last = _RESTART.split(content)
    faults = [FramingFault(_INCOMPLETE, piece[:SAMPLE_BYTES], len(piece)) for piece in cut]
    return [*faults, Frame(last)]
