"""Cuts a batch, or several messages in one delivery, into single messages.

Follows HL7 v2.9.1, 2.10.3 (batch protocol). The batch's own segments (FHS, BHS, BTS, FTS) are
dropped; their counts are not checked here. Works on bytes: a message keeps every byte it came with.
"""

import codecs
import re

_ENVELOPE = (b"FHS", b"BHS", b"BTS", b"FTS")
_STARTS = re.compile(
    rb"(?:(?<=[\r\n])|\A)[ \t]*(MSH|FHS|BHS|BTS|FTS)(?=[^A-Za-z0-9\r\n]|[\r\n]|\Z)"
)


def split_batch(body: bytes) -> list[bytes]:
    """Return the messages of a delivery in order.

    A single message comes back as it is, and so does what holds no message at all: whoever parses
    it says what is wrong. What stands before the first message stays with it for the same reason.
    """
    if body.count(b"MSH") < 2 and not any(name in body for name in _ENVELOPE):
        return [body]  # nearly every delivery, however large, at the speed of a search
    mark = codecs.BOM_UTF8 if body.startswith(codecs.BOM_UTF8) else b""
    content = body[len(mark) :]
    starts = list(_STARTS.finditer(content))
    heads = [start for start in starts if start[1] == b"MSH"]
    if not heads or (len(starts) == 1 and not content[: heads[0].start()].strip()):
        return [body]
    stray = content[: starts[0].start()].strip()
    ends = [start.start() for start in starts[1:]] + [len(content)]
    pieces = [
        content[start.start(1) : end]
        for start, end in zip(starts, ends, strict=True)
        if start[1] not in _ENVELOPE
    ]
    if stray:
        pieces[0] = stray + b"\r" + pieces[0]
    return [mark + piece for piece in pieces]
