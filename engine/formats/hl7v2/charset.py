"""Which character set a message is in, and its text: declared, never guessed.

MSH-18 decides (HL7 table 0211); blank, the channel's fallback does. A byte order mark is a
declaration of its own and is dropped. Bytes that do not fit what was declared are a fault, because
a wrong guess turns a name into another name. One thing is no guess: ASCII gives bytes above 127 no
meaning, and text of another set is not UTF-8 throughout by chance, so a message that declares ASCII
and is strictly UTF-8 is read as that (ASCII is a part of it); `is_beyond_ascii` tells.
"""

import codecs
import re
from functools import lru_cache

from engine.core.fault import Category, FaultError, refuse

# Table 0211, and the spellings real senders use for the same sets. CNS 11643 has no decoder here.
_NAMES = {
    "ASCII": "ascii",
    "US-ASCII": "ascii",
    "ISO IR6": "ascii",
    **{
        f"{prefix}{part}": f"iso8859-{part}"
        for prefix in ("8859/", "8859-", "ISO-8859-", "ISO8859-")
        for part in (*range(1, 12), *range(13, 17))  # there is no part 12
    },
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp_ext",
    "ISO IR159": "iso2022_jp_ext",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "UNICODE UTF-16": "utf-16",
    "UTF-16": "utf-16",
    "UNICODE UTF-32": "utf-32",
    "UTF-32": "utf-32",
    "WINDOWS-1252": "cp1252",
    "CP1252": "cp1252",
}
_SWITCHING = frozenset({"ISO IR87", "ISO IR159"})  # reached by escape bytes from ASCII
_SEPARATOR = re.compile(r"[^A-Z0-9 ./-]")  # of repetitions, whatever the message declares
_MARKS = (  # the longer marks first: UTF-32 LE begins like UTF-16 LE
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = (  # without a mark, the header's own letters show the width
    ("MSH".encode("utf-32-le"), "utf-32-le"),
    ("MSH".encode("utf-32-be"), "utf-32-be"),
    ("MSH".encode("utf-16-le"), "utf-16-le"),
    ("MSH".encode("utf-16-be"), "utf-16-be"),
)
_HEAD = 65_536  # bytes looked at for a header; a multiple of four, so no wide character is cut


@lru_cache(maxsize=256)
def charset_of(msh18: str, fallback: str) -> str:
    r"""Name the Python codec for a value of MSH-18, or `fallback` when it is blank or `""`.

    The first repetition counts; the others name alternates, which `\C..\` escapes switch to or,
    in Japan, escape bytes in the text itself. FaultError for a name that is not known.
    """
    if msh18 in {"", '""'}:
        return fallback
    first, *others = [" ".join(name.split()) for name in _SEPARATOR.split(msh18.upper())]
    switched = next((name for name in others if name in _SWITCHING), "")
    if not first and not switched:
        return fallback
    codec = _NAMES.get(switched or first)
    if codec is None:
        raise refuse(
            Category.INVALID, "charset-unknown", "MSH-18 names a character set not known", "MSH-18"
        )
    return codec


def decode(body: bytes, fallback: str) -> tuple[str, str]:
    """Return a message's text and the codec it was read with; FaultError when they disagree."""
    marked, body = _strip_mark(body)
    if marked.startswith(("utf-16", "utf-32")):
        return _decode_wide(body, marked)
    codec = charset_of(_declared(body), marked or fallback)
    if codec == "ascii" and not body.isascii():
        codec = "utf-8"
    return _strictly(body, codec), codec


def is_beyond_ascii(msh18: str, codec: str) -> bool:
    """Tell whether a message that declares ASCII was read as UTF-8."""
    return codec == "utf-8" and bool(msh18) and charset_of(msh18, codec) == "ascii"


def read_head(body: bytes) -> tuple[str, str]:
    """Return the first line and a codec that writes its characters back; never raises.

    What does not decode as declared is read as Latin-1, which maps every byte to itself.
    """
    marked, body = _strip_mark(body[:_HEAD])
    try:
        if marked.startswith(("utf-16", "utf-32")):
            return _first_line(body.decode(marked, "ignore")), marked
        line = _first_line(body.lstrip().split(b"\r", 1)[0].decode("latin-1"))
        codec = charset_of(_field_18(line), marked or "utf-8")
        return line.encode("latin-1").decode(codec), codec
    except (FaultError, UnicodeError):
        return _first_line(body.decode("latin-1")), "latin-1"


def _first_line(text: str) -> str:
    return re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]


def _strip_mark(body: bytes) -> tuple[str, bytes]:
    if body[:3] == b"MSH":
        return "", body
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return codec, body[len(mark) :]
    for letters, codec in _WIDE:
        if body.startswith(letters):
            return codec, body
    return "", body


def _decode_wide(body: bytes, codec: str) -> tuple[str, str]:
    text = _strictly(body, codec)
    declared = charset_of(_field_18(_first_line(text)), codec)
    if declared not in {codec, codec[:6]}:
        raise _mismatch()
    return text, codec


def _declared(body: bytes) -> str:
    """MSH-18 before decoding: every set of table 0211 but the wide ones writes ASCII as ASCII."""
    if body[:3] != b"MSH":
        body = body.lstrip()
    end = body.find(b"\r")
    header = body if end < 0 else body[:end]
    if b"\n" in header:
        header = header[: header.index(b"\n")]
    return _field_18(header.decode("latin-1"))


def _field_18(header: str) -> str:
    """Return MSH-18 of an MSH line, empty when there is none; no name is longer than 64."""
    fields = header.split(header[3], 18) if len(header) > 3 else []
    return fields[17][:64] if len(fields) > 17 else ""


def _strictly(body: bytes, codec: str) -> str:
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        raise _mismatch() from None


def _mismatch() -> FaultError:
    return refuse(
        Category.INVALID,
        "charset-mismatch",
        "the bytes are not in the declared character set",
        "MSH-18",
    )
