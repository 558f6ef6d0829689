"""Bytes to a lazy message: segments are split once, fields when somebody asks for one.

Follows HL7 v2.9.1, 2.5 (message construction) with the tolerance real senders need: CR, LF and
CRLF end a segment, ids may be in lower case, every segment is kept (Z segments and unknown ones).
Knows no segment's meaning but MSH's, no structure and no data type.

A message that could stall its readers is refused here, by counting delimiters before any split.
"""

from itertools import repeat
from types import MappingProxyType

from engine.core.fault import Category, FaultError, refuse
from engine.formats.hl7v2.apart import Apart, taken_apart
from engine.formats.hl7v2.charset import decode
from engine.formats.hl7v2.encoding import Delimiters, read_delimiters
from engine.formats.hl7v2.path import component

# Budgets. Each is several times what real traffic holds, and small enough that a mapping which
# reads every element of the worst field stays in milliseconds. Bytes are the channel's to limit.
MAX_SEGMENTS = 20_000  # a genomics report reaches some thousand OBX
MAX_FIELDS = 2_000  # per segment; the longest standard segment has 101
MAX_REPETITIONS = 2_000  # per field
MAX_COMPONENTS = 10_000  # per field; waveforms (NA) put one sample into each
MAX_SUBCOMPONENTS = 20_000  # per field; `&` stands unescaped in HTML that senders put into OBX-5
MAX_ELEMENTS = 3_000_000  # delimiters in the whole message

_SMALL = 2_000  # characters: no shorter message can break any of these
_NUMBERED_BY_SEPARATOR = frozenset({"MSH", "FHS", "BHS"})  # field 1 is the separator itself
_USUAL = (
    "MSH SFT EVN PID PD1 NK1 PV1 PV2 AL1 DG1 DRG PR1 ROL GT1 IN1 IN2 IN3 ACC ORC OBR OBX NTE "
    "SPM TQ1 TXA SCH RGS AIS AIG AIL AIP MRG PRT RXA RXE RXO RXR FT1 DB1 CTI ZPD ZPV"
)
_USUAL_HEADS = {f"{name}|": name for name in _USUAL.split()}


class Segment:
    """One segment. `index` is its place in the message, from 0."""

    __slots__ = ("_fields", "_separator", "index", "name", "text")

    def __init__(self, name: str, index: int, text: str, separator: str) -> None:
        self.name = name
        self.index = index
        self.text = text
        self._separator = separator
        self._fields: list[str] | None = None

    def field(self, number: int) -> str:
        """Return the raw text of a field as HL7 counts them, empty when absent."""
        fields = self._fields or self._split()
        return fields[number] if 0 < number < len(fields) else ""

    @property
    def fields(self) -> list[str]:
        """The raw fields at their HL7 numbers, the name at 0. Shared: read only."""
        return self._fields or self._split()

    @property
    def count(self) -> int:
        """The number of the last field present."""
        return len(self._fields or self._split()) - 1

    def _split(self) -> list[str]:
        fields = self.text.split(self._separator)
        if self.name in _NUMBERED_BY_SEPARATOR:
            fields.insert(1, self._separator)
        self._fields = fields
        return fields

    def __repr__(self) -> str:
        return f"<Segment {self.name} at {self.index}>"  # no content: it may end in a log


class Message:
    """One parsed message. Header values are those of MSH, trimmed, escapes left as they are.

    `apart` is what words in its text stand for (`engine.formats.hl7v2.apart`).
    """

    __slots__ = ("apart", "charset", "delimiters", "segments")

    def __init__(
        self,
        delimiters: Delimiters,
        segments: tuple[Segment, ...],
        charset: str = "utf-8",
        apart: Apart = MappingProxyType({}),
    ) -> None:
        self.apart = apart
        self.delimiters = delimiters
        self.segments = segments
        self.charset = charset

    @property
    def kind(self) -> str:
        """Message code and trigger event, e.g. `ADT^A01`; parts that are missing are empty."""
        return f"{self._header(9, 1)}^{self._header(9, 2)}"

    @property
    def structure(self) -> str:
        """MSH-9.3 as sent."""
        return self._header(9, 3)

    @property
    def control_id(self) -> str:
        """MSH-10 exactly as sent."""
        return self.segments[0].field(10)

    @property
    def version(self) -> str:
        """MSH-12.1 as sent."""
        return self._header(12, 1)

    def first(self, name: str) -> Segment | None:
        """Return the first segment called `name`."""
        for segment in self.segments:
            if segment.name == name:
                return segment
        return None

    def all(self, name: str) -> tuple[Segment, ...]:
        """Return every segment called `name`, in order."""
        return tuple([segment for segment in self.segments if segment.name == name])

    def _header(self, field: int, part: int) -> str:
        return component(self.segments[0].field(field), part, self.delimiters).strip()

    def __repr__(self) -> str:
        return f"<Message {self.kind}, {len(self.segments)} segments>"


