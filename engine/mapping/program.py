"""A chain of mapping files compiled for one site: message kind -> rules, and the identity rule."""

import hashlib
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.core.ids import keyed_id
from engine.mapping import circles, described, ignored, parts
from engine.mapping import identity as identities
from engine.mapping.columns import ROW, Columns
from engine.mapping.context import Context, Identify, condition
from engine.mapping.datatypes.identifiers import Assigners
from engine.mapping.datatypes.tools import MEMO, Tools
from engine.mapping.datatypes.units import Units
from engine.mapping.documents import Effective, listed, text_at
from engine.mapping.expression import EMPTY
from engine.mapping.feed import PATIENT, CompiledFeed, compile_feed
from engine.mapping.fhir_content import security_labels
from engine.mapping.fhir_feed import ANCHOR, FhirFeed, compile_fhir_feed
from engine.mapping.fhir_identity import compile_fhir_identity
from engine.mapping.fhir_links import Targets
from engine.mapping.fhir_run import FhirProgram
from engine.mapping.grammar import Grammar, Reads, Slots, closest
from engine.mapping.identity import Identity, compile_identity
from engine.mapping.ignored import Ignored
from engine.mapping.layout import Layouts
from engine.mapping.leaf import Leaves
from engine.mapping.library import Library
from engine.mapping.message import CompiledMessage, MakeNode, When, compile_message
from engine.mapping.node import Fields, Node
from engine.mapping.probe import Probe
from engine.mapping.problem import MappingErrors, Place, Problem, Problems
from engine.mapping.recall import repeated
from engine.mapping.resource import CompiledMap, Links, compile_rules, linked
from engine.mapping.shelf import Memory
from engine.mapping.site import SiteProfile
from engine.mapping.strata import Strata
from engine.mapping.verdicts import Surroundings, Verdict, Verdicts, noting
from engine.mapping.vocabulary import Declared, is_datatype
from engine.r4 import elements
from engine.r4.elements import Element

_REVISION = "2"  # of this compiler: changed when the same files come to mean something else
Compiled = TypeVar("Compiled")


@dataclass(frozen=True, slots=True)
class Program:
    """What a plan runs."""

    messages: dict[str, CompiledMessage]  # by trigger
    identity: Identity
    tools: Tools
    feeds: dict[str, CompiledFeed]  # by name
    layouts: Layouts
    fhir: FhirProgram
    ignored: dict[str, Ignored]
    traced: bool


def identifier(site: SiteProfile) -> Identify:
    """Return the site's function from FHIR type and key parts to id."""

    @lru_cache(MEMO)
    def ident(kind: str, parts: tuple[str, ...]) -> str:
        return keyed_id(site.id_key, site.name, kind, parts)

    def identify(kind: str, parts: Sequence[str]) -> str:
        return ident(kind, tuple(parts))

    return identify


def content_hash(library: Library, site: SiteProfile) -> str:
    """Hash what decides the outcome: the files of the chain and the profile but for its key.

    Of the functions of plug-ins, those that the files call.
    """
    digest = hashlib.sha256(_REVISION.encode())
    profile = (site.name, site.timezone, site.charset, str(site.require_control_id))
    texts = [text for layer in site.chain for row in library.layer(layer) for text in row]
    called = site.functions.called_in(texts)
    for item in (*profile, "|".join(site.processing), *site.chain, *texts, *called):
        data = item.encode()
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()[:24]


