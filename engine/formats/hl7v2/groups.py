"""Binds the flat list of segments to the groups of its message structure, whatever their order.

Follows HL7 v2.9.1, 2.5.2 (segment groups). Knows no field and no data type; structures are given.

Three rules, tried from the innermost open group outward:

1. A segment goes to the next place the structure has for it: a later place in an open group, or a
   new repetition of a group that may begin with it. A group whose very first segment it is wins
   over one it could begin only because something optional is missing (a second ORC is the next
   order, not a prior result of the first one).
   A group that has the segment itself does not take it once more as the begin of a group inside.
2. A segment out of order goes to the nearest open group that has it at all, reopening a group that
   was closed if need be; the place is reported in `misplaced`. A second OBR where there is one is
   the next order: many senders give only the first of several tests an ORC.
3. A segment the structure does not have (Z segments, segments of later versions) stays with the
   group that is open where it stands.

Every segment lands in exactly one group; the work per segment is bounded by the structure.
"""

from dataclasses import dataclass

from engine.formats.hl7v2.parse import Message, Segment

OUT_OF_ORDER = "segment-out-of-order"
REPEATED = "segment-repeated"
_ORDERED = "OBR"  # what is ordered; it may stand for a whole order


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """A segment's place in a group."""

    name: str
    repeats: bool
    required: bool


@dataclass(frozen=True, slots=True)
class GroupDef:
    """A group of a message structure; the root is the structure itself.

    `choice`: exactly one of the children stands, and any of them begins the group.
    """

    name: str
    children: "tuple[GroupDef | SegmentRef, ...]"
    repeats: bool
    required: bool
    choice: bool = False


class Bound:
    """One occurrence of a group: its segments and groups by name, each in message order.

    `misplaced` is one list for the whole message: (segment index, code) of what was out of order.
    """

    __slots__ = ("groups", "misplaced", "name", "parent", "segments")

    def __init__(self, name: str, parent: "Bound | None") -> None:
        self.name = name
        self.parent = parent
        self.segments: dict[str, list[Segment]] = {}
        self.groups: dict[str, list[Bound]] = {}
        self.misplaced: list[tuple[int, str]] = parent.misplaced if parent else []

    def __repr__(self) -> str:
        return f"<Bound {self.name}: {' '.join(self.segments)} {' '.join(self.groups)}>"


class _Place:
    """Where a group holds a segment name: itself (`node` is None) or inside a child group."""

    __slots__ = ("begins", "exact", "index", "node", "repeats")

    def __init__(self, index: int, node: "_Node | None", repeats: bool, grade: int) -> None:
        self.index = index
        self.node = node
        self.repeats = repeats
        self.begins = grade > 0  # the name may begin the child group
        self.exact = grade > 1  # with nothing optional left out before it


class _Node:
    """A group compiled: for each name below it the places, in structure order."""

    __slots__ = ("name", "places")

    def __init__(self, definition: GroupDef) -> None:
        self.name = definition.name
        self.places: dict[str, list[_Place]] = {}
        for index, child in enumerate(definition.children):
            if isinstance(child, SegmentRef):
                place = _Place(index, None, child.repeats, 2)
                self.places.setdefault(child.name, []).append(place)
            else:
                self._add_group(index, child)

    def _add_group(self, index: int, child: GroupDef) -> None:
        node = _Node(child)
        grades = _beginnings(child)
        for name in node.places:
            place = _Place(index, node, child.repeats, grades.get(name, 0))
            self.places.setdefault(name, []).append(place)


def _beginnings(group: GroupDef) -> dict[str, int]:
    """Grade the names a group can begin with: 2 for its first segment, 1 after optional ones."""
    grades: dict[str, int] = {}
    grade = 2
    for child in group.children:
        names = {child.name: 2} if isinstance(child, SegmentRef) else _beginnings(child)
        for name, inner in names.items():
            grades.setdefault(name, min(grade, inner))
        if not group.choice:
            if not _may_be_empty(child):
                break
            grade = 1
    return grades


def _may_be_empty(child: GroupDef | SegmentRef) -> bool:
    if not child.required:
        return True
    return isinstance(child, GroupDef) and all(_may_be_empty(inner) for inner in child.children)


class _Frame:
    """An open group and how far it has been filled.

    `headless`: it cannot repeat and was opened by a segment that may not begin it (PV1 before PID);
    what it still lacks joins it instead of beginning an outer group anew.
    """

    __slots__ = ("bound", "headless", "node", "position")

    def __init__(self, node: _Node, bound: Bound, *, headless: bool = False) -> None:
        self.node = node
        self.bound = bound
        self.position = -1
        self.headless = headless