def parse(body: bytes, fallback_charset: str = "utf-8") -> Message:
    """Read one message; FaultError (invalid) says what cannot be read and where.

    `fallback_charset` is a Python codec name, used when MSH-18 is blank. A part of a message that
    is continued in another (2.9.2) is refused as unsupported: taken for whole, it would be wrong.
    """
    body, apart = taken_apart(body)
    text, charset = decode(body, fallback_charset)
    text = text.lstrip().rstrip("\r\n")
    if text[:3].upper() != "MSH":
        raise _invalid("no-header", "the message does not begin with an MSH segment", "MSH")
    if "\x00" in text:
        raise _invalid("nul-character", "the message contains a NUL character", "")
    delimiters = read_delimiters(text)
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    lines = text.split("\r")
    if len(text) > _SMALL:
        _check_budget(text, lines, delimiters)
    return Message(delimiters, _segments(lines, delimiters.field), charset, apart)


def _segments(lines: list[str], separator: str) -> tuple[Segment, ...]:
    try:  # most messages hold nothing else, and this is the hottest line of the file
        names = [_USUAL_HEADS[line[:4]] for line in lines]
    except KeyError:
        lines = [line for line in lines if line.strip()]
        names = [_name(line, separator, number) for number, line in enumerate(lines, 1)]
    if "MSH" in names[1:]:
        raise _invalid("several-messages", "more than one MSH segment in a message", "MSH[2]")
    segments = tuple(map(Segment, names, range(len(names)), lines, repeat(separator)))
    if "DSC" in names or "ADD" in names:
        _refuse_continuation(segments)
    return segments


def _refuse_continuation(segments: tuple[Segment, ...]) -> None:
    for segment in segments:
        if segment.name == "ADD" or (segment.name == "DSC" and segment.field(1)):
            raise refuse(
                Category.UNSUPPORTED,
                "continued-message",
                "the message is continued in another one",
                f"{segment.name}-1",
            )


def _name(line: str, separator: str, number: int) -> str:
    """Return a segment's id in upper case: a letter, then two letters or digits."""
    name = line[:3]
    legal = len(name) == 3 and name.isascii() and name.isalnum() and name[0].isalpha()
    if not legal or line[3:4] not in {"", separator}:
        raise _invalid("bad-segment", "a line is not a segment", f"segment {number}")
    return name.upper()


def _invalid(code: str, message: str, where: str) -> FaultError:
    return refuse(Category.INVALID, code, message, where)


def _too_many(where: str) -> FaultError:
    return _invalid("too-many-elements", "more elements than a message may have", where)


def _check_budget(text: str, lines: list[str], delimiters: Delimiters) -> None:
    """Count over the whole text; only what could break a limit per field is looked at closer."""
    if len(lines) > MAX_SEGMENTS:
        raise _too_many("")
    limits = (
        (delimiters.repetition, MAX_REPETITIONS),
        (delimiters.component, MAX_COMPONENTS),
        (delimiters.subcomponent, MAX_SUBCOMPONENTS),
    )
    size = len(text)
    counts = [text.count(mark) if size > limit else 0 for mark, limit in limits]
    fields = text.count(delimiters.field)
    if sum(counts) + fields > MAX_ELEMENTS:
        raise _too_many("")
    suspicious = [pair for pair, count in zip(limits, counts, strict=True) if count >= pair[1]]
    if fields > MAX_FIELDS:
        _check_fields(lines, delimiters.field)
    if suspicious:
        _check_parts(lines, delimiters.field, suspicious)


def _check_fields(lines: list[str], separator: str) -> None:
    for number, line in enumerate(lines):
        if len(line) > MAX_FIELDS and line.count(separator) > MAX_FIELDS:
            raise _too_many(_place(lines, number))


def _check_parts(lines: list[str], separator: str, limits: list[tuple[str, int]]) -> None:
    for number, line in enumerate(lines):
        for mark, limit in limits:
            if len(line) > limit and line.count(mark) >= limit:
                _check_line(lines, number, separator, (mark, limit))


def _check_line(lines: list[str], number: int, separator: str, limit: tuple[str, int]) -> None:
    mark, most = limit
    offset = 1 if lines[number][:3].upper() in _NUMBERED_BY_SEPARATOR else 0
    for field, value in enumerate(lines[number].split(separator)):
        if value.count(mark) >= most:
            raise _too_many(f"{_place(lines, number)}-{field + offset}")


def _place(lines: list[str], number: int) -> str:
    """Name a line as `PID`, or `OBX[12]` when it is not the first of its name."""
    name = lines[number][:3].upper()
    nth = sum(1 for line in lines[: number + 1] if line[:3].upper() == name)
    return name if nth == 1 else f"{name}[{nth}]"
