"""The stamps of a resource's registers as short text: most resources have one stamp in all.

1.1700000000000000.42                     one message replaced the whole
;1.1700000000000000.42*                   one message set all elements the body has
;1.17.42*;1.18.57:gender,photo            another one set (or emptied) two of them
...@1900.60                               the newest contribution set nothing but meta
...#identifier/list:2,national;name/legal     elements of parts: how many items are of which
;1.17.42*:identifier/national#identifier/list     one part was emptied

The text of a part says which items of the element are its own: the next one, the next `:n`, or
`!0+2`, those at these places, when some are another part's as well. Of an object `end!...` is the
JSON of a member that is held but not shown.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from engine.core.distinct import distinct
from engine.core.lexeme import decode, encode
from engine.store.pieces import Piece, Pieces, Stamp
from engine.store.registers import NEVER, State, gather

SOME_TIME = (1 << 60, (1 << 60) - 1)
"""Source time and position no statement has: stands for the one that is not known yet (`cut`)."""

_SEAM = "{}.{}".format(*SOME_TIME)
_LABELS = 1024  # names of parts, as mappings have them
_WHOLE = re.compile(r"-?\d+\.-?\d+\.\d+", re.ASCII)
_FIRST = re.compile(r";?-?\d+\.(-?\d+)\.(\d+)", re.ASCII)
_SIGN = re.compile(r"[^\w.-]", re.ASCII)  # what a name may not show, since the text uses it
_QUOTED = re.compile("%([0-9a-f]{6})")


def to_text(state: State) -> str:
    """Write the stamps of a state. Equal states give equal text."""
    pieces = state.pieces
    stamps = _all_stamps(state) if pieces else state.stamps
    units = _units(state) if pieces else state.values
    groups: dict[Stamp, list[str]] = {}
    for name, stamp in stamps.items():
        groups.setdefault(stamp, []).append(name)
    rest = _most(groups, stamps, units)
    parts = [_written(state.whole) if state.whole != NEVER else ""]
    for stamp in sorted(groups):
        gone = sorted(n for n in groups[stamp] if stamp != rest or n not in units)
        star = "*" if stamp == rest else ""
        parts.append(_written(stamp) + star + (":" + ",".join(gone) if gone else ""))
    text = ";".join(parts)
    if _newest(stamps, state.whole) != state.told:
        text = f"{text}@{state.told[0]}.{state.told[1]}"
    return f"{text}{_shapes(state)}" if pieces else text


def from_text(text: str, type_name: str, body: Mapping[str, Any]) -> State:
    """Rebuild the state from its stamps and the body they belong to."""
    text, _, shapes = text.partition("#")
    text, _, late = text.partition("@")
    whole, *groups = text.split(";")
    values = gather(type_name, body)
    held = _held(shapes, values) if shapes else {}
    stamps: dict[str, Stamp] = {}
    rest: Stamp | None = None
    for group in groups:
        head, _, names = group.partition(":")
        stamp = _read(head.removesuffix("*"))
        rest = stamp if head.endswith("*") else rest
        stamps.update(dict.fromkeys(names.split(",") if names else (), stamp))
    if rest is not None:
        units = _present(values, held) if held else values
        stamps = {**dict.fromkeys(units, rest), **stamps}
    at = _read(whole) if whole else NEVER
    told = _pair(late) if late else _newest(stamps, at)
    pieces = _pieces(stamps, held) if "/" in text or held else {}
    return State(values, stamps, at, body.get("meta", {}), told, pieces)


def cut(text: str) -> tuple[str, ...]:
    """Cut the text of a statement at SOME_TIME where its time stands, to join it with another."""
    head, sign, shapes = text.partition("#")
    *before, last = head.split(_SEAM)
    return (*before, f"{last}{sign}{shapes}")


@cache
def of_whole(rank: int) -> tuple[str, ...]:
    """Return the text of a statement that replaced the whole, cut where its time stands."""
    return cut(to_text(State(whole=(rank, *SOME_TIME), told=SOME_TIME)))


def first_time(text: str) -> tuple[int, int] | None:
    """Return source time and position of the first stamp in a text, None where there is none."""
    found = _FIRST.match(text)
    return (int(found[1]), int(found[2])) if found else None


def whole_of(text: str) -> Stamp | None:
    """Return the stamp of a resource that one statement replaced as a whole, and nothing since."""
    return _read(text) if _WHOLE.fullmatch(text) else None


def times(text: str, type_name: str, body: Mapping[str, Any]) -> dict[str, int]:
    """Return top-level JSON member -> source time in microseconds of the statement that set it.

    Of an element of parts it is the newest one that shows.
    """
    state = from_text(text, type_name, body)
    return {
        name: state.stamp(register)[1]
        for register, members in state.values.items()
        for name in members
    }


def _most(
    groups: Mapping[Stamp, list[str]], stamps: Mapping[str, Stamp], units: Mapping[str, Any]
) -> Stamp | None:
    """The stamp most present elements have, if every present element has a stamp of its own."""
    if not units or any(name not in stamps for name in units):
        return None
    counts = {s: sum(n in units for n in names) for s, names in groups.items()}
    return max(counts, key=lambda stamp: (counts[stamp], stamp))


def _newest(stamps: Mapping[str, Stamp], whole: Stamp) -> tuple[int, int]:
    held = [*stamps.values(), whole] if whole != NEVER else stamps.values()
    return max(((s[1], s[2]) for s in held), default=(0, 0))


def _all_stamps(state: State) -> dict[str, Stamp]:
    """Stamps of registers and of parts, these as `identifier/national`."""
    found = dict(state.stamps)
    for name, some in state.pieces.items():
        for label, piece in some.items():
            found[f"{name}/{_quoted(label)}"] = piece.stamp
    return found


def _units(state: State) -> dict[str, Any]:
    """What has a value and a stamp of its own: registers without parts, and parts."""
    found: dict[str, Any] = {n: True for n in state.values if n not in state.pieces}
    for name, some in state.pieces.items():
        for label, piece in some.items():
            if piece.value is not None:
                found[f"{name}/{_quoted(label)}"] = True
    return found


def _present(values: Mapping[str, Any], held: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {name: True for name in values if name not in held}
    for name, some in held.items():
        found.update((f"{name}/{label}", True) for label in some)
    return found


def _shapes(state: State) -> str:
    shapes = []
    for name, some in sorted(state.pieces.items()):
        if name in state.values:
            value = state.values[name][name]
            write = _places if isinstance(value, list) else _members
            shapes.append(f"{name}/{','.join(write(some, value))}")
    return "#" + ";".join(shapes) if shapes else ""


def _places(pieces: Pieces, items: list[Any]) -> list[str]:
    """Say which items of a list are of which part."""
    held = [(label, piece.value) for label, piece in pieces.items() if piece.value is not None]
    if sum(len(own) for _, own in held) == len(items):  # none is of two parts
        return [_counted(label, len(own)) for label, own in held]
    found: list[str] = []
    known = 0
    for label, value in held:
        places = [items.index(item) for item in distinct([value])]
        if places == list(range(known, known + len(places))):
            found.append(_counted(label, len(places)))
        else:
            found.append(f"{_quoted(label)}!{'+'.join(map(str, places))}")
        known = max(known, *(place + 1 for place in places))
    return found


def _counted(label: str, count: int) -> str:
    return _quoted(label) if count == 1 else f"{_quoted(label)}:{count}"


def _members(pieces: Pieces, value: Mapping[str, Any]) -> list[str]:
    return [
        _quoted(label)
        if label in value
        else f"{_quoted(label)}!{_escaped(encode(piece.value).decode())}"
        for label, piece in pieces.items()
        if piece.value is not None
    ]


def _held(shapes: str, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Read what the parts hold: element -> quoted label -> value."""
    found: dict[str, dict[str, Any]] = {}
    for shape in shapes.split(";"):
        name, _, written = shape.partition("/")
        value = values[name][name]
        parts = written.split(",")
        found[name] = _of_list(parts, value) if isinstance(value, list) else _of(parts, value)
    return found


