"""Where the resources of a message come from, worked out once for each sequence of segment names.

Which groups there are, what is made of which segment and which segments its rules read depends on
the names alone, and the messages of one sender repeat their sequence. A layout holds no content:
its groups are bound from empty segments, whose index says which segment of a message is meant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from engine.formats.hl7v2.encoding import STANDARD
from engine.formats.hl7v2.groups import Bound
from engine.formats.hl7v2.parse import Message, Segment
from engine.mapping.message import CompiledMessage, Make, Per, Rule
from engine.mapping.scope import NOTHING, Env, Frame, Scope
from engine.mapping.sight import Sight, groups, nearest, nearest_at, places

ROOM = 10_000  # segments of all layouts that a plan keeps
LONGEST = 500  # segments of a message whose layout is kept
_NOWHERE = NOTHING.index
SlotKeys = Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Station:
    """A segment with those its rules read, by slot."""

    bound: Bound
    segment: int
    slots: tuple[int, ...]
    pick: Callable[[list[Any]], tuple[Any, ...]]  # what belongs to the slots

    def scope(self, env: Env, frame: Frame) -> Scope:
        """Return a scope on it; all its segments have been read."""
        scope = Scope(env, frame, self.bound, list(self.pick(env.rows)), self.segment)
        scope.shape = self.pick(env.shapes)
        return scope


def _station(bound: Bound, segment: int, slots: tuple[int, ...]) -> Station:
    """Return a station; the last place of a message's rows stands for segments it lacks."""
    first = slots[0]
    pick = itemgetter(*slots) if len(slots) > 1 else lambda rows: (rows[first],)
    return Station(bound, segment, slots, pick)


@dataclass(frozen=True, slots=True)
class Spot:
    """A resource that may be made."""

    rule: Make
    frame: int
    pid: int  # segment that names its patient
    at: Station


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything the segment names of a message decide."""

    misplaced: tuple[tuple[str, str], ...]  # code, segment name
    pids: tuple[Station, ...]
    merges: tuple[Station, ...]  # on the PID that absorbs
    links: tuple[tuple[str, tuple[int, ...]], ...]  # kind, PID it is about
    frames: tuple[tuple[Bound, int], ...]  # group, index of the outer one
    spots: tuple[Spot, ...]
    used: tuple[int, ...]  # segments that are read for certain

    def read(self, env: Env) -> None:
        """Split what will be read."""
        for index in self.used:
            env.read(index)

    def opened(self) -> list[Frame]:
        """Return the frames of one message."""
        frames: list[Frame] = []
        for bound, outer in self.frames:
            frames.append(Frame(bound, frames[outer] if outer >= 0 else None))
        return frames


class _Draft:
    """One layout in the making."""

    def __init__(self, rules: CompiledMessage, identity: SlotKeys, names: Sequence[str]) -> None:
        segments = tuple(Segment(name, index, "", "|") for index, name in enumerate(names))
        self._segments = segments
        self._rules = rules
        self._identity = identity
        self._sight = Sight(frozenset(names), rules.repeating)
        self._root = rules.binder.bind(Message(STANDARD, segments))
        self._frames: list[tuple[Bound, int]] = []
        self._spots: list[Spot] = []

    def layout(self) -> Layout:
        pids = tuple(self._pids(self._root))
        merges = tuple(
            self._named(bound, nearest(bound, "PID", self._sight))
            for place in self._rules.merges
            for bound in groups(self._root, place)
        )
        links = tuple(
            (kind, tuple(pid.index for pid in bound.segments.get("PID", ())))
            for kind, place in self._rules.links
            for bound in groups(self._root, place)
        )
        self._frames.append((self._root, -1))
        self._walk(self._rules.rules, 0)
        stations = [*pids, *merges, *(spot.at for spot in self._spots)]
        used = {slot for station in stations for slot in station.slots} - {_NOWHERE}
        return Layout(
            tuple((code, self._segments[index].name) for index, code in self._root.misplaced),
            pids,
            merges,
            links,
            tuple(self._frames),
            tuple(self._spots),
            tuple(sorted(used)),
        )

    def _pids(self, bound: Bound) -> list[Station]:
        found = [self._named(bound, pid) for pid in bound.segments.get("PID", ())]
        for name, occurrences in bound.groups.items():
            if name in self._rules.holders:
                for group in occurrences:
                    found += self._pids(group)
        return found

    def _named(self, bound: Bound, pid: Segment) -> Station:
        """Stand on a PID, to read what identifies the patient."""
        found = [nearest(bound, key[-1], self._sight).index for key in self._identity]
        return _station(bound, pid.index, (pid.index, *found[1:]))

    def _walk(self, rules: tuple[Rule, ...], frame: int) -> None:
        for rule in rules:
            above = self._frames[frame][0]
            if isinstance(rule, Per):
                for bound in groups(above, rule.path):
                    self._frames.append((bound, frame))
                    self._walk(rule.rules, len(self._frames) - 1)
                continue
            for bound, segment in places(above, rule.path):
                self._spots.append(self._spot(rule, frame, bound, segment))

    def _spot(self, rule: Make, frame: int, bound: Bound, segment: Segment) -> Spot:
        found = [self._slot(bound, key) for key in rule.map.slots]
        pid = segment if segment.name == "PID" else nearest(bound, "PID", self._sight)
        at = _station(bound, segment.index, (segment.index, *found[1:]))
        return Spot(rule, frame, pid.index, at)

    def _slot(self, bound: Bound, key: tuple[str, ...]) -> int:
        if len(key) == 1:
            return nearest(bound, key[0], self._sight).index
        found = nearest_at(bound, key)
        return found[0].index if found else _NOWHERE


class Layouts:
    """The layouts of a plan that were made of late."""

    __slots__ = ("_identity", "_kept", "_size")

    def __init__(self, identity: SlotKeys) -> None:
        self._identity = identity  # segments that identify a patient
        self._kept: dict[tuple[str, ...], Layout] = {}
        self._size = 0

    def of(self, rules: CompiledMessage, message: Message) -> Layout:
        """Return the layout of a message under the rules of its trigger."""
        names = (rules.name, *[segment.name for segment in message.segments])
        known = self._kept.get(names)
        if known is None:
            known = _Draft(rules, self._identity, names[1:]).layout()
            if len(names) <= LONGEST:
                self._keep(names, known)
        return known

    def _keep(self, names: tuple[str, ...], layout: Layout) -> None:
        if self._size + len(names) > ROOM:
            self._kept, self._size = {}, 0
        self._kept[names] = layout
        self._size += len(names)

    @property
    def size(self) -> int:
        """How many segments all that is kept has."""
        return self._size
