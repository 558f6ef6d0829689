"""One message through a program: bind, name the patients, make the resources, collect statements.

Pure: the same message, arrival time and program give the same `Mapped`, down to the order.
"""

import hashlib
from collections.abc import Sequence

from engine.core.fault import Category, refuse
from engine.core.values import Alias, Contribution, Link, Mapped, Merge, PatientKey
from engine.formats.hl7v2.charset import is_beyond_ascii
from engine.formats.hl7v2.parse import Message
from engine.mapping import twice
from engine.mapping.datatypes import moments
from engine.mapping.layout import Layout, Station
from engine.mapping.message import CompiledMessage, Make
from engine.mapping.program import Program
from engine.mapping.prune import without
from engine.mapping.restored import restored
from engine.mapping.scope import NOTHING, Env, Frame, Instance, Scope
from engine.mapping.site import SiteProfile
from engine.mapping.text import lead, standard
from engine.mapping.watch import Watch

_MINUTES = 12  # characters of a time stamp that says the minute
_HEADER = (1, 2, 7, 9, 10, 11, 18)  # delimiters, time, type, number, mode and characters


def find(program: Program, kind: str) -> CompiledMessage:
    """Return the rules of a message; FaultError when no message document names its trigger."""
    found = program.messages.get(kind)
    if found is None:
        text = "no mapping for this message type and trigger event"
        raise refuse(Category.UNSUPPORTED, "unknown-trigger", text, "MSH-9")
    return found


def _source_us(message: Message, program: Program, env: Env, received_us: int) -> int:
    """Return the sender's time of the facts: EVN-2 when it says the minute, else MSH-7."""
    event, header = message.first("EVN") or NOTHING, message.segments[0]
    values = [lead(event.field(2)), lead(header.field(7))]
    for value in sorted((v for v in values if v), key=lambda v: len(v) < _MINUTES):
        time_us = moments.microseconds(value, program.tools.zone)
        if time_us is not None:
            return time_us
    env.note("no-source-time", "MSH-7", "no usable time stamp; arrival time taken")
    return received_us


def fallback_key(message: Message) -> str:
    """Return what ids are made of that have no business key: the same for a repeated delivery."""
    header = message.segments[0]
    control_id = header.field(10).strip()
    if control_id:
        return f"{control_id}\x1e{header.field(7)}"
    digest = hashlib.sha256()
    for segment in message.segments:
        digest.update(segment.text.encode())
        digest.update(b"\r")
    return digest.hexdigest()


