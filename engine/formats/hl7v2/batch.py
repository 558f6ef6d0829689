"""Cuts a batch, or several messages in one delivery, into single messages.

Follows HL7 v2.9.1, 2.10.3 (batch protocol). Works on bytes and piece by piece, so that a batch of
any size costs the memory of one message more: a message keeps every byte it came with.

    [FHS] { [BHS] { MSH ... } [BTS] } [FTS]     every one of the four may be missing
"""

import codecs
import re
from collections.abc import Iterator

MESSAGE = b"MSH"
_NAME = rb"[ \t]*(MSH|FHS|BHS|BTS|FTS)(?![A-Za-z0-9])"
_FIRST = re.compile(_NAME)
_NEXT = re.compile(rb"[\r\n]" + _NAME)
_AFTER_CR = re.compile(rb"\r" + _NAME)  # patterns with a fixed beginning search many times as fast
_AFTER_LF = re.compile(rb"\n" + _NAME)

Piece = tuple[bytes, bytes]
"""Name of the segment that begins it, and its bytes: of MSH the whole message."""


def pieces(body: bytes) -> Iterator[Piece]:
    """Yield the messages of a delivery and the segments around them, in order.

    Each message gets the delivery's byte order mark. What stands before the first piece stays with
    the first message: whoever parses it says what is wrong.
    """
    mark = codecs.BOM_UTF8 if body.startswith(codecs.BOM_UTF8) else b""
    content = body[len(mark) :]
    starts = _starts(content)
    name, start = next(starts, (b"", len(content)))
    before = content[:start].strip()
    while name:
        following, end = next(starts, (b"", len(content)))
        piece = content[start:end].lstrip(b" \t")
        if name == MESSAGE:
            piece = mark + (before + b"\r" + piece if before else piece)
            before = b""
        yield name, piece
        name, start = following, end


def _starts(content: bytes) -> Iterator[tuple[bytes, int]]:
    if first := _FIRST.match(content):
        yield first[1], 0
    for found in _NEXT.finditer(content):
        yield found[1], found.start() + 1


def is_batch(body: bytes) -> bool:
    """Tell whether a delivery is anything but one message.

    Nearly every delivery is one, and known to be at the speed of a search.
    """
    begin = _FIRST.match(body)
    if begin is not None and begin[1] == MESSAGE and not _goes_on(body):
        return False
    found = _starts(body.removeprefix(codecs.BOM_UTF8))
    first, second = next(found, None), next(found, None)
    return first is not None and (second is not None or first[0] != MESSAGE)


def _goes_on(body: bytes) -> bool:
    return _AFTER_CR.search(body) is not None or (
        b"\n" in body and _AFTER_LF.search(body) is not None
    )


def split_batch(body: bytes) -> list[bytes]:
    """Return the messages of a delivery in order.

    A single message comes back as it is, and so does what holds no message at all: whoever parses
    it says what is wrong. What stands before the first message stays with it for the same reason.
    """
    if not is_batch(body):
        return [body]
    return [piece for name, piece in pieces(body) if name == MESSAGE] or [body]
