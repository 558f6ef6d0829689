"""One row of a file through a compiled feed. Pure, as `run` is for messages."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from engine.core.fault import Category, refuse
from engine.core.values import Contribution, Diagnostic, Mapped, PatientKey
from engine.formats.delimited.cell import CellError
from engine.formats.delimited.delivery import RowDelivery
from engine.formats.hl7v2.encoding import STANDARD
from engine.formats.hl7v2.groups import Bound
from engine.formats.hl7v2.parse import Message, Segment
from engine.mapping.columns import ROW, named
from engine.mapping.datatypes import moments
from engine.mapping.feed import CompiledFeed, Make
from engine.mapping.identity import Identity
from engine.mapping.prune import without
from engine.mapping.scope import Env, Frame, Instance, Lineage, Scope, standing_on
from engine.mapping.text import NULL, quoted
from engine.mapping.watch import Watch

SKIPPED = "skipped-row"  # the rule of a feed that leaves rows out


class RowRun:
    """The making of one `Mapped` of one row."""

    def __init__(self, feed: CompiledFeed, identity: Identity, delivery: RowDelivery) -> None:
        self._feed = feed
        self._identity = identity
        self._delivery = delivery
        self._notes: list[tuple[str, str, str]] = []

    def begin(self, received_us: int) -> Env:
        """Read the cells; FaultError when the row breaks the contract."""
        line = "|".join([ROW, *(self._cell(place) for place in range(len(self._feed.headers)))])
        segment = Segment(ROW, 0, line, "|")
        message = Message(STANDARD, (segment,))
        control_id = self._delivery.control_id
        env = Env(message, control_id, received_us)
        env.fallback_key = f"{self._delivery.sha256}:{self._delivery.row}"
        for note in self._notes:
            env.note(*note)
        self._env, self._segment = env, segment
        self._bound = Bound("", None)
        self._bound.segments[ROW] = [segment]
        self._frame = Frame(self._bound, None)
        return env

    def _cell(self, place: int) -> str:
        """Return a cell in its normal form as a field; empty ones as absent or as null."""
        feed, header = self._feed, self._feed.headers[place]
        column = feed.contract.columns[place]
        given = self._delivery.columns.get(header)
        key_alone = self._delivery.deleted and column.name not in feed.contract.key
        if given is None or key_alone:
            if given is None and not (column.optional or key_alone):
                text = "the row lacks a column its feed needs"
                raise refuse(Category.INVALID, "column-missing", text, header)
            return ""
        value = given.strip()
        if not value or value in feed.contract.dialect.null_values:
            return NULL if feed.clears else ""
        try:
            return quoted(feed.cells[place](value))
        except CellError as error:
            if not column.lenient:
                text = "a cell does not fit the type of its column"
                raise refuse(Category.INVALID, error.code, text, header) from None
            self._notes.append((error.code, header, "not of the column's type; left out"))
            return ""

    def scope(self) -> Scope:
        return standing_on(self._env, self._frame, self._bound, [self._segment])

    def patient(self) -> PatientKey:
        """Name the patient the row is about."""
        value = self._feed.patient(self.scope())
        if not value:
            text = "nothing in the row identifies the patient"
            raise refuse(Category.INVALID, "missing-patient-key", text, ROW.lower())
        key = self._identity.named(self._feed.label, value)
        self._env.patients[self._segment.index] = key
        return key

    def source_us(self, zone: ZoneInfo) -> int:
        """Return when the row was changed: by its own column, else when its file was extracted."""
        raw = self._segment.field(self._feed.changed) if self._feed.changed else ""
        found = moments.microseconds(raw, zone) if raw and raw != NULL else None
        return self._delivery.source_us if found is None else found

    def watching(self) -> Watch:
        """Begin to watch; when the row was changed is decided by a column of its own."""
        watch, column = Watch(), self._feed.changed
        if column and self._segment.field(column):
            watch.decide([(0, f"{ROW}-{column}")])
        return watch

    def makes(self) -> tuple[Make, ...]:
        feed = self._feed
        if self._delivery.deleted:
            return feed.deletes
        if feed.gone is not None and feed.gone(self.scope()):
            return feed.departs
        return feed.makes

    def instances(self, patient: PatientKey) -> list[Instance]:
        """Find out what will be made; none when the row is skipped."""
        found = []
        for make in self.makes():
            scope = self.scope()
            scope.patient, scope.record = patient, patient.record
            if make.map.skip is not None and make.map.skip(scope):
                return []
            instance = Instance(self._id(make, scope), scope, make.map, make.weak)
            self._frame.add(instance)
            found.append(instance)
        return found

    def _id(self, make: Make, scope: Scope) -> str:
        if make.map.type == "Patient":
            return scope.record
        key = make.map.key_of(scope)
        if key is None:
            text = "the row has no value in its key"
            raise refuse(Category.INVALID, "missing-key", text, ROW.lower())
        return self._identity.identify(make.map.type, key)

    def contributions(self, instances: list[Instance]) -> tuple[Contribution, ...]:
        """Make the resources; what lacks required elements goes, with the references to it."""
        made: dict[str, Contribution] = {}
        dropped: set[str] = set()
        for instance in instances:
            found = instance.map.contribution(instance)
            if found is None:
                dropped.add(instance.reference)
            else:
                made[found.id] = self._filling(found)
        self._frame.close()
        made.update((ident, side) for ident, side in self._env.sides.items() if ident not in made)
        whole = tuple(made.values())
        return without(whole, dropped, self._env) if dropped else whole

    def _filling(self, found: Contribution) -> Contribution:
        fills = self._feed.fills
        if found.mode != "merge" or fills.isdisjoint(found.body):
            return found
        return found._replace(weak=found.weak | {name for name in found.body if name in fills})

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        headers = self._feed.headers
        found = self._env.diagnostics
        return tuple(Diagnostic(n.code, named(n.where, headers), n.message) for n in found)


def lane(feed: CompiledFeed, identity: Identity, delivery: RowDelivery) -> str:
    """Return the key of the patient, `label:value` as for messages. FaultError: invalid."""
    run = RowRun(feed, identity, delivery)
    run.begin(0)
    return f"{feed.label}:{run.patient().local_id}"


def lineage(feed: CompiledFeed, env: Env) -> tuple[Lineage, ...]:
    """Return where each element came from, columns by their headers."""
    return tuple(replace(line, source=named(line.source, feed.headers)) for line in env.lineage)


def execute(
    feed: CompiledFeed,
    identity: Identity,
    plan: str,
    delivery: RowDelivery,
    received_us: int,
    *,
    traced: bool = False,
) -> tuple[Mapped, Env]:
    """Map one row. FaultError: invalid, with the header of the column that is wrong."""
    run = RowRun(feed, identity, delivery)
    env = run.begin(received_us)
    if traced:
        env.watch = run.watching()
    patient = run.patient()
    instances = run.instances(patient)
    mapped = Mapped(
        control_id=delivery.control_id,
        kind=f"csv:{feed.contract.feed}",
        source_us=run.source_us(feed.contract.zone),
        plan=plan,
        patients=(patient,) if instances else (),
        contributions=run.contributions(instances),
        diagnostics=run.diagnostics(),
        filtered="" if instances else SKIPPED,
        lines=tuple(sorted({line.rule for line in env.lineage})),
    )
    return mapped, env
