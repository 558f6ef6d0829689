"""A compiled mapping of one site: the only thing the rest of the engine calls to map a message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.core.fault import Category, refuse
from engine.core.values import Mapped
from engine.formats.delimited.contract import Contract
from engine.formats.delimited.delivery import RowDelivery
from engine.formats.hl7v2.parse import Message
from engine.mapping import fhir_run, row, run
from engine.mapping.authorship import Authors
from engine.mapping.bundle import bodies, bundle, reference
from engine.mapping.columns import named
from engine.mapping.datatypes.coded import Coded
from engine.mapping.feed import CompiledFeed
from engine.mapping.header import Headers
from engine.mapping.ignored import Ignored
from engine.mapping.library import Library
from engine.mapping.probe import Probe
from engine.mapping.problem import MappingErrors, Problem
from engine.mapping.program import Program, build, content_hash
from engine.mapping.scope import Env, Lineage
from engine.mapping.site import SiteProfile
from engine.mapping.strata import Strata
from engine.mapping.text import standard
from engine.mapping.watch import Missed, Use

__all__ = ["Lineage", "MappingErrors", "Plan", "Problem", "Traced", "compile_plan"]


@dataclass(frozen=True, slots=True)
class Traced:
    """A mapped message with the origin of each element. `mapped.lines` are the rule lines used."""

    mapped: Mapped
    lineage: tuple[Lineage, ...]
    uses: tuple[Use, ...] = ()  # what became of each value that was read
    missed: tuple[Missed, ...] = ()  # codes that their tables do not have


class Plan:
    """The effective mapping of a site, compiled. Holds no state between messages but memos."""

    __slots__ = ("_library", "_program", "_site", "_traced", "id")

    def __init__(
        self,
        library: Library,
        site: SiteProfile,
        strata: Strata,
        probe: Probe | None,
        *,
        traced: bool,
        lenient: bool,
    ) -> None:
        self._library = library
        self._site = site
        self._program = build(strata, site, traced=traced, probe=probe, lenient=lenient)
        self._traced = self._program if traced or probe is not None else None
        self.id = content_hash(library, site)  # of the chain's files and the profile but its key

    @property
    def site(self) -> SiteProfile:
        return self._site

    @property
    def library(self) -> Library:
        """Return the files it was compiled from, and perhaps others."""
        return self._library

    @property
    def triggers(self) -> tuple[str, ...]:
        """Message kinds that are mapped, e.g. `ADT^A01`."""
        return tuple(sorted(self._program.messages))

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """What was agreed about the files of the site, the most particular name first."""
        found = [feed.contract for feed in self._program.feeds.values()]
        return tuple(sorted(found, key=lambda one: (-len(one.files), one.feed)))

    @property
    def resource_types(self) -> tuple[str, ...]:
        """Types of FHIR resources that are mapped."""
        return tuple(sorted(self._program.fhir.feeds))

    @property
    def ignored(self) -> Mapping[str, Ignored]:
        """What is left out on purpose: `PID-1`, `ZPD`, `patients.Zip`, `Observation.text`."""
        return self._program.ignored

    def lane_of_resource(self, value: Any) -> str:
        """Return the key of the patient a resource or Bundle is about, as `lane`.

        Faults as `map_resource`.
        """
        return fhir_run.lane(self._program.fhir, value)

    def map_resource(self, value: Any, received_us: int, control_id: str = "") -> Mapped:
        """Map one resource or one Bundle, as `read_json` gives it, as `map` does a message.

        FaultError: unsupported `unknown-resource`, `bundle-method`, `implicit-rules` and
        `subsetted-resource`, invalid
        `no-resource` and `missing-patient-key`.
        """
        program = self._program.fhir
        return fhir_run.execute(program, self.id, value, received_us, control_id)[0]

    def trace_resource(self, value: Any, received_us: int, control_id: str = "") -> Traced:
        """Map a resource or Bundle and say where each element came from; faults as above."""
        program = self._tracing().fhir
        mapped, env = fhir_run.execute(program, self.id, value, received_us, control_id)
        return _traced(mapped, env, tuple(env.lineage))

    def map_row(self, delivery: RowDelivery, received_us: int) -> Mapped:
        """Map one row of a file, as `map` does a message.

        FaultError: unsupported `unknown-feed`, invalid `missing-patient-key`, `column-missing` and
        the codes of cells.
        """
        return _mapped_row(self._program, self.id, delivery, received_us)[0]

    def trace_row(self, delivery: RowDelivery, received_us: int) -> Traced:
        """Map one row and say where each element came from; faults as `map_row`."""
        program = self._tracing()
        mapped, env = _mapped_row(program, self.id, delivery, received_us)
        feed = _feed(program, delivery)
        found = _traced(mapped, env, row.lineage(feed, env))
        uses = tuple(replace(use, name=named(use.name, feed.headers)) for use in found.uses)
        return replace(found, uses=uses)

    def map(self, message: Message, received_us: int) -> Mapped:
        """Map one message; a pure function of its arguments and the plan.

        Bodies may share parts with each other and with other messages: never change them.
        FaultError: unsupported `unknown-trigger`, invalid `missing-patient-key` and
        `missing-control-id`.
        """
        mapped, _ = run.execute(self._program, self._site, self.id, message, received_us)
        return mapped

    def trace(self, message: Message, received_us: int) -> Traced:
        """Map one message and say where each element came from; faults as `map`."""
        mapped, env = run.execute(self._tracing(), self._site, self.id, message, received_us)
        return _traced(mapped, env, tuple(env.lineage))

    def _tracing(self) -> Program:
        if self._traced is None:
            self._traced = build(Strata(self._library), self._site, traced=True)
        return self._traced

    def codings(self, raw: str) -> tuple[list[dict[str, Any]], str]:
        """Read a coded field: its codings with their systems, and its text."""
        return Coded(self._program.tools, None).codings(raw)

    def bundle(self, messages: Sequence[Message], received_us: int) -> dict[str, Any]:
        """Map the messages of one delivery to one transaction Bundle, with headers.

        Faults as `map`: the first message that cannot be mapped refuses the delivery.
        """
        headers = Headers(self._program.tools, self._program.identity.identify)
        authors = Authors(self._program.tools, self._program.identity.identify)
        found: list[dict[str, Any]] = []
        for given in messages:
            message = standard(given)
            made = bodies(self.map(message, received_us))
            linked: list[dict[str, Any]] = []
            sent = headers.sent(message, received_us)
            key = run.fallback_key(message)
            names = [reference(body) for body in made]
            found.append(headers.header(message, key, names, linked))
            found.extend(made)
            about = names or [reference(found[-1])]  # a message of nothing but its header
            found.append(headers.provenance(message, key, about, sent, linked))
            found.extend(authors.all(message, made, sent, linked))
            found.extend(linked)
        first = standard(messages[0])
        return bundle(found, headers.identifier(first), headers.sent(first, received_us))

    def row_lane(self, delivery: RowDelivery) -> str:
        """Return the key of the patient a row is about, as `lane`; faults as `map_row`."""
        return row.lane(_feed(self._program, delivery), self._program.identity, delivery)

    def lane(self, message: Message) -> str:
        """Return the key of the patient a message is about, `label:value`; empty when none."""
        identity = self._program.identity
        key = identity.key(identity.flat(standard(message)))
        return "" if key is None else f"{key[0]}:{key[1]}"


def _traced(mapped: Mapped, env: Env, lineage: tuple[Lineage, ...]) -> Traced:
    if env.watch is None:
        return Traced(mapped, lineage)
    made = (f"{one.type}/{one.id}" for one in mapped.contributions)
    return Traced(mapped, lineage, env.watch.uses(made), tuple(env.watch.missed))


def _feed(program: Program, delivery: RowDelivery) -> CompiledFeed:
    found = program.feeds.get(delivery.feed)
    if found is None:
        raise refuse(Category.UNSUPPORTED, "unknown-feed", "no mapping handles files of this feed")
    return found


def _mapped_row(
    program: Program, plan: str, delivery: RowDelivery, received_us: int
) -> tuple[Mapped, Env]:
    feed, traced = _feed(program, delivery), program.traced
    return row.execute(feed, program.identity, plan, delivery, received_us, traced=traced)


def compile_plan(
    library: Library,
    site: SiteProfile,
    probe: Probe | None = None,
    strata: Strata | None = None,
    *,
    traced: bool = False,
    lenient: bool = False,
) -> Plan:
    """Check and compile a site's chain; `probe` is for tests of the mapping.

    `strata` are those of the library, where several plans are made of it. A plan that is `traced`
    is slow, and made in one go for who traces every message; one that is `lenient` only notes
    codes that their tables refuse.
    MappingErrors with every problem found.
    """
    return Plan(library, site, strata or Strata(library), probe, traced=traced, lenient=lenient)
