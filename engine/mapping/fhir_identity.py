"""Whom a resource is about: the `fhir_...` keys of the identity rule, compiled.

A Patient and a reference to one are read by the same rule: what a reference says is a Patient with
its id and its identifier. So a result that only refers to a patient finds the record of messages.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from engine.core.values import Alias, PatientKey
from engine.mapping import fhir_path
from engine.mapping.documents import Effective, listed, text_at
from engine.mapping.expression import Compiler
from engine.mapping.grammar import Grammar
from engine.mapping.identity import Identity
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.scope import Scope
from engine.mapping.source import One, Test
from engine.r4 import elements

PATIENT = fhir_path.root("Patient")
_ALIAS_KEYS = ("each", "if", "system", "value")


@dataclass(frozen=True, slots=True)
class AliasRule:
    """One place of identifiers: of each value of a path that passes, system and value."""

    each: Callable[[Scope], list[Any]] | None
    test: Test | None
    system: One
    value: One

    def read(self, scope: Scope) -> Iterator[tuple[str, str]]:
        before = scope.rep
        for node in self.each(scope) if self.each else [before]:
            scope.rep = node
            if self.test is None or self.test(scope):
                system, value = self.system(scope), self.value(scope)
                if system and value:
                    yield system, value
        scope.rep = before


@dataclass(frozen=True, slots=True)
class FhirIdentity:
    """The compiled rule of a site for resources."""

    identity: Identity
    patient: tuple[tuple[str, One], ...]  # label, value
    aliases: tuple[AliasRule, ...]
    bases: tuple[str, ...]  # URLs under which the sender serves its resources, ending in `/`
    ids: dict[str, str]  # type -> system of the sender's own ids

    def patient_of(self, scope: Scope) -> tuple[str, PatientKey] | None:
        """Return label and source record of the Patient that is `scope.whole`."""
        for label, read in self.patient:
            value = read(scope)
            if value:
                return label, self.identity.named(label, value)
        return None

    def aliases_of(self, scope: Scope, record: str) -> tuple[Alias, ...]:
        """Return every identifier by which the record is known elsewhere."""
        pairs = [pair for rule in self.aliases for pair in rule.read(scope)]
        return tuple(Alias(record, system, value) for system, value in dict.fromkeys(pairs))

    def told_by_messages(self, label: str) -> bool:
        """Whether HL7 messages make records under this label, too."""
        return any(entry.label == label for entry in self.identity.patient)

    def system(self, kind: str) -> str:
        """Return the system of the sender's own ids of a type."""
        return self.ids.get(kind) or f"urn:id:{self.identity.site}:fhir-{kind}"


class _Compiler:
    def __init__(self, given: dict[str, Node], grammar: Grammar) -> None:
        self._given = given
        self._grammar = grammar

    def _wrong(self, node: Node, message: str) -> None:
        self._grammar.problems.report("E113", node.mark, message)

    def text(self, node: Node | None) -> One:
        if isinstance(node, Scalar):
            compiler = Compiler(self._grammar, node)
            tree = compiler.parse(node.text)
            if tree is not None:
                return compiler.text(tree)
        elif node is not None:
            self._wrong(node, "expected an expression")
        return lambda _: ""

    def patient(self) -> Iterator[tuple[str, One]]:
        for node in listed(self._given.get("fhir_patient")):
            label = text_at(node, "label") if isinstance(node, Fields) else ""
            if not isinstance(node, Fields) or not label:
                self._wrong(node, "an entry is {label: ..., from: path}")
                continue
            yield label, self.text(node.get("from"))

    def aliases(self) -> Iterator[AliasRule]:
        for node in listed(self._given.get("fhir_aliases")):
            known = isinstance(node, Fields) and set(_ALIAS_KEYS).issuperset(node.keys())
            if not isinstance(node, Fields) or not known or node.get("system") is None:
                self._wrong(node, "an entry is {each: ..., if: ..., system: ..., value: ...}")
                continue
            yield self._alias(node)

    def _alias(self, node: Fields) -> AliasRule:
        each, inner = None, self
        over = node.get("each")
        if isinstance(over, Scalar):
            compiler = Compiler(self._grammar, over)
            tree = compiler.parse(over.text)
            source = compiler.source(tree) if tree is not None else None
            if source is not None and source.element is not None:
                each = source.many
                inner = _Compiler(self._given, replace(self._grammar, element=source.element))
        return AliasRule(
            each,
            inner.test(node.get("if")),
            inner.text(node.get("system")),
            inner.text(node.get("value")),
        )

    def test(self, node: Node | None) -> Test | None:
        if not isinstance(node, Scalar):
            return None
        compiler = Compiler(self._grammar, node)
        tree = compiler.parse(node.text)
        return compiler.test(tree) if tree is not None else None

    def bases(self) -> Iterator[str]:
        for node in listed(self._given.get("fhir_bases")):
            text = node.text if isinstance(node, Scalar) else ""
            if not text.startswith(("http://", "https://")):
                self._wrong(node, "a base is a URL")
            yield text.rstrip("/") + "/"

    def ids(self) -> dict[str, str]:
        node = self._given.get("fhir_ids")
        found = {}
        for key, value in node.entries if isinstance(node, Fields) else ():
            if key.text not in elements.resource_types() or not isinstance(value, Scalar):
                self._wrong(value, "fhir_ids holds {Type: system}")
            else:
                found[key.text] = value.text
        return found


def compile_fhir_identity(
    effective: Effective, grammar: Grammar, identity: Identity
) -> FhirIdentity:
    """Compile the rule; problems are reported, the result is then not to be used."""
    of_patients = replace(grammar, element=PATIENT, whole=PATIENT)
    compiler = _Compiler(effective.identity, of_patients)
    return FhirIdentity(
        identity,
        tuple(compiler.patient()),
        tuple(compiler.aliases()),
        tuple(compiler.bases()),
        compiler.ids(),
    )
