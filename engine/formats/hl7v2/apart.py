"""Long base64 of a message apart from its text, which has a word for it; the bytes stay in place.

A document of 20 MB would otherwise be copied with every split of text into segments, fields and
components. The word holds the digest of what it stands for, so texts are equal iff their messages
are; it is base64 as well, and so passes wherever base64 does. Knows no segment: what looks like
base64 and is long goes, and whoever needs the bytes looks the word up.
"""

import hashlib
import re
from collections.abc import Mapping

LEAST_BYTES = 65_536
MARK = "ConcordApart"  # with the digest a multiple of four, as base64 is
WORD = re.compile(rf"{MARK}[0-9a-f]{{64}}")
_RUN = re.compile(rb"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{%d,}={0,2}(?![A-Za-z0-9+/=])" % LEAST_BYTES)
_DELIMITERS = re.compile(rb"\s*(?:\xef\xbb\xbf)?MSH[^A-Za-z0-9+/=]{2,}", re.IGNORECASE)

Apart = Mapping[str, memoryview]
"""Word -> the base64 it stands for."""


def taken_apart(body: bytes) -> tuple[bytes, Apart]:
    """Return a message with words for its long base64, and what they stand for.

    A message whose delimiters are letters of base64, or that is in a wide character set, stays.
    """
    if len(body) < LEAST_BYTES or not _DELIMITERS.match(body):
        return body, {}
    whole, place = memoryview(body), 0
    found: dict[str, memoryview] = {}
    pieces: list[bytes | memoryview] = []
    for match in _RUN.finditer(body):
        run = whole[match.start() : match.end()]
        word = MARK + hashlib.sha256(run).hexdigest()
        found[word] = run
        pieces += (whole[place : match.start()], word.encode())
        place = match.end()
    return (b"".join((*pieces, whole[place:])), found) if found else (body, {})


def expanded(text: str, apart: Apart) -> str:
    """Return a text with what its words stand for."""
    if MARK not in text:
        return text
    return WORD.sub(lambda word: str(apart.get(word[0], word[0].encode()), "ascii"), text)