def _of_list(parts: list[str], items: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    known = 0
    for part in parts:
        label, exact, places = part.partition("!")
        if exact:
            numbers = [int(place) for place in places.split("+")]
            found[label] = [items[number] for number in numbers]
            known = max(known, *(number + 1 for number in numbers))
        else:
            label, _, count = part.partition(":")
            before, known = known, known + int(count or 1)
            found[label] = items[before:known]
    return found


def _of(parts: list[str], members: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        label, hidden, text = part.partition("!")
        found[label] = decode(_plain(text).encode()) if hidden else members[_plain(label)]
    return found


def _pieces(
    stamps: dict[str, Stamp], held: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Piece]]:
    """Take the stamps of parts out of all stamps, and put them to what the parts hold."""
    found: dict[str, dict[str, Piece]] = {
        name: {_plain(n): Piece(stamps.pop(f"{name}/{n}"), value) for n, value in some.items()}
        for name, some in held.items()
    }
    for key in [key for key in stamps if "/" in key]:
        name, _, label = key.partition("/")
        found.setdefault(name, {})[_plain(label)] = Piece(stamps.pop(key), None)
    return found


def _escaped(text: str) -> str:
    return _SIGN.sub(lambda sign: f"%{ord(sign[0]):06x}", text)


def _plain(text: str) -> str:
    return _QUOTED.sub(lambda sign: chr(int(sign[1], 16)), text) if "%" in text else text


_quoted = lru_cache(_LABELS)(_escaped)


def _written(stamp: Stamp) -> str:
    return f"{stamp[0]}.{stamp[1]}.{stamp[2]}"


def _read(text: str) -> Stamp:
    rank, source_us, position = text.split(".")
    return int(rank), int(source_us), int(position)


def _pair(text: str) -> tuple[int, int]:
    source_us, position = text.split(".")
    return int(source_us), int(position)
