"""One delivery of resources through the fhir documents of a plan. Pure, as `run` is for messages.

Ids and patients first, so that the resources of one Bundle can refer to each other in any order;
then the contents (`fhir_content`). Each resource has its own time, the sender's.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.fault import Category, refuse
from engine.core.lexeme import encode
from engine.core.values import Alias, Mapped, Merge, PatientKey
from engine.formats.hl7v2.encoding import STANDARD
from engine.formats.hl7v2.parse import Message
from engine.mapping.datatypes.moments import fhir_microseconds
from engine.mapping.datatypes.tools import Tools
from engine.mapping.fhir_bundle import Sent, sent
from engine.mapping.fhir_content import Content, Known
from engine.mapping.fhir_copy import Move
from engine.mapping.fhir_feed import FhirFeed
from engine.mapping.fhir_links import About, Links, Targets, scope_of
from engine.mapping.scope import Env, Scope
from engine.mapping.source import Source
from engine.mapping.watch import Watch
from engine.r4 import elements

SKIPPED = "skipped-resource"  # the rule of a document that leaves resources out
# What others are keyed by or refer to comes first; of the rest the delivery's order holds.
_FIRST = ("Patient", "Practitioner", "Organization", "Location", "Medication", "Encounter")


@dataclass(frozen=True, slots=True)
class FhirProgram:
    """What a plan runs for resources."""

    feeds: Mapping[str, FhirFeed]  # by type of the resources taken
    targets: Targets
    tools: Tools
    labels: Move  # carries security labels over
    traced: bool = False


class FhirRun:
    """The naming of what one delivery holds."""

    __slots__ = ("_links", "_program", "_received_us", "aliases", "env", "known", "merges")

    def __init__(self, program: FhirProgram, received_us: int, control_id: str) -> None:
        self._program = program
        self._received_us = received_us
        self._links = Links(program.targets)
        self.env = Env(Message(STANDARD, ()), control_id, received_us)
        self.env.links = self._links
        self.known: list[Known] = []
        self.aliases: dict[Alias, None] = {}
        self.merges: list[Merge] = []

    def taken(self, resources: tuple[Sent, ...]) -> list[Sent]:
        """Return the resources that are mapped; references to their patients can be read then."""
        found = [item for item in resources if self._is_taken(item)]
        for item in found:
            if item.type == "Patient":
                self._links.patients.update(dict.fromkeys(item.names, item.resource))
        return found

    def name(self, resources: list[Sent]) -> None:
        """Find out what each resource is about and called. FaultError: see `execute`."""
        order = {name: rank for rank, name in enumerate(_FIRST)}
        for item in sorted(resources, key=lambda one: order.get(one.type, len(_FIRST))):
            self._name(item)

    def _is_taken(self, item: Sent) -> bool:
        if item.type in self._program.feeds:
            return True
        known = item.type in elements.resource_types()
        text = "no mapping takes resources of this type; left out"
        self.env.note("unmapped-resource", item.type if known else "entry.resource", text)
        return False

    def _name(self, item: Sent) -> None:
        feed = self._program.feeds[item.type]
        scope = scope_of(self.env, item.resource)
        about = self.about(feed, scope)
        if about is not None:
            scope.patient, scope.record = about.key, about.key.record
        if feed.map.skip is not None and feed.map.skip(scope):
            return
        ident = self._id(feed, scope)
        self._links.names.update(dict.fromkeys(item.names, f"{feed.map.type}/{ident}"))
        known = Known(item.resource, feed, scope, about, ident, self._said_us(feed, scope))
        self.known.append(known)
        if about is not None:
            self._alias(about)
            self._merge(known, about)
        if feed.lifts:
            self._lift(known)

    def about(self, feed: FhirFeed, scope: Scope) -> About | None:
        """Name the patient of a resource; None for a type that has none."""
        if feed.map.type == "Patient":
            found = self._program.targets.identity.patient_of(scope)
            about = About(*found, scope) if found else None
        elif feed.about is None:
            return None
        else:
            about = self._links.patient(feed.about.one(scope), scope)
        if about is None:
            where = feed.about.label if feed.about else "id"
            text = "nothing in the resource identifies the patient"
            raise refuse(Category.INVALID, "missing-patient-key", text, f"{feed.type}.{where}")
        return about

    def _alias(self, about: About) -> None:
        record = about.key.record
        aliases = self._program.targets.identity.aliases_of(about.at, record)
        self.aliases.update(dict.fromkeys(aliases))

    def _merge(self, known: Known, about: About) -> None:
        """State what the site says of two of its records: one has become the other."""
        for other in self._others(known.feed.survivor, known.scope):
            self._merged(other.key, about.key)
        for other in self._others(known.feed.subsumed, known.scope):
            self._merged(about.key, other.key)
            self._alias(other)

    def _others(self, source: Source | None, scope: Scope) -> Iterator[About]:
        for reference in source.many(scope) if source else ():
            other = self._links.patient(reference, scope)
            if other is None:
                text = "a merge has to name both patients"
                raise refuse(Category.INVALID, "missing-patient-key", text, "Patient.link")
            yield other

    def _merged(self, survivor: PatientKey, subsumed: PatientKey) -> None:
        if survivor.record == subsumed.record:
            text = "both patients are the same record"
            self.env.note("merge-with-itself", "Patient.link", text)
            return
        self.merges.append(Merge(survivor, subsumed))

    def _id(self, feed: FhirFeed, scope: Scope) -> str:
        if feed.map.type == "Patient":
            return scope.record
        key = feed.map.key_of(scope)
        if key is None:
            text = "no business key; the id holds for this content only"
            self.env.note("volatile-id", f"{feed.map.type}.id", text)
            key = ("content", hashlib.sha256(encode(scope.whole)).hexdigest())
        return self._program.targets.identity.identity.identify(feed.map.type, key)

    def _said_us(self, feed: FhirFeed, scope: Scope) -> int:
        where = feed.changed.label if feed.changed else "meta.lastUpdated"
        text = feed.changed.one(scope) if feed.changed else _last_updated(scope)
        found = fhir_microseconds(text, self._program.tools.zone) if text else None
        if found is None:
            text = "no usable time stamp; arrival time taken"
            self.env.note("no-source-time", f"{feed.type}.{where}", text)
            return self._received_us
        return found

    def _lift(self, parent: Known) -> None:
        """Give what a resource contains ids of its own, where a document takes such resources."""
        lifted: dict[str, str] = {}
        held = parent.whole.get("contained")
        for item in held if isinstance(held, list) else ():
            kind = item.get("resourceType", "") if isinstance(item, dict) else ""
            feed = self._program.feeds.get(kind)
            local = item.get("id") if feed else None
            if feed is None or feed.about is not None or kind == "Patient" or not local:
                continue
            key = ("contained", parent.id, str(local))
            ident = self._program.targets.identity.identity.identify(feed.map.type, key)
            lifted[f"#{local}"] = f"{feed.map.type}/{ident}"
            scope = scope_of(self.env, item)
            inner = Known(item, feed, scope, None, ident, parent.said_us, contained=True)
            self.known.append(inner)
        self._links.lifted[id(parent.whole)] = lifted

    def patients(self) -> tuple[PatientKey, ...]:
        """Return every source record the delivery names, the subject first."""
        found = [known.about.key for known in self.known if known.about is not None]
        merged = [key for merge in self.merges for key in (merge.survivor, merge.subsumed)]
        return tuple(dict.fromkeys([*found, *merged]))


def _last_updated(scope: Scope) -> str:
    meta = scope.whole.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, dict) else ""
    return text if isinstance(text, str) else ""


def _sent(program: FhirProgram, value: Any) -> tuple[str, tuple[Sent, ...]]:
    kind, resources = sent(value)
    if not any(item.type in program.feeds for item in resources):
        text = "no mapping takes resources of this type"
        where = kind if kind in elements.resource_types() else "resourceType"
        raise refuse(Category.UNSUPPORTED, "unknown-resource", text, where)
    return kind, resources


def lane(program: FhirProgram, value: Any) -> str:
    """Return the key of the first patient a delivery is about, `label:value`; empty when none."""
    run = FhirRun(program, 0, "")
    for item in run.taken(_sent(program, value)[1]):
        about = run.about(program.feeds[item.type], scope_of(run.env, item.resource))
        if about is not None:
            return f"{about.label}:{about.key.local_id}"
    return ""


def execute(
    program: FhirProgram, plan: str, value: Any, received_us: int, control_id: str
) -> tuple[Mapped, Env]:
    """Map one delivery.

    FaultError: unsupported `unknown-resource`, and those of `fhir_bundle.sent`; invalid
    `no-resource`, `missing-patient-key`, `missing-required`.
    """
    kind, resources = _sent(program, value)
    run = FhirRun(program, received_us, control_id)
    if program.traced:
        run.env.watch = Watch()
        run.env.watch.wholes = [item.resource for item in resources]
    run.name(run.taken(resources))
    contributions = Content(program.targets, program.labels, run.env).contributions(run.known)
    mapped = Mapped(
        control_id=control_id,
        kind=f"fhir:{kind}",
        source_us=max((known.said_us for known in run.known), default=received_us),
        plan=plan,
        patients=run.patients(),
        aliases=tuple(run.aliases),
        merges=tuple(run.merges),
        contributions=contributions,
        diagnostics=run.env.diagnostics,
        filtered="" if run.known else SKIPPED,
        lines=tuple(sorted({line.rule for line in run.env.lineage})),
    )
    return mapped, run.env
