"""The stamps of a resource's registers as short text: most resources have one stamp in all.

1.1700000000000000.42                     one message replaced the whole
;1.1700000000000000.42*                   one message set all elements the body has
;1.17.42*;1.18.57:gender,photo            another one set (or emptied) two of them
...@1900.60                               the newest contribution set nothing but meta
"""

from collections.abc import Mapping
from typing import Any

from engine.store.registers import NEVER, Stamp, State, gather


def to_text(state: State) -> str:
    """Write the stamps of a state. Equal states give equal text."""
    groups: dict[Stamp, list[str]] = {}
    for name, stamp in state.stamps.items():
        groups.setdefault(stamp, []).append(name)
    rest = _most(groups, state)
    parts = [_written(state.whole) if state.whole != NEVER else ""]
    for stamp in sorted(groups):
        gone = sorted(n for n in groups[stamp] if stamp != rest or n not in state.values)
        star = "*" if stamp == rest else ""
        parts.append(_written(stamp) + star + (":" + ",".join(gone) if gone else ""))
    text = ";".join(parts)
    return text if _newest(state) == state.told else f"{text}@{state.told[0]}.{state.told[1]}"


def from_text(text: str, type_name: str, body: Mapping[str, Any]) -> State:
    """Rebuild the state from its stamps and the body they belong to."""
    text, _, late = text.partition("@")
    whole, *groups = text.split(";")
    values = gather(type_name, body)
    stamps: dict[str, Stamp] = {}
    rest: Stamp | None = None
    for group in groups:
        head, _, names = group.partition(":")
        stamp = _read(head.removesuffix("*"))
        rest = stamp if head.endswith("*") else rest
        stamps.update(dict.fromkeys(names.split(",") if names else (), stamp))
    if rest is not None:
        stamps = {**dict.fromkeys(values, rest), **stamps}
    state = State(values, stamps, _read(whole) if whole else NEVER, body.get("meta", {}))
    told = _pair(late) if late else _newest(state)
    return State(state.values, state.stamps, state.whole, state.meta, told)


def times(text: str, type_name: str, body: Mapping[str, Any]) -> dict[str, int]:
    """Return top-level JSON member -> source time in microseconds of the statement that set it."""
    state = from_text(text, type_name, body)
    return {
        name: state.stamp(register)[1]
        for register, members in state.values.items()
        for name in members
    }


def _most(groups: Mapping[Stamp, list[str]], state: State) -> Stamp | None:
    """The stamp most present elements have, if every present element has a stamp of its own."""
    if not state.values or any(name not in state.stamps for name in state.values):
        return None
    counts = {s: sum(n in state.values for n in names) for s, names in groups.items()}
    return max(counts, key=lambda stamp: (counts[stamp], stamp))


def _newest(state: State) -> tuple[int, int]:
    held = [*state.stamps.values(), state.whole] if state.whole != NEVER else state.stamps.values()
    return max(((s[1], s[2]) for s in held), default=(0, 0))


def _written(stamp: Stamp) -> str:
    return f"{stamp[0]}.{stamp[1]}.{stamp[2]}"


def _read(text: str) -> Stamp:
    rank, source_us, position = text.split(".")
    return int(rank), int(source_us), int(position)


def _pair(text: str) -> tuple[int, int]:
    source_us, position = text.split(".")
    return int(source_us), int(position)
