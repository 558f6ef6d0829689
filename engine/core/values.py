"""The values that flow from a channel to the store, in the order in which they are made.

    Envelope -> Receipt            a channel submits bytes, intake says where they lie
    Entry                          the journal hands them on
    Mapped                         what one message says, as contributions and identity statements

All are frozen. Times are microseconds since 1970 in UTC, unless a name says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.core.fault import Fault

HL7_V2 = "x-application/hl7-v2+er7"
CSV_ROW = "application/vnd.concord.csv-row+json"  # one row of a file, with its headers
FHIR_JSON = "application/fhir+json"  # one resource or one transaction Bundle, as it was sent
FHIR_EVENT = "application/vnd.concord.fhir-event+json"  # a notification without its resources
WHOLE = "*"  # among proven elements: the resource as a whole is valid
DECISION = "application/vnd.concord.decision+json"
ACTIVATION = "application/vnd.concord.activation+json"  # from here on other mappings hold


@dataclass(frozen=True, slots=True)
class Envelope:
    """One delivery as it came: nothing in it has been interpreted but what is needed to answer."""

    channel: str
    site: str
    media_type: str
    body: bytes
    received_us: int
    control_id: str = ""  # MSH-10; empty when the sender gave none
    lane: str = ""  # what keeps order: the patient's key as sent, or empty for the site's own lane


@dataclass(frozen=True, slots=True)
class Touched:
    """A resource as a delivery left it; `outcome` is created, updated, unchanged or older."""

    type: str
    id: str
    version: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a delivery: its state, and the rule or fault that led to it."""

    state: str  # written, filtered, duplicate, quarantined
    code: str = ""
    where: str = ""
    touched: tuple[Touched, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Intake's answer: the bytes lie durably at `position`, or a fault says why they do not.

    `settled` is known only where a delivery is worked off before its sender is answered.
    """

    position: int = 0
    fault: Fault | None = None
    settled: Settled | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. Positions grow in commit order and are never reused."""

    position: int
    partition: int
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class PatientKey:
    """A source record: what one site calls one patient.

    `record` is its keyed id and at the same time the id of the source Patient. `local_id` is the
    identifier as the site writes it.
    """

    site: str
    record: str
    local_id: str


@dataclass(frozen=True, slots=True)
class Alias:
    """An identifier a source record was seen with.

    Two records of a site that share one are one person: the source says so.
    """

    record: str
    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Merge:
    """The source says that `subsumed` is `survivor` (HL7 v2 A40): a statement, not a deletion."""

    survivor: PatientKey
    subsumed: PatientKey


@dataclass(frozen=True, slots=True)
class Link:
    """The source says that two records are one person, or are not (HL7 v2 A24, A37); both stay."""

    a: PatientKey
    b: PatientKey
    kind: str  # link or unlink


@dataclass(frozen=True, slots=True)
class Parts:
    """What a message says of an element whose parts hold by themselves.

    Parts of a list are the rules that fill it, each with its items; those of an object its members.
    `labels` names all parts the mapping has, in its order; a part that was not `said` is not spoken
    of and stays. None is a part that the source emptied.
    """

    labels: tuple[str, ...]
    said: Mapping[str, Any]


_NO_PARTS: Mapping[str, Parts] = {}
_PROVEN = 8  # place of what is proven among the fields of a contribution


class Contribution(NamedTuple):
    """What one message says about one resource. A tuple, for a message makes up to hundreds.

    `merge`: element by element, the newest statement of each top-level element holds, and what is
    not mentioned stays. `replace`: the newest contribution holds as a whole. `clears` are elements
    the source emptied (HL7 v2 `""`, V2.9.1 2.4.3.1). `weak` are elements that came from a default:
    they fill a gap and never replace a value. A contribution of higher `rank` is never replaced by
    one of lower rank (a preliminary result after the final one). `parts` are the elements of which
    a `merge` speaks part by part; `body` has their values as well. `weak` names a part as
    `identifier/national`. Equal are those that say the same.
    """

    type: str
    id: str
    body: dict[str, Any]  # FHIR R4 JSON; `resourceType`, `id` first; decimals are lexeme.Number
    patient: str = (
        ""  # record of the source Patient the resource is about; for a Patient its own id
    )
    mode: str = "replace"  # or "merge"
    clears: tuple[str, ...] = ()
    weak: frozenset[str] = frozenset()
    rank: int = 1
    # Elements whose values are known to be valid R4, for validation to skip: it says nothing.
    proven: frozenset[str] = frozenset()
    parts: Mapping[str, Parts] = _NO_PARTS
    said_us: int = 0  # when, if the resources of one delivery have times of their own

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Contribution):
            return NotImplemented
        return self[:_PROVEN] == other[:_PROVEN] and self[_PROVEN + 1 :] == other[_PROVEN + 1 :]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.type, self.id))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something an analyst should know about a message that was accepted: a code and a place."""

    code: str
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """What one message says: contributions and statements, or the rule that `filtered` it."""

    control_id: str
    kind: str  # MSH-9 as `ADT^A01`
    source_us: int  # the sender's own time for the facts
    plan: str  # content hash of the effective mapping
    patients: tuple[PatientKey, ...] = ()
    aliases: tuple[Alias, ...] = ()
    merges: tuple[Merge, ...] = ()
    links: tuple[Link, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    filtered: str = ""
    named: tuple[str, ...] = ()  # references of resources that did not come and have to be fetched
    lines: tuple[str, ...] = field(default=())  # rule lines used, `file:line`; only when traced