class _Build:
    def __init__(
        self,
        strata: Strata,
        site: SiteProfile,
        traced: bool = False,
        probe: Probe | None = None,
        verdicts: Verdicts | None = None,
        *,
        lenient: bool = False,
    ) -> None:
        self._site = site
        self._lenient = lenient
        self._traced = traced
        self._probe = probe
        self._verdicts = verdicts
        self._problems = Problems()
        self._effective = strata.effective(site.chain, self._problems)
        self._identify = identifier(site)
        self._memory = Memory()
        self._reads: Reads = {}  # of the rules being compiled
        self._around = Surroundings(
            self._effective.tables,
            self._effective.segments,
            parts.declared(self._effective),
            dict.fromkeys(_made_types(self._effective), True),
            {
                (text_at(one, "from"), text_at(one, "to")): one
                for one in self._effective.datatypes.values()
            },
        )
        self._rules: dict[str, tuple[Context, CompiledMap]] = {}
        self._maps: dict[tuple[str, Links, str], tuple[CompiledMap, When]] = {}
        self._tools = Tools(
            site.name,
            self._zone(),
            self._around.tables,
            identities.assigners(self._effective, self._problems),
        )

    def _once(
        self, key: Hashable, about: tuple[object, ...], compile_: Callable[[], Compiled]
    ) -> Compiled:
        """Compile documents, unless another chain that holds the same ones has the verdict."""
        if self._verdicts is None:
            return compile_()
        key = (key, *(id(one) for one in about))
        known = self._verdicts.find(key, self._around)
        if known is None:
            outer = self._problems, self._reads, self._around
            self._problems, self._reads = Problems(), {}
            self._around, asked = noting(self._around)
            known = Verdict(compile_(), self._problems, self._reads, asked, about)
            self._problems, self._reads, self._around = outer
            self._verdicts.keep(key, known)
        self._problems.include(known.problems)
        for name, places in known.reads.items():
            self._reads[name] = {**places, **self._reads.get(name, {})}
        result: Compiled = known.result
        return result

    def _zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self._site.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            mark = Place(f"site {self._site.name}", 1, 1)
            message = f"unknown time zone '{self._site.timezone}'"
            self._problems.report("E241", mark, message, "an IANA name such as America/Chicago")
            return ZoneInfo("UTC")

    def _grammar(self) -> Grammar:
        site = {"$site.name": self._site.name, "$site.timezone": self._site.timezone}
        assigners = Assigners(self._tools)
        return Grammar(
            self._problems,
            Slots(),
            self._around.segments,
            self._around.tables,
            site,
            assigner=lambda name: assigners.find(name, name)[0].system,
            unit=Units(self._tools).code,
            traced=self._traced,
            reads=self._reads,
            functions=self._site.functions,
        )

    def program(self) -> Program:
        identity = compile_identity(self._effective, self._grammar(), self._tools, self._identify)
        messages: dict[str, CompiledMessage] = {}
        for name, document in self._effective.messages.items():
            compiled = compile_message(name, document, self._problems, self._map)
            for trigger in compiled.triggers if compiled else ():
                if trigger in messages:
                    other = messages[trigger].name
                    message = f"{trigger} belongs to '{other}' already"
                    self._problems.report("E232", document.mark, message)
                elif compiled:
                    messages[trigger] = compiled
        reads = {"": self._reads}
        feeds = self._feeds([entry.label for entry in identity.patient], reads)
        fhir = self._fhir(identity, reads)
        self._unused()
        circles.refuse(self._effective.resources.values(), self._problems)
        chain, problems = self._site.chain, self._problems
        left_out = ignored.collected(self._effective, chain, reads, problems)
        self._problems.raise_any()
        layouts = Layouts(identity.slots)
        return Program(
            messages, identity, self._tools, feeds, layouts, fhir, left_out, self._traced
        )

    def _fhir(self, identity: Identity, reads: dict[str, Reads]) -> FhirProgram:
        feeds: dict[str, FhirFeed] = {}
        for name, document in self._effective.sent.items():
            self._reads = reads[name] = {}
            if text_at(document, "from") not in elements.resource_types():
                self._no_type(document, text_at(document, "from"))
                continue
            compile_ = partial(compile_fhir_feed, document, self._of_resource)
            feed = self._once("fhir", (document,), compile_)
            if feed.type in feeds:
                message = f"another document takes resources of type {feed.type}"
                self._problems.report("E262", document.mark, message)
            feeds[feed.type] = feed
        rule = compile_fhir_identity(self._effective, self._grammar(), identity)
        source = f"urn:concord:site:{self._site.name}"
        keys = {feed.type: feed.keys for feed in feeds.values()}
        labels = security_labels(self._tools)
        targets = Targets(rule, keys, source)
        return FhirProgram(feeds, targets, self._tools, labels, self._traced)

    def _of_resource(self, resource: str, read: Element) -> Context:
        """Make the context of a fhir document."""
        grammar = replace(self._grammar(), element=read, whole=read)
        grammar.slots.index((ANCHOR,))
        return self._context(grammar, resource, frozenset({PATIENT, resource}))

    def _no_type(self, document: Fields, name: str) -> None:
        advice = closest(name, sorted(elements.resource_types()))
        self._problems.report("E223", document.mark, f"no resource type '{name}'", advice)

    def _feeds(self, labels: list[str], reads: dict[str, Reads]) -> dict[str, CompiledFeed]:
        def compiled(document: Fields) -> CompiledFeed:
            return compile_feed(document, self._problems, self._fresh, self._tools.zone, labels)

        found = {}
        for name, document in self._effective.feeds.items():
            self._reads = reads[name] = {}
            found[name] = self._once(("csv", *labels), (document,), partial(compiled, document))
        return found

    def _fresh(self, row: Declared, columns: Columns, resource: str) -> Context:
        """Make the context of a part of a csv document."""
        declared = {**self._around.segments, **row}
        grammar = replace(self._grammar(), declared=declared, columns=columns)
        grammar.slots.index((ROW,))
        return self._context(grammar, resource, frozenset({PATIENT, resource}))

    def _unused(self) -> None:
        """Check what nothing uses, too."""
        self._reads = {}
        for document in self._effective.datatypes.values():
            self._once("datatype", (document,), partial(self._converting, document))
        used = {name for name, _, _ in self._maps}
        for name, document in self._effective.resources.items():
            if name not in used:  # what links would fill is not known
                self._rules_of(name, document)

    def _converting(self, document: Fields) -> None:
        """Check a datatype document."""
        origin, target = text_at(document, "from"), text_at(document, "to")
        if not is_datatype(origin):
            self._problems.report("E234", document.mark, f"no datatype of HL7 v2 '{origin}'")
        elif target not in elements.data_types():
            advice = closest(target, sorted(elements.data_types()))
            self._problems.report("E223", document.mark, f"no datatype of FHIR '{target}'", advice)
        else:
            context = self._context(self._grammar(), target, self._around.made)
            source = replace(EMPTY, datatype=origin)
            described.compiled(context, source, Element(target, target, (target,), 0, 1))

    def _map(self, make: MakeNode, links: Links) -> tuple[CompiledMap, When] | None:
        document = self._effective.resources.get(make.map)
        mark = make.fields.mark
        if document is None:
            advice = closest(make.map, list(self._effective.resources))
            self._problems.report("E230", mark, f"unknown map '{make.map}'", advice)
            return None
        if text_at(document, "to") != make.type.text:
            message = f"'{make.map}' makes a {text_at(document, 'to')}"
            self._problems.report("E230", make.type.mark, message)
            return None
        if text_at(document, "from") != text_at(make.fields, "from").rpartition(".")[2]:
            message = f"'{make.map}' reads {text_at(document, 'from')}"
            self._problems.report("E230", mark, message, "'from' ends in that segment")
        condition_text = make.when.text if isinstance(make.when, (type(make.type))) else ""
        fitting = _fitting(make.type.text, links)
        known = (make.map, fitting, condition_text)
        if known not in self._maps:
            self._maps[known] = self._compiled(make.map, document, fitting, make.when)
        if self._probe is None:
            return self._maps[known]
        compiled, when = self._maps[known]
        return compiled, self._probe.entry(make.type.mark, make.type.text, when, compiled.skip)

    def _context(self, grammar: Grammar, resource: str, made: Collection[str]) -> Context:
        return Context(
            Leaves(),
            grammar,
            self._tools,
            self._identify,
            made,
            resource,
            self._memory,
            traced=self._traced,
            probe=self._probe,
            lenient=self._lenient,
            labels=self._around.labels,
            datatypes=self._around.datatypes,
        )

    def _compiled(
        self, name: str, document: Fields, links: Links, when: Node | None
    ) -> tuple[CompiledMap, When]:
        context, rules = self._rules_of(name, document)
        slots = context.grammar.slots
        context = replace(context, grammar=replace(self._grammar(), slots=slots))
        with slots.watched() as touched:
            test = condition(context, when)
        if test is not None and self._probe is None:
            test = repeated(test, touched)
        return linked(context, rules, document, links), test

    def _rules_of(self, name: str, document: Fields) -> tuple[Context, CompiledMap]:
        if name not in self._rules:
            rules = partial(self._compiled_rules, name, document)
            self._rules[name] = self._once(name, (document,), rules)
        return self._rules[name]

    def _compiled_rules(self, name: str, document: Fields) -> tuple[Context, CompiledMap]:
        resource = text_at(document, "to")
        grammar = self._grammar()
        grammar.slots.index((text_at(document, "from"),))
        context = self._context(grammar, resource, self._around.made)
        if resource not in elements.resource_types():
            self._no_type(document, resource)
        return context, compile_rules(context, name, document)


