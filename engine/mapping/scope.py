"""What a compiled rule sees while it runs: the message, the place it stands on, what was made.

One `Env` per message, one `Frame` per `per:`, one `Scope` per resource. Mutable on purpose: they
live for one message and never leave this package.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.core.values import Contribution, Diagnostic, PatientKey
from engine.formats.hl7v2.groups import Bound
from engine.formats.hl7v2.parse import Message, Segment

NOTHING = Segment("", -1, "", "|")  # stands where a message has no such segment: all fields empty
WIDTH = 80  # fields that every row has, empty ones if need be; the longest usual segment has 72
_PADDING = [""] * WIDTH
NO_FIELDS = NOTHING.fields + _PADDING[1:]
Effect = Callable[["Scope"], object]  # what a rule did to a message beside giving a value


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where one element came from."""

    resource: str  # Type/id
    path: str  # Patient.name
    source: str  # PID-5
    rule: str  # file:line


class Env:
    """One message on its way through a plan."""

    __slots__ = (
        "accept",
        "control_id",
        "effects",
        "fallback_key",
        "found",
        "lineage",
        "names",
        "noted",
        "patients",
        "received",
        "repeating",
        "rows",
        "shapes",
        "sides",
    )

    def __init__(
        self, message: Message, repeating: frozenset[str], control_id: str, received: str
    ) -> None:
        self.names = {segment.name for segment in message.segments}
        self.repeating = repeating  # names of groups that repeat: never entered from outside
        self.control_id = control_id
        self.received = received  # arrival as a v2 time stamp
        self.fallback_key = ""  # control id, else hash of the message: for volatile ids
        self.found: dict[tuple[int, str], Segment] = {}  # outward searches by group and name
        self.patients: dict[int, PatientKey | None] = {}  # by index of the PID segment
        self.noted: dict[tuple[str, str, str], None] = {}  # code, where, message
        self.effects: list[Effect] | None = None  # kept while a rule is being remembered
        self.rows: dict[int, list[str]] = {-1: NO_FIELDS}  # by index of the segment
        self.shapes: dict[int, bytes] = {id(NO_FIELDS): b""}
        self.sides: dict[str, Contribution] = {}  # created-and-linked resources by id
        self.lineage: list[Lineage] = []

    def row(self, segment: Segment) -> list[str]:
        """Return the fields of a segment, padded to a width that readers can rely on."""
        row = self.rows.get(segment.index)
        if row is None:
            fields = segment.fields
            row = self.rows[segment.index] = fields + _PADDING[len(fields) :]
            self.shapes[id(row)] = bytes(map(bool, fields))
        return row

    def shape(self, row: list[str]) -> bytes:
        """Return which fields of a row are there; rows live as long as their message."""
        return self.shapes[id(row)]

    def note(self, code: str, where: str, message: str) -> None:
        """Keep a diagnostic once."""
        noted = code, where, message
        self.noted[noted] = None
        if self.effects is not None:
            self.effects.append(lambda scope: scope.env.noted.setdefault(noted))

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What has been noted, each once, in order."""
        return tuple([Diagnostic(*noted) for noted in self.noted])

    def do(self, effect: Effect, scope: "Scope") -> Any:
        """Do something to the message that a remembered rule has to do again."""
        kept, self.effects = self.effects, None
        done = effect(scope)
        if kept is not None:
            kept.append(effect)
            self.effects = kept
        return done


class Instance:
    """A resource to be made: its identity is known before its content."""

    __slots__ = ("_link", "id", "map", "scope", "type", "weak")

    def __init__(self, ident: str, scope: "Scope", compiled: Any, weak: bool) -> None:
        self.type: str = compiled.type
        self.id = ident
        self.scope = scope
        self.map = compiled
        self._link: dict[str, str] | None = None
        self.weak = weak  # the message identifies the thing, it does not say how it is

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def link(self) -> dict[str, str]:
        """The Reference to it; shared by all that refer to it."""
        found = self._link
        if found is None:
            found = self._link = {"reference": self.reference}
        return found


class Frame:
    """What one `per:` (or the message) has made; inner frames see the outer ones."""

    __slots__ = ("_origins", "bound", "made", "outer")

    def __init__(self, bound: Bound, outer: "Frame | None") -> None:
        self.bound = bound
        self.outer = outer
        self.made: dict[str, list[Instance]] = {}
        self._origins: dict[tuple[str, int], Instance] = {}

    def add(self, instance: Instance) -> None:
        self.made.setdefault(instance.type, []).append(instance)
        self._origins.setdefault((instance.type, instance.scope.origin), instance)

    def made_of(self, type_name: str, segment: int) -> Instance | None:
        """Return what was made of a type from a segment, in the nearest frame that has it."""
        frame: Frame | None = self
        while frame is not None:
            found = frame._origins.get((type_name, segment))
            if found is not None:
                return found
            frame = frame.outer
        return None

    def visible(self, type_name: str) -> list[Instance]:
        """Return what was made of a type in the nearest frame that has any."""
        frame: Frame | None = self
        while frame is not None:
            found = frame.made.get(type_name)
            if found:
                return found
            frame = frame.outer
        return []


class Scope:
    """One resource being made. `rows` are the fields of the segments its rules read, by slot.

    Slot 0 is the segment it is made of; a segment that is not there has the row NO_FIELDS.
    """

    __slots__ = (
        "bound",
        "defaulted",
        "env",
        "frame",
        "nulled",
        "origin",
        "patient",
        "proven",
        "record",
        "rep",
        "rows",
        "standing",
        "where",
    )

    def __init__(self, env: Env, frame: Frame, bound: Bound, segments: list[Segment]) -> None:
        self.rows = [env.row(segment) for segment in segments]
        self.origin = segments[0].index
        self.env = env
        self.frame = frame
        self.bound = bound
        self.rep = ""  # the repetition `$` means, in standard delimiters
        self.standing = self.origin  # segment that `each` stands on
        self.nulled = False  # a `""` was read since this was last cleared
        self.defaulted = False  # a default was used since this was last cleared
        self.proven = False  # what a rule gave is known to be valid R4, since last cleared
        self.patient: PatientKey | None = None
        self.record = ""  # id of the patient's record, or empty
        self.where = ""  # Type/id being made


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


def nearest(bound: Bound, name: str, env: Env) -> Segment:
    """Find a segment by the rule of LANGUAGE.md, section 5; NOTHING when there is none."""
    own = bound.segments.get(name)
    if own:
        return own[0]
    if name not in env.names:
        return NOTHING
    if bound.groups:
        inner = _inside(bound, name, _NO_BARS)
        if inner is not None:
            return inner
    return _outward(bound.parent, name, env) if bound.parent else NOTHING


def _outward(bound: Bound, name: str, env: Env) -> Segment:
    """Search a group and those around it once for all that stand in it."""
    key = (id(bound), name)
    found = env.found.get(key)
    if found is None:
        own = bound.segments.get(name)
        inner = own[0] if own else _inside(bound, name, env.repeating)
        if inner is None:
            inner = _outward(bound.parent, name, env) if bound.parent else NOTHING
        found = env.found[key] = inner
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
