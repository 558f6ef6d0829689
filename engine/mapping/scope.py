"""What a compiled rule sees while it runs: the message, the place it stands on, what was made.

One `Env` per message, one `Frame` per `per:`, one `Scope` per resource. Mutable on purpose: they
live for one message and never leave this package.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.values import Contribution, Diagnostic, PatientKey
from engine.formats.hl7v2.groups import Bound
from engine.formats.hl7v2.parse import Message, Segment
from engine.mapping.datatypes.moments import stamp
from engine.mapping.watch import Watch
from engine.r4.objects import below

NOTHING = Segment("", -1, "", "|")  # stands where a message has no such segment: all fields empty
WIDTH = 80  # fields that every row has, empty ones if need be; the longest usual segment has 72
_PADDINGS = [[""] * (WIDTH - count) for count in range(WIDTH + 1)]  # for rows of so many fields
NO_FIELDS = NOTHING.fields + _PADDINGS[1]
_MANY = 64  # diagnostics, beyond which what R4 does not have is named no more
_UNREAD: list[str] = []
_USUAL = 20_000  # characters of a segment
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
        "_received_us",
        "apart",
        "asked",
        "control_id",
        "effects",
        "fallback_key",
        "lineage",
        "links",
        "noted",
        "patients",
        "redone",
        "rows",
        "segments",
        "shapes",
        "sides",
        "usual",
        "watch",
    )

    links: Any  # of resources as source: what their references become

    def __init__(self, message: Message, control_id: str, received_us: int) -> None:
        self.segments = message.segments
        self.apart = message.apart
        self.asked: set[str] = set()  # references by key, to what may not be made
        self._received_us = received_us
        self.control_id = control_id
        self.fallback_key = ""  # control id, else hash of the message: for volatile ids
        self.patients: dict[int, PatientKey | None] = {}  # by index of the PID segment
        self.noted: dict[tuple[str, str, str], None] = {}  # code, where, message
        self.effects: list[Effect] | None = None  # kept while a rule is being remembered
        self.redone: dict[int, object] = {}  # by identity: remembered results whose effects it has
        # By index of the segment, empty until somebody reads it; the last stands for NOTHING.
        self.rows: list[list[str]] = [_UNREAD] * len(self.segments) + [NO_FIELDS]
        self.shapes: list[bytes] = [b""] * len(self.rows)  # which fields of a row are there
        self.sides: dict[str, Contribution] = {}  # created-and-linked resources by id
        self.lineage: list[Lineage] = []
        self.watch: Watch | None = None  # what becomes of each value, where that is wanted
        # Whether all texts are shorter by far than R4 allows.
        self.usual = max([len(s.text) for s in self.segments], default=0) <= _USUAL

    @property
    def received(self) -> str:
        """Return the arrival as a v2 time stamp."""
        return stamp(self._received_us)

    def row(self, segment: Segment) -> list[str]:
        """Return the fields of a segment, padded to a width that readers can rely on."""
        return self.rows[segment.index] or self.read(segment.index)

    def read(self, index: int) -> list[str]:
        """Split a segment for the first time."""
        fields = self.segments[index].fields
        row = self.rows[index] = fields + _PADDINGS[min(len(fields), WIDTH)]
        self.shapes[index] = bytes(map(bool, fields))
        return row

    def note(self, code: str, where: str, message: str) -> None:
        """Keep a diagnostic once."""
        noted = code, where, message
        self.noted[noted] = None
        if self.effects is not None:
            self.effects.append(lambda scope: scope.env.noted.setdefault(noted))

    def note_unknown(self, path: str, name: str, message: str) -> None:
        """Note an element that R4 does not have; of very many their parent alone is named."""
        where = below(path, name) if len(self.noted) < _MANY else path
        self.note("unknown-element", where, message)

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

    def close(self) -> None:
        """Let go of what was made: it holds its frame, and such a ring is freed late and dearly."""
        self.made.clear()
        self._origins.clear()

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
        "doubtful",
        "env",
        "frame",
        "labels",
        "nulled",
        "origin",
        "patient",
        "proven",
        "record",
        "rep",
        "rows",
        "shape",
        "standing",
        "where",
        "whole",
    )
    whole: Any  # of a resource as source: its JSON; `rep` is where paths start

    def __init__(
        self,
        env: Env,
        frame: Frame,
        bound: Bound,
        rows: list[list[str]],
        origin: int,
    ) -> None:
        self.rows = rows
        self.shape: tuple[bytes, ...] = ()  # which fields are there, by slot
        self.origin = origin
        self.env = env
        self.frame = frame
        self.bound = bound  # its segments say where they stand, `env` what they hold
        self.rep: Any = ""  # the repetition `$` means, in standard delimiters
        self.standing = self.origin  # segment that `each` stands on
        self.nulled = False  # a `""` was read since this was last cleared
        self.defaulted = False  # a default was used since this was last cleared
        self.proven = False  # what a rule gave is known to be valid R4, since last cleared
        self.doubtful = False  # a value was read that is not, since last cleared
        self.patient: PatientKey | None = None
        self.record = ""  # id of the patient's record, or empty
        self.where = ""  # Type/id being made
        self.labels: list[Any] = []  # of its security


def standing_on(env: Env, frame: Frame, bound: Bound, segments: Sequence[Segment]) -> Scope:
    """Return a scope that reads these segments, the one its resource is made of first."""
    scope = Scope(env, frame, bound, [env.row(s) for s in segments], segments[0].index)
    scope.shape = tuple([env.shapes[segment.index] for segment in segments])
    return scope