def _fitting(resource: str, links: Links) -> Links:
    """Return the links of elements a type has: messages that differ in others share a map."""
    if resource not in elements.resource_types():
        return ()
    own = elements.children(resource)
    return tuple(link for link in links if link[0] in own)


def _made_types(effective: Effective) -> frozenset[str]:
    found: set[str] = set()

    def walk(node: Node | None) -> None:
        for item in listed(node):
            if isinstance(item, Fields) and item.entries:
                if item.get("per") is not None:
                    walk(item.get("make"))
                else:
                    found.add(item.entries[0][0].text)

    for document in effective.messages.values():
        walk(document.get("make"))
    return frozenset(found)


def build(
    strata: Strata,
    site: SiteProfile,
    *,
    traced: bool = False,
    probe: Probe | None = None,
    lenient: bool = False,
) -> Program:
    """Compile a chain; with a probe traced. MappingErrors with every problem found.

    A `lenient` program refuses no code that a table lacks.
    """
    traced = traced or probe is not None
    return _Build(strata, site, traced, probe, lenient=lenient).program()


def examine(strata: Strata, site: SiteProfile, verdicts: Verdicts) -> tuple[Problem, ...]:
    """Return what is wrong with a chain: what compiling it says, but for what has a verdict."""
    try:
        _Build(strata, site, verdicts=verdicts).program()
    except MappingErrors as error:
        return error.problems
    return ()
