"""What a sender's references become: ours where the reference itself says enough.

An id is made of business keys, so a reference can be turned into ours only when the key can be read
from it: from the id and the identifier it names, or from what came in the same delivery. Else it
stays a logical reference (R4, references.html#logical): type, identifier and display. Nothing is
looked up, so what comes of a resource does not depend on what came before it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.values import Contribution, PatientKey
from engine.formats.hl7v2.groups import Bound
from engine.mapping.fhir_identity import FhirIdentity
from engine.mapping.keys import Alternative
from engine.mapping.reference import allowed
from engine.mapping.scope import NO_FIELDS, Env, Frame, Scope
from engine.r4 import elements
from engine.r4.elements import Element

Resource = dict[str, Any]
_LITERAL = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?")
_QUERY = re.compile(r"([A-Z][A-Za-z]+)\?identifier=([^&|]+)(?:\||%7[cC])([^&|]+)")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
LOST = "what it refers to cannot be named; the reference is left out"
_TARGET = "the element cannot refer to that type; the reference is left out"
# Types that R4 requires nothing of, with the element that shows what a reference calls them.
_SHOWN = {
    "Practitioner": "name",
    "PractitionerRole": "",
    "Organization": "name",
    "Location": "name",
    "Medication": "code",
}


@dataclass(frozen=True, slots=True)
class Readable:
    """An alternative of a key that needs no more than a reference says."""

    alternative: Alternative
    decided: bool  # where it does not hold, a later one does: the alternative reads the id alone


@dataclass(frozen=True, slots=True)
class Targets:
    """What a plan knows of the resources that references name."""

    identity: FhirIdentity
    keys: Mapping[str, tuple[Readable, ...]]  # by type, of the types that are mapped
    source: str  # `meta.source` of the site


def scope_of(env: Env, whole: Resource, record: str = "") -> Scope:
    """Return a scope on a resource, or on what a reference says of one."""
    bound = Bound("", None)
    scope = Scope(env, Frame(bound, None), bound, [NO_FIELDS], 0)
    scope.whole = scope.rep = whole
    scope.record = record
    return scope


@dataclass(frozen=True, slots=True)
class About:
    """The patient of a resource: the label of the key, the key, and what is known of them."""

    label: str
    key: PatientKey
    at: Scope


@dataclass(slots=True)
class Links:
    """The references of one delivery."""

    targets: Targets
    names: dict[str, str] = field(default_factory=dict)  # as sent -> ours, of the delivery's own
    patients: dict[str, Resource] = field(default_factory=dict)  # as sent -> Patient of the same
    # By resource of which the contained ones are not kept inside: `#x` -> ours.
    lifted: dict[int, dict[str, str]] = field(default_factory=dict)

    def known(self, literal: str, scope: Scope) -> str:
        """Return our `Type/id` of what came in the same delivery, else nothing."""
        inside = self.lifted.get(id(scope.whole), {})
        return (
            inside.get(literal)
            or self.names.get(literal)
            or self.names.get(self.relative(literal))
            or ""
        )

    def relative(self, literal: str) -> str:
        """Return `Type/id` of what the sender serves, without a version; else the literal."""
        for base in self.targets.identity.bases:
            literal = literal.removeprefix(base)
        found = _LITERAL.fullmatch(literal)
        return f"{found[1]}/{found[2]}" if found else literal

    def stub(self, reference: Resource) -> Resource:
        """Return what a reference says of its target, as a resource."""
        literal = self.relative(str(reference.get("reference", "")))
        identifier = reference.get("identifier")
        kind = str(reference.get("type", ""))
        found: Resource = {"identifier": [identifier]} if isinstance(identifier, dict) else {}
        named, query = _LITERAL.fullmatch(literal), _QUERY.fullmatch(literal)
        if named:
            kind, found["id"] = named[1], named[2]
        elif query:
            kind = query[1]
            found["identifier"] = [{"system": _plain(query[2]), "value": _plain(query[3])}]
        return {"resourceType": kind, **found}

    def patient(self, reference: Any, scope: Scope) -> About | None:
        """Name the patient a reference points to."""
        if not isinstance(reference, dict):
            return None
        literal = str(reference.get("reference", ""))
        own = self.patients.get(literal) or self.patients.get(self.relative(literal))
        if literal.startswith("#"):
            own = _contained(scope.whole, literal[1:])
        stub = own or self.stub(reference)
        if stub["resourceType"] not in {"", "Patient"}:
            return None
        at = scope_of(scope.env, stub)
        found = self.targets.identity.patient_of(at)
        return About(*found, at) if found else None

    def id_of(self, reference: Any, scope: Scope) -> str:
        """Return our id of what a reference points to, empty when it cannot be told."""
        if not isinstance(reference, dict):
            return ""
        literal = str(reference.get("reference", ""))
        own = self.known(literal, scope)
        if own:
            return own.partition("/")[2]
        stub = self.stub(reference)
        if stub["resourceType"] == "Patient":
            about = self.patient(reference, scope)
            return about.key.record if about else ""
        return self._computed(stub, scope)

    def _computed(self, stub: Resource, scope: Scope) -> str:
        kind = str(stub["resourceType"])
        at = scope_of(scope.env, stub, scope.record)
        identify = self.targets.identity.identity.identify
        if kind not in self.targets.keys:
            return identify(kind, (stub["id"],)) if kind in _SHOWN and "id" in stub else ""
        for readable in self.targets.keys[kind]:
            key = readable.alternative.read(at)
            if key is not None:
                return identify(kind, key)
            if not readable.decided:
                return ""
        return ""

    def rewritten(
        self, literal: Any, beside: Resource, element: Element, scope: Scope
    ) -> Resource | None:
        """Return a reference as ours; `beside` is what stands beside its literal, carried over."""
        text = literal.strip() if isinstance(literal, str) else ""
        if text.startswith("#") and id(scope.whole) not in self.lifted:
            return {"reference": text, **beside}
        sent = {**beside, "reference": text}
        stub = self.stub(sent)
        own = self.known(text, scope)
        kind = own.partition("/")[0] if own else str(stub["resourceType"])
        if kind and not allowed(element, kind):
            scope.env.note("wrong-target", element.path, _TARGET)
            return _display(beside)
        ident = own.partition("/")[2] if own else self.id_of(sent, scope)
        if ident:
            self._show(kind, ident, stub, beside, scope.env)
            said: Resource = {"reference": f"{kind}/{ident}"}
            said.update((name, beside[name]) for name in ("display", "extension") if name in beside)
            return said
        if text.startswith(("http://", "https://")) and "id" not in stub:
            return {"reference": text, **beside}  # of a server that is not the sender's
        return self._logical(kind, stub, beside, element, scope.env)

    def _logical(
        self, kind: str, stub: Resource, beside: Resource, element: Element, env: Env
    ) -> Resource | None:
        found: Resource = {"type": kind} if kind in elements.resource_types() else {}
        found.update(beside)
        if "identifier" not in found and "identifier" in stub:
            found["identifier"] = stub["identifier"][0]
        elif "identifier" not in found and "id" in stub:
            system = self.targets.identity.system(kind)
            found["identifier"] = {"system": system, "value": stub["id"]}
        if "identifier" not in found and "display" not in found:
            env.note("lost-reference", element.path, LOST)
            return None
        return found

    def _show(self, kind: str, ident: str, stub: Resource, beside: Resource, env: Env) -> None:
        """Make a bare resource of what a reference says, so that it leads somewhere."""
        if kind not in _SHOWN or "id" not in stub:
            return
        shown, display = _SHOWN[kind], beside.get("display")
        body: Resource = {
            "resourceType": kind,
            "id": ident,
            "meta": {"source": self.targets.source},
            "identifier": [{"system": self.targets.identity.system(kind), "value": stub["id"]}],
        }
        if shown and display:
            text = {"text": display}
            whole = {"name": [text] if kind == "Practitioner" else display, "code": text}
            body[shown] = whole[shown]
        weak = frozenset(body) - {"resourceType", "id", "meta"}
        env.sides.setdefault(ident, Contribution(kind, ident, body, "", "merge", weak=weak))


def _plain(text: str) -> str:
    """Read a part of a query (RFC 3986, 2.1)."""
    return _PERCENT.sub(lambda m: bytes([int(m[1], 16)]), text.encode()).decode(errors="replace")


def _contained(whole: Resource, local: str) -> Resource | None:
    held = whole.get("contained")
    for item in held if isinstance(held, list) else ():
        if isinstance(item, dict) and item.get("id") == local and "resourceType" in item:
            return item
    return None


def _display(beside: Resource) -> Resource | None:
    return {"display": beside["display"]} if "display" in beside else None
