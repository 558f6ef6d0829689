"""Where rules look for segments: places below a group, and the nearest segment of a name.

Knows groups and no field: what is found depends on the names of the segments alone.
"""

from collections.abc import Iterator

from engine.formats.hl7v2.groups import Bound
from engine.formats.hl7v2.parse import Segment
from engine.mapping.scope import NOTHING


class Sight:
    """What one message has, for searches that go outward."""

    __slots__ = ("found", "names", "repeating")

    def __init__(self, names: frozenset[str], repeating: frozenset[str]) -> None:
        self.names = names
        self.repeating = repeating  # groups that repeat: never entered from outside
        self.found: dict[tuple[int, str], Segment] = {}  # outward searches by group and name


def places(bound: Bound, path: tuple[str, ...]) -> Iterator[tuple[Bound, Segment]]:
    """Yield each segment at a dotted place below a group, with the group that holds it."""
    name, *rest = path
    if not rest:
        for segment in bound.segments.get(name, ()):
            yield bound, segment
        return
    for group in bound.groups.get(name, ()):
        yield from places(group, tuple(rest))


def groups(bound: Bound, path: tuple[str, ...]) -> list[Bound]:
    """Return the groups at a dotted place."""
    found = [bound]
    for name in path:
        found = [inner for group in found for inner in group.groups.get(name, ())]
    return found


def _inside(bound: Bound, name: str, barred: frozenset[str]) -> Segment | None:
    """Look in the groups below, depth first; never enter those in `barred`."""
    for group_name, occurrences in bound.groups.items():
        if group_name in barred:
            continue
        for group in occurrences:
            own = group.segments.get(name)
            if own:
                return own[0]
            found = _inside(group, name, barred)
            if found is not None:
                return found
    return None


_NO_BARS: frozenset[str] = frozenset()


def nearest(bound: Bound, name: str, sight: Sight) -> Segment:
    """Find a segment by the rule of LANGUAGE.md, section 5; NOTHING when there is none."""
    own = bound.segments.get(name)
    if own:
        return own[0]
    if name not in sight.names:
        return NOTHING
    if bound.groups:
        inner = _inside(bound, name, _NO_BARS)
        if inner is not None:
            return inner
    return _outward(bound.parent, name, sight) if bound.parent else NOTHING


def _outward(bound: Bound, name: str, sight: Sight) -> Segment:
    """Search a group and those around it once for all that stand in it."""
    key = (id(bound), name)
    found = sight.found.get(key)
    if found is None:
        own = bound.segments.get(name)
        inner = own[0] if own else _inside(bound, name, sight.repeating)
        if inner is None:
            inner = _outward(bound.parent, name, sight) if bound.parent else NOTHING
        found = sight.found[key] = inner
    return found


def nearest_at(bound: Bound, path: tuple[str, ...]) -> list[Segment]:
    """Return the segments at a dotted place, seen from the nearest group that has any."""
    at: Bound | None = bound
    while at is not None:
        found = [segment for _, segment in places(at, path)]
        if found:
            return found
        at = at.parent
    return []
