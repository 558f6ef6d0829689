"""Who a message is about: the patient key rule of a site, in one place for intake and mapping."""

from dataclasses import dataclass

from engine.core.values import Alias, PatientKey
from engine.formats.hl7v2.groups import Bound
from engine.formats.hl7v2.parse import Message
from engine.mapping import syntax
from engine.mapping.context import Identify
from engine.mapping.datatypes.identifiers import Assigners
from engine.mapping.datatypes.tools import Assigner, Tools
from engine.mapping.documents import Effective, listed, text_at
from engine.mapping.expression import Compiler
from engine.mapping.grammar import Grammar
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.problem import Place, Problems
from engine.mapping.scope import NOTHING, Env, Frame, Scope, standing_on
from engine.mapping.source import Source
from engine.mapping.text import COMPONENT, lead, lowered, plain

OWN = ("PID",)
_CX = "CX"


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to a key, or one place of aliases: first source that is valued."""

    label: str
    sources: tuple[Source, ...]

    def raw(self, scope: Scope) -> str:
        return next((raw for source in self.sources if (raw := source.one(scope))), "")


@dataclass(frozen=True, slots=True)
class Identity:
    """The compiled rule of a site."""

    site: str
    identify: Identify
    slots: tuple[tuple[str, ...], ...]
    patient: tuple[Entry, ...]
    prior: tuple[Entry, ...]
    aliases: tuple[Entry, ...]
    prior_aliases: tuple[Entry, ...]
    assigners: Assigners
    volatile: bool  # a patient without key gets an id of the message instead of a refusal

    def flat(self, message: Message) -> Scope:
        """Return a scope on the first of each segment, for readers that do not bind groups."""
        segments = [message.first(key[-1]) or NOTHING for key in self.slots]
        bound = Bound("", None)
        return standing_on(Env(message, "", 0), Frame(bound, None), bound, segments)

    def key(self, scope: Scope) -> tuple[str, str] | None:
        """Return (label, value) of the patient."""
        return _first(self.patient, scope)

    def patient_of(self, scope: Scope) -> PatientKey | None:
        return self._known(_first(self.patient, scope))

    def prior_of(self, scope: Scope) -> PatientKey | None:
        return self._known(_first(self.prior, scope))

    def _known(self, key: tuple[str, str] | None) -> PatientKey | None:
        return None if key is None else self.named(*key)

    def named(self, label: str, value: str) -> PatientKey:
        """Return the source record of a key."""
        return PatientKey(self.site, self.identify("Patient", (label, value)), value)

    def aliases_of(self, scope: Scope, record: str, *, prior: bool = False) -> list[Alias]:
        """Return every identifier a record is seen with."""
        entries = self.prior_aliases if prior else self.aliases
        return [
            alias
            for entry in entries
            for source in entry.sources
            for raw in source.many(scope)
            if (alias := self._alias(entry, source, raw, record)) is not None
        ]

    def _alias(self, entry: Entry, source: Source, raw: str, record: str) -> Alias | None:
        value = lead(raw)
        if not value:
            return None
        name = entry.label or source.label
        if source.datatype != _CX:
            return Alias(record, self.assigners.find("", name)[0].system, value)
        items = raw.split(COMPONENT, 5)
        authority = lowered(items[3]) if len(items) > 3 else ""
        kind = plain(items[4]) if len(items) > 4 else ""
        return Alias(record, self.assigners.find(authority, kind or name)[0].system, value)


def _first(entries: tuple[Entry, ...], scope: Scope) -> tuple[str, str] | None:
    for entry in entries:
        value = lead(entry.raw(scope))
        if value:
            return entry.label, value
    return None


def assigners(effective: Effective, problems: Problems) -> dict[str, Assigner]:
    """Read the assigning authorities of a chain."""
    found = {}
    for name, (key, node) in effective.assigners.items():
        if isinstance(node, Scalar):
            found[name] = Assigner(node.text)
        elif isinstance(node, Fields) and text_at(node, "system"):
            found[name] = Assigner(text_at(node, "system"), text_at(node, "type"))
        else:
            message = "an assigner is a system, or {system: ..., type: ...}"
            problems.report("E113", key.mark, message)
    for name, assigner in found.items():
        if ":" not in assigner.system or any(c.isspace() for c in assigner.system):
            mark = effective.assigners[name][0].mark
            problems.report("E113", mark, "a system is a URI", 'e.g. "urn:oid:1.2.3.4"')
    return found


def _entry(grammar: Grammar, node: Node, labelled: bool) -> Entry | None:
    label, value = "", node
    if isinstance(node, Fields):
        label, value = text_at(node, "label"), node.get("from") or node
    if not isinstance(value, Scalar) or (labelled and not label):
        message = "an entry is {label: ..., from: path}" if labelled else "an entry is a path"
        grammar.problems.report("E113", node.mark, message)
        return None
    compiler = Compiler(grammar, value)
    tree = compiler.parse(value.text)
    if tree is None:
        return None
    options = tree.options if isinstance(tree, syntax.Either) else (tree,)
    found = tuple(compiler.source(option) or compiler.computed(option) for option in options)
    return Entry(label, found)


def compile_identity(
    effective: Effective, grammar: Grammar, tools: Tools, identify: Identify
) -> Identity:
    """Compile the identity rule; a chain without one is a problem."""
    grammar.slots.index(OWN)

    def entries(name: str, labelled: bool) -> tuple[Entry, ...]:
        nodes = listed(effective.identity.get(name))
        found = (_entry(grammar, node, labelled) for node in nodes)
        return tuple(entry for entry in found if entry is not None)

    patient = entries("patient", True)
    if not effective.identity.get("patient"):
        message = "no layer of the chain says what identifies a patient"
        advice = "add a document of kind identity with 'patient'"
        grammar.problems.report("E240", Place("", 1, 1), message, advice)
    missing = effective.identity.get("missing")
    policy = missing.text if isinstance(missing, Scalar) else "refuse"
    if missing is not None and policy not in {"refuse", "volatile"}:
        grammar.problems.report("E113", missing.mark, "missing is refuse or volatile")
    return Identity(
        site=tools.site,
        identify=identify,
        patient=patient,
        prior=entries("prior", True),
        aliases=entries("aliases", False),
        prior_aliases=entries("prior_aliases", False),
        slots=tuple(grammar.slots.keys),
        assigners=Assigners(tools),
        volatile=policy == "volatile",
    )
