"""The contents of a delivery whose resources have been named: contributions, one a resource."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.fault import Category, refuse
from engine.core.values import WHOLE, Contribution
from engine.mapping.datatypes.tools import Tools
from engine.mapping.fhir_bundle import Resource
from engine.mapping.fhir_copy import UNKNOWN, Copier, Move
from engine.mapping.fhir_feed import FhirFeed
from engine.mapping.fhir_links import LOST, About, Targets
from engine.mapping.prune import pruned, without
from engine.mapping.required import MISSING, needed
from engine.mapping.scope import Env, Instance, Scope
from engine.r4 import elements


@dataclass(frozen=True, slots=True)
class Known:
    """A resource of a delivery that is taken: its document, patient, id and time."""

    whole: Resource
    feed: FhirFeed
    scope: Scope
    about: About | None
    id: str
    said_us: int
    contained: bool = False  # in another resource, which can do without it

    @property
    def type(self) -> str:
        """FHIR type of what is made."""
        return self.feed.map.type


@dataclass(frozen=True, slots=True)
class _Subject:
    """What stands for the patient of a resource, to be referred to."""

    type: str = "Patient"


def security_labels(tools: Tools) -> Move:
    """Return what carries the security labels of a resource over."""
    return Copier(tools).move(elements.type_children("Meta")["security"])


class Content:
    """The making of the contributions of one delivery."""

    __slots__ = ("_env", "_labels", "_targets")

    def __init__(self, targets: Targets, labels: Move, env: Env) -> None:
        self._targets = targets
        self._labels = labels
        self._env = env

    def contributions(self, resources: Sequence[Known]) -> tuple[Contribution, ...]:
        """Make the resources. FaultError `missing-required` when one lacks what R4 asks for.

        Nobody would be told otherwise that it was left out. What another resource contains just
        goes, with the references to it.
        """
        made: dict[str, Contribution] = {}
        dropped: set[str] = set()
        for known in resources:
            instance = Instance(known.id, known.scope, known.feed.map, weak=False)
            _refer(known)
            self._note_unknown(known)
            found = self._closed(known.feed.map.contribution(instance))
            known.scope.frame.close()
            if found is None and not known.contained:
                text = "the resource lacks an element that R4 requires, or its value is none"
                raise refuse(Category.INVALID, "missing-required", text, self._lacking(known))
            if found is None:
                dropped.add(instance.reference)
            else:
                made[found.id] = self._told(known, found)
        for patient in self._subjects(resources):
            made.setdefault(patient.id, patient)
        made.update((ident, side) for ident, side in self._env.sides.items() if ident not in made)
        whole = tuple(made.values())
        return without(whole, dropped, self._env) if dropped else whole

    def _lacking(self, known: Known) -> str:
        notes = (one for one in self._env.diagnostics if one.code == "missing-required")
        found = [one.where for one in notes if one.where.split(".")[0] == known.type]
        return found[-1] if found else known.type

    def _note_unknown(self, known: Known) -> None:
        kind, order = known.feed.type, elements.order(known.feed.type)
        if not known.whole.keys() <= order.keys():
            for name in [name for name in known.whole if name not in order]:
                self._env.note_unknown(kind, name, UNKNOWN)

    def _told(self, known: Known, found: Contribution) -> Contribution:
        feed, whole, body, proven = known.feed, known.whole, found.body, found.proven
        security = self._security(known)
        if security:
            body = {**body, "meta": {**body["meta"], "security": security}}
            proven -= {"meta", WHOLE}
        weak, clears = found.weak, found.clears
        if found.mode == "merge":
            weak |= {name for name in body if name in feed.fills}
            clears += tuple(name for name in feed.clears if not _has(whole, feed.type, name))
        said = known.said_us
        return found._replace(body=body, proven=proven, weak=weak, clears=clears, said_us=said)

    def _closed(self, found: Contribution | None) -> Contribution | None:
        """Bring contained resources and the references to them together (R4, ref-1, dom-3).

        Our Patient may have taken the place of a contained one; the target of a reference may be
        missing, or not valid.
        """
        referred = set() if found is None else set(_locals(found.body))
        if found is None or not (referred or "contained" in found.body):
            return found
        held = found.body.get("contained", ())
        kept = [item for item in held if f"#{item.get('id')}" in referred]
        gone = referred - {f"#{item.get('id')}" for item in kept}
        body = {name: value for name, value in found.body.items() if name != "contained"}
        whole = pruned({**body, "contained": kept} if kept else body, gone)
        if gone:
            self._env.note("lost-reference", found.type, LOST)
        if any(names.isdisjoint(whole) for names in needed(found.type).values()):
            self._env.note("missing-required", found.type, MISSING)
            return None
        return found._replace(body=whole, proven=frozenset())

    def _security(self, known: Known) -> Any:
        """Return the labels of a resource: who may see it is the sender's to say."""
        meta = known.whole.get("meta")
        labels = meta.get("security") if isinstance(meta, dict) else None
        return self._labels(labels, known.scope) if labels else None

    def _subjects(self, resources: Sequence[Known]) -> Iterator[Contribution]:
        """Yield a Patient for each that is only referred to: it says whom, not how they are."""
        for known in resources:
            if known.about is not None and known.type != "Patient":
                yield self._subject(known.about, known.said_us)

    def _subject(self, about: About, said_us: int) -> Contribution:
        record, identity = about.key.record, self._targets.identity
        meta = {"source": self._targets.source}
        body: Resource = {"resourceType": "Patient", "id": record, "meta": meta}
        if not identity.told_by_messages(about.label):  # else messages say it better
            aliases = identity.aliases_of(about.at, record)
            body["identifier"] = [{"system": a.system, "value": a.value} for a in aliases]
        body = {name: value for name, value in body.items() if value}
        weak = frozenset(body) & {"identifier"}
        return Contribution("Patient", record, body, record, "merge", weak=weak, said_us=said_us)


def _refer(known: Known) -> None:
    """Let the rules of a resource refer to its patient."""
    if known.about is not None and known.type != "Patient":
        patient = Instance(known.about.key.record, known.scope, _Subject(), weak=True)
        known.scope.frame.add(patient)


def _locals(value: Any) -> Iterator[str]:
    """Yield the references to contained resources, wherever they stand."""
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str) and reference.startswith("#"):
            yield reference
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from _locals(item)


def _has(whole: Resource, type_name: str, name: str) -> bool:
    forms = (e.name for e in elements.children(type_name).values() if e.group == f"{name}[x]")
    return name in whole or any(form in whole for form in forms)