class Run:
    """The making of one `Mapped`."""

    __slots__ = (
        "_aliases",
        "_env",
        "_instances",
        "_links",
        "_merges",
        "_program",
        "_site",
        "_sources",
    )

    def __init__(self, program: Program, site: SiteProfile, env: Env) -> None:
        self._program = program
        self._site = site
        self._env = env
        self._instances: list[Instance] = []
        self._aliases: dict[Alias, None] = {}
        self._merges: list[Merge] = []
        self._links: list[Link] = []
        self._sources: dict[str, list[int]] = {}  # id -> segments it was made of

    def patients(self, stations: Sequence[Station]) -> None:
        """Name the patient of each PID segment, and the identifiers it is seen with."""
        identity = self._program.identity
        for station in stations:
            scope = self._scope(station)
            key = identity.patient_of(scope) or self._without_key(station.segment)
            self._env.patients[station.segment] = key
            self._aliases.update(dict.fromkeys(identity.aliases_of(scope, key.record)))

    def _scope(self, station: Station) -> Scope:
        """Return a scope on a PID."""
        return station.scope(self._env, Frame(station.bound, None))

    def _without_key(self, pid: int) -> PatientKey:
        if not self._program.identity.volatile:
            text = "nothing in the message identifies the patient"
            raise refuse(Category.INVALID, "missing-patient-key", text, "PID-3")
        self._env.note("volatile-id", "PID-3", "no patient key; the id holds for this message only")
        key = f"{self._env.fallback_key}\x1e{pid}"
        return self._program.identity.named("message", key)

    def merge(self, station: Station) -> None:
        """State that the prior patient of a group is the present one."""
        identity = self._program.identity
        survivor = self._env.patients.get(station.segment)
        scope = self._scope(station)
        prior = identity.prior_of(scope)
        if survivor is None or prior is None:
            text = "a merge has to name both patients"
            raise refuse(Category.INVALID, "missing-patient-key", text, "MRG-1")
        if prior.record == survivor.record:
            self._env.note("merge-with-itself", "MRG-1", "both patients are the same record")
            return
        self._merges.append(Merge(survivor, prior))
        self._aliases.update(dict.fromkeys(identity.aliases_of(scope, prior.record, prior=True)))

    def link(self, kind: str, pids: Sequence[int]) -> None:
        """State that the patients of some PID are one person, or that they are not."""
        found = [key for pid in pids if (key := self._env.patients.get(pid)) is not None]
        if len(found) < 2:
            text = "a link has to name both patients"
            raise refuse(Category.INVALID, "missing-patient-key", text, "PID[2]-3")
        first, *others = dict.fromkeys(found)
        if not others:
            self._env.note("link-with-itself", "PID[2]-3", "both patients are the same record")
        self._links += [Link(first, other, kind) for other in others]

    def instances(self, layout: Layout) -> None:
        """Find out what will be made, so that everything can refer to everything."""
        env, frames = self._env, layout.opened()
        for spot in layout.spots:
            rule, frame = spot.rule, frames[spot.frame]
            scope = spot.at.scope(env, frame)
            patient = env.patients.get(spot.pid)
            if patient is not None:
                scope.patient, scope.record = patient, patient.record
            if rule.when is not None and not rule.when(scope):
                continue
            if rule.map.skip is not None and rule.map.skip(scope):
                continue
            ident = self._id(rule, scope)
            if ident:
                instance = Instance(ident, scope, rule.map, rule.weak)
                frame.add(instance)
                self._instances.append(instance)

    def _id(self, rule: Make, scope: Scope) -> str:
        """Return the id of a new resource, empty when the same was made before."""
        kind = rule.map.type
        if kind == "Patient":
            return scope.record
        key = rule.map.key_of(scope)
        if key is None:
            where = f"{kind}.id"
            self._env.note(
                "volatile-id", where, "no business key; the id holds for this message only"
            )
            key = ("message", self._env.fallback_key, kind, str(scope.origin))
        ident = self._program.identity.identify(kind, key)
        if rule.map.mode == "merge":
            return ident
        known = self._sources.get(ident)
        if known is None:
            self._sources[ident] = [scope.origin]
            return ident
        if self._content(scope.origin) in map(self._content, known):
            return ""
        known.append(scope.origin)
        self._env.note("repeated-key", f"{kind}.id", "the same key again with other content")
        return self._program.identity.identify(kind, (*key, f"#{len(known)}"))

    def _content(self, index: int) -> str:
        """Return a segment without its name and set id."""
        return self._env.segments[index].text.partition("|")[2].partition("|")[2]

    def contributions(self) -> tuple[Contribution, ...]:
        """Make all resources; what lacks required elements goes, with the references to it."""
        made: dict[str, Contribution] = {}
        dropped: set[str] = set()
        for instance in self._instances:
            found = instance.map.contribution(instance)
            if found is None:
                dropped.add(instance.reference)
            elif found.id in made:
                made[found.id] = twice.merged(made[found.id], found)
            else:
                made[found.id] = found
        made.update((ident, side) for ident, side in self._env.sides.items() if ident not in made)
        dropped |= {asked for asked in self._env.asked if asked.partition("/")[2] not in made}
        whole = tuple(made.values())
        whole = without(whole, dropped, self._env) if dropped else whole
        return restored(whole, self._env.apart) if self._env.apart else whole

    def named(self) -> tuple[PatientKey, ...]:
        """Return every source record the message names, the subject first."""
        found = [key for key in self._env.patients.values() if key is not None]
        return tuple(dict.fromkeys([*found, *(merge.subsumed for merge in self._merges)]))

    def mapped(self, source_us: int, kind: str, plan: str) -> Mapped:
        contributions = self.contributions()
        for instance in self._instances:
            instance.scope.frame.close()
        return Mapped(
            control_id=self._env.control_id,
            kind=kind,
            source_us=source_us,
            plan=plan,
            patients=self.named(),
            aliases=tuple(self._aliases),
            merges=tuple(self._merges),
            links=tuple(self._links),
            contributions=contributions,
            diagnostics=tuple(self._env.diagnostics),
            lines=tuple(sorted({line.rule for line in self._env.lineage})),
        )


def _watching(message: Message) -> Watch:
    """Begin to watch; what every message is read for is decided by the engine."""
    watch = Watch()
    header = message.segments[0]
    watch.decide((0, f"MSH-{n}") for n in _HEADER if header.field(n))
    events = ((n, s) for n, s in enumerate(message.segments) if s.name == "EVN" and s.field(2))
    watch.decide((n, "EVN-2") for n, _ in events)
    return watch


def execute(
    program: Program, site: SiteProfile, plan: str, message: Message, received_us: int
) -> tuple[Mapped, Env]:
    """Map one message. FaultError: unknown-trigger, missing-patient-key, missing-control-id."""
    message = standard(message)
    kind = message.kind
    rules = find(program, kind)
    control_id = message.control_id.strip()
    if site.require_control_id and not control_id:
        text = "this site's messages need a control id"
        raise refuse(Category.INVALID, "missing-control-id", text, "MSH-10")
    env = Env(message, control_id, received_us)
    env.fallback_key = fallback_key(message)
    if program.traced:
        env.watch = _watching(message)
    source_us = _source_us(message, program, env, received_us)
    if is_beyond_ascii(message.segments[0].field(18), message.charset):
        env.note("beyond-ascii", "MSH-18", "declared ASCII, read as the UTF-8 that it is")
    if lead(message.segments[0].field(11)).upper() not in site.processing:
        rule = "not-production"
        return Mapped(control_id, kind, source_us, plan, filtered=rule), env
    layout = program.layouts.of(rules, message)
    for code, name in layout.misplaced:
        env.note(code, name, "the segment does not stand where the structure has it")
    layout.read(env)
    run = Run(program, site, env)
    run.patients(layout.pids)
    run.instances(layout)
    for station in layout.merges:
        run.merge(station)
    for said, pids in layout.links:
        run.link(said, pids)
    return run.mapped(source_us, kind, plan), env
