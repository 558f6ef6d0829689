"""What the messages of a site show of its habits: authorities, kinds of identifiers, Z segments.

Names of authorities are what senders call their numbering systems. A name that stands in the
message as part of a person, too, is not believed to be one.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.formats.hl7v2.parse import Message, Segment
from engine.mapping.text import NULL, REPETITION, parts, plain, standard
from engine.mapping.vocabulary import field_types
from engine.survey.draft.guess import DatatypeGuess

_AUTHORITY = {"CX": 4, "EI": 2, "XCN": 9}  # component that holds an HD
_KIND = {"CX": 5, "XCN": 13}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,29}")
_KEYS = ("PID-2", "PID-3", "PID-4")
_PERSONS = ("PID", "NK1", "MRG", "GT1", "IN1")
_OF_PEOPLE = frozenset({"XPN", "XAD", "XTN", "ST", "DTM"})
_WORDS = re.compile(r"[\^&~ ,-]+")
_ZONE = re.compile(r"[+-]\d{4}$")
_NATIONAL = "NPI"  # providers' numbers, whose system the engine knows
_MOST = 200  # names kept apart; a sample has few
Spot = tuple[str, int]


@dataclass(slots=True)
class Authority:
    """A numbering system, where its name stands and which kinds of numbers it gives."""

    fields: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Habits:
    """What messages have shown so far."""

    messages: int = 0
    triggers: Counter[str] = field(default_factory=Counter)
    authorities: dict[str, Authority] = field(default_factory=dict)
    keys: Counter[tuple[str, str]] = field(default_factory=Counter)  # field, kind -> messages
    zed: dict[Spot, DatatypeGuess] = field(default_factory=dict)
    senders: Counter[str] = field(default_factory=Counter)  # MSH-3
    offsets: int = 0  # messages that say their zone

    def add(self, given: Message) -> None:
        """Look at one message."""
        message = standard(given)
        personal = set(_personal(message))
        self.messages += 1
        self.triggers[message.kind] += 1
        sender = plain(parts(message.segments[0].field(3), 1)[0])
        if _is_name(sender, personal):
            self.senders[sender] += 1
        self.offsets += bool(_ZONE.search(message.segments[0].field(7)))
        for segment in message.segments:
            if segment.name.startswith("Z"):
                self._zed(segment)
            else:
                self._authorities(segment, personal)
        self._keys(message, personal)

    def _zed(self, segment: Segment) -> None:
        for number, raw in enumerate(segment.fields[1:], 1):
            if raw:
                self.zed.setdefault((segment.name, number), DatatypeGuess()).add(raw)

    def _authorities(self, segment: Segment, personal: set[str]) -> None:
        for number, known in field_types(segment.name, {}).items():
            place = _AUTHORITY.get(known.datatype)
            if place is None:
                continue
            for raw in _repetitions(segment, number):
                self._authority(f"{segment.name}-{number}", known.datatype, raw, personal)

    def _authority(self, where: str, datatype: str, raw: str, personal: set[str]) -> None:
        items = parts(raw, 13)
        name, *universal = (plain(one) for one in items[_AUTHORITY[datatype] - 1].split("&"))
        if (
            any(universal)
            or name.upper() == _NATIONAL
            or not _is_name(name, personal)
            or len(self.authorities) >= _MOST
        ):
            return  # a universal id is a system already
        found = self.authorities.setdefault(name, Authority())
        found.fields[where] += 1
        kind = plain(items[_KIND[datatype] - 1]) if datatype in _KIND else ""
        if _is_name(kind, personal):
            found.kinds[kind] += 1

    def _keys(self, message: Message, personal: set[str]) -> None:
        pid = message.first("PID")
        if pid is None:
            return
        found: dict[tuple[str, str], None] = {}
        for name in _KEYS:
            for raw in _repetitions(pid, int(name[-1])):
                kind = plain(parts(raw, 5)[4])
                found[name, kind if _is_name(kind, personal) else ""] = None
        self.keys.update(found.keys())


def _repetitions(segment: Segment, number: int) -> list[str]:
    raw = segment.field(number)
    return [item for item in raw.split(REPETITION) if item and item != NULL]


def _is_name(text: str, personal: set[str]) -> bool:
    return bool(_NAME.fullmatch(text)) and text.casefold() not in personal


def _personal(message: Message) -> Iterator[str]:
    """Yield the words that stand where people are named, numbered and found."""
    for segment in message.segments:
        if segment.name not in _PERSONS:
            continue
        for number, known in field_types(segment.name, {}).items():
            if known.datatype == "CX":
                numbers = (parts(raw, 1)[0] for raw in _repetitions(segment, number))
                yield from (text.casefold() for text in numbers)
            elif known.datatype in _OF_PEOPLE:
                yield from _WORDS.split(segment.field(number).casefold())