class Binder:
    """A compiled structure. Holds no state between messages."""

    __slots__ = ("_root",)

    def __init__(self, root: _Node) -> None:
        self._root = root

    def bind(self, message: Message) -> Bound:
        """Bind every segment of a message to one group."""
        root = Bound(self._root.name, None)
        known = self._root.places
        frames = [_Frame(self._root, root)]
        for segment in message.segments:
            name = segment.name
            if name not in known:
                _attach(frames[-1].bound, segment)
            elif not _follow(frames, segment):
                root.misplaced.append((segment.index, _reopen(frames, segment)))
        return root


def compile_binder(root: GroupDef) -> Binder:
    """Compile a structure once, to bind many messages."""
    return Binder(_Node(root))


def _attach(bound: Bound, segment: Segment) -> None:
    present = bound.segments.get(segment.name)
    if present is None:
        bound.segments[segment.name] = [segment]
    else:
        present.append(segment)


def _follow(frames: list[_Frame], segment: Segment) -> bool:
    """Rule 1: bind to the next place in order, if there is one."""
    name = segment.name
    inexact: tuple[int, _Place] | None = None
    for depth in range(len(frames) - 1, -1, -1):
        frame = frames[depth]
        places = frame.node.places.get(name)
        if places is None:
            continue
        if frame.headless and name not in frame.bound.segments:
            return False
        place = _next_place(places, frame.position)
        if place is not None and place.exact:
            _enter(frames, depth, place, segment)
            return True
        if place is not None and inexact is None and not _has_itself(frame, place, name):
            inexact = (depth, place)
    if inexact is None:
        return False
    _enter(frames, *inexact, segment)
    return True


def _has_itself(frame: _Frame, place: _Place, name: str) -> bool:
    return place.node is not None and name in frame.bound.segments


def _next_place(places: list[_Place], position: int) -> _Place | None:
    for place in places:
        ahead = place.index > position or (place.index == position and place.repeats)
        if ahead and place.begins:
            return place
    return None


def _enter(frames: list[_Frame], depth: int, place: _Place, segment: Segment) -> None:
    """Close what is deeper, open the groups on the way to the place, attach the segment there."""
    del frames[depth + 1 :]
    frame = frames[-1]
    frame.position = place.index
    while place.node is not None:
        bound = _open(frame.bound, place.node)
        frame = _Frame(place.node, bound, headless=not (place.begins or place.repeats))
        frames.append(frame)
        place = _way_in(place.node, segment.name)
        frame.position = place.index
    _attach(frame.bound, segment)


def _open(parent: Bound, node: _Node) -> Bound:
    bound = Bound(node.name, parent)
    parent.groups.setdefault(node.name, []).append(bound)
    return bound


def _way_in(node: _Node, name: str) -> _Place:
    """Choose the place in a group that is opened for a segment."""
    places = node.places[name]
    for place in places:
        if place.begins:
            return place
    return places[0]


def _way_back(node: _Node, name: str) -> _Place:
    """Choose the place in a group that was already filled: its own segment before its groups'."""
    for place in node.places[name]:
        if place.node is None:
            return place
    return _way_in(node, name)


def _reopen(frames: list[_Frame], segment: Segment) -> str:
    """Rule 2: bind to the nearest open group that has the segment at all; the root always does."""
    name = segment.name
    depth = len(frames) - 1
    while name not in frames[depth].node.places:
        depth -= 1
    bound = frames[depth].bound
    place = _way_back(frames[depth].node, name)
    if place.node is not None and _needs_new(bound, place):
        _enter(frames, depth, place, segment)
        return OUT_OF_ORDER
    while place.node is not None:
        bound = _open(bound, place.node) if _needs_new(bound, place) else _last(bound, place.node)
        place = _way_back(place.node, name)
    repeated = name in bound.segments and not place.repeats
    if repeated and name == _ORDERED and _next_order(frames, depth, segment):
        return OUT_OF_ORDER
    _attach(bound, segment)
    return REPEATED if repeated else OUT_OF_ORDER


def _next_order(frames: list[_Frame], depth: int, segment: Segment) -> bool:
    """Repeat the nearest group around the one at `depth` that may repeat, if there is one."""
    for outer in range(depth - 1, -1, -1):
        for place in frames[outer].node.places[segment.name]:
            if place.node is not None and place.repeats:
                _enter(frames, outer, place, segment)
                return True
    return False


def _needs_new(bound: Bound, place: _Place) -> bool:
    return place.node is not None and (
        place.node.name not in bound.groups or (place.begins and place.repeats)
    )


def _last(bound: Bound, node: _Node) -> Bound:
    return bound.groups[node.name][-1]
