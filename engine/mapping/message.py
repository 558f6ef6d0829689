"""Message documents compiled: which maps run for which segments, in which scope."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from engine.core.fault import FaultError
from engine.formats.hl7v2 import dictionary
from engine.formats.hl7v2.groups import Binder, GroupDef, SegmentRef, compile_binder
from engine.mapping.documents import listed, text_at
from engine.mapping.grammar import closest
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.problem import Problems
from engine.mapping.resource import CompiledMap, Links
from engine.mapping.scope import Scope
from engine.r4 import elements

STRUCTURES = "2.5.1"  # the version whose group trees real traffic follows most
_TRIGGER = re.compile(r"[A-Z]{3}\^([A-Z][A-Z0-9]{2})?")
_LINKS = ("link", "unlink")
MAKE_KEYS = {"map", "from", "when", "label", "weak"}
Place = tuple[str, ...]
When = Callable[[Scope], bool] | None
Compile = Callable[["MakeNode", Links], tuple[CompiledMap, When] | None]


@dataclass(frozen=True, slots=True)
class MakeNode:
    """An entry of `make:` before its map is compiled."""

    type: Scalar
    fields: Fields
    map: str
    when: Node | None


@dataclass(frozen=True, slots=True)
class Make:
    """Make one resource of each segment at a place."""

    path: Place
    map: CompiledMap
    when: When
    weak: bool


@dataclass(frozen=True, slots=True)
class Per:
    """Run rules for each group at a place, in a scope of their own."""

    path: Place
    rules: "tuple[Rule, ...]"


Rule = Make | Per


@dataclass(frozen=True, slots=True)
class CompiledMessage:
    """A message document ready to run."""

    name: str
    triggers: tuple[str, ...]
    binder: Binder
    repeating: frozenset[str]  # groups that repeat
    holders: frozenset[str]  # groups that hold a PID somewhere
    rules: tuple[Rule, ...]
    merges: tuple[Place, ...]  # groups whose patient absorbs the prior one
    links: tuple[tuple[str, Place], ...] = ()  # kind, group whose patients it is about


def _repeating(group: GroupDef) -> set[str]:
    names: set[str] = set()
    for child in group.children:
        if isinstance(child, GroupDef):
            names |= _repeating(child) | ({child.name} if child.repeats else set())
    return names


def _holding(group: GroupDef) -> set[str]:
    names: set[str] = set()
    for child in group.children:
        if isinstance(child, GroupDef):
            below = _holding(child)
            direct = any(c.name == "PID" for c in child.children)
            names |= below | ({child.name} if below or direct else set())
    return names


class _Compiler:
    def __init__(self, document: Fields, problems: Problems, compile_: Compile) -> None:
        self._document = document
        self._problems = problems
        self._compile = compile_
        self._links = self._read_links()

    def _read_links(self) -> Links:
        node = self._document.get("link")
        entries = node.entries if isinstance(node, Fields) else ()
        found = []
        for key, value in entries:
            target = value.text if isinstance(value, Scalar) else ""
            if target.removesuffix("*") not in elements.resource_types():
                advice = closest(target, sorted(elements.resource_types()))
                self._problems.report("E223", value.mark, f"no resource type '{target}'", advice)
            else:
                found.append((key.text, target))
        return tuple(found)

    def structure(self) -> GroupDef | None:
        """Find the group tree; None after a problem was reported."""
        name = self._document.get("structure")
        if not isinstance(name, Scalar):
            return None
        try:
            return dictionary.structure(STRUCTURES, name.text)
        except FaultError:
            self._problems.report("E231", name.mark, f"unknown message structure '{name.text}'")
            return None

    def triggers(self) -> tuple[str, ...]:
        found = []
        for item in listed(self._document.get("triggers")):
            text = item.text if isinstance(item, Scalar) else ""
            if not _TRIGGER.fullmatch(text):
                advice = "write ADT^A01"
                self._problems.report("E232", item.mark, f"'{text}' is no trigger", advice)
            else:
                found.append(text)
        return tuple(found)

    def rules(self, node: Node | None, group: GroupDef) -> tuple[Rule, ...]:
        found = []
        for item in listed(node):
            if not isinstance(item, Fields):
                self._problems.report("E113", item.mark, "an entry of make is {Type: {map, from}}")
                continue
            rule = self._per(item, group) if item.get("per") else self._make(item, group)
            if rule is not None:
                found.append(rule)
        return tuple(found)

    def place(self, node: Node | None, group: GroupDef) -> tuple[Place, GroupDef] | None:
        """Walk group names; None after a problem was reported."""
        if not isinstance(node, Scalar):
            return None
        names = node.text.split(".")
        at = group
        for name in names:
            inner = {c.name: c for c in at.children if isinstance(c, GroupDef)}
            if name not in inner:
                message = f"no group '{name}' in {at.name}"
                self._problems.report("E231", node.mark, message, closest(name, list(inner)))
                return None
            at = inner[name]
        return tuple(names), at

    def _per(self, item: Fields, group: GroupDef) -> Per | None:
        found = self.place(item.get("per"), group)
        for key, _ in item.entries:
            if key.text not in {"per", "make"}:
                self._problems.report("E111", key.mark, f"unknown key '{key.text}' beside per")
        if found is None:
            return None
        return Per(found[0], self.rules(item.get("make"), found[1]))

    def _make(self, item: Fields, group: GroupDef) -> Make | None:
        key, value = item.entries[0]
        if not isinstance(value, Fields) or len(item.entries) > 1:
            self._problems.report("E113", item.mark, "an entry of make is {Type: {map, from}}")
            return None
        for name, _ in value.entries:
            if name.text not in MAKE_KEYS:
                message = f"unknown key '{name.text}' in an entry of make"
                advice = closest(name.text, sorted(MAKE_KEYS))
                self._problems.report("E111", name.mark, message, advice)
        path = self._segment(value, group)
        node = MakeNode(key, value, text_at(value, "map"), value.get("when"))
        compiled = self._compile(node, self._links)
        if path is None or compiled is None:
            return None
        weak = text_at(value, "weak")
        if weak not in {"", "true", "false"}:
            self._problems.report("E113", value.mark, "weak is true or false")
        return Make(path, *compiled, weak=weak == "true")

    def _segment(self, value: Fields, group: GroupDef) -> Place | None:
        node = value.get("from")
        if not isinstance(node, Scalar):
            self._problems.report("E112", value.mark, "an entry of make needs 'from'")
            return None
        groups, _, segment = node.text.rpartition(".")
        at: tuple[Place, GroupDef] | None = ((), group)
        if groups:
            at = self.place(Scalar(groups, node.mark, node.offset, node.single), group)
        if at is None:
            return None
        inner = [c.name for c in at[1].children if isinstance(c, SegmentRef)]
        if segment not in inner and not segment.startswith("Z"):
            message = f"no segment '{segment}' in {at[1].name}"
            self._problems.report("E231", node.mark, message, closest(segment, inner))
            return None
        return (*at[0], segment)

    def statements(self, group: GroupDef) -> tuple[tuple[str, Place], ...]:
        """Compile `emit` to kinds of statements, each with the group it is about."""
        found = []
        for item in listed(self._document.get("emit")):
            kind = self._statement(item)
            if not kind or not isinstance(item, Fields):
                message = "emit holds {per: GROUP, merge: {...}}, or link: or unlink: patients"
                self._problems.report("E233", item.mark, message)
                continue
            place = self.place(item.get("per"), group) if item.get("per") else ((), group)
            if place is not None:
                found.append((kind, place[0]))
        return tuple(found)

    def _statement(self, item: Node) -> str:
        """Return merge, link or unlink; empty when it is none."""
        if not isinstance(item, Fields):
            return ""
        merge = item.get("merge")
        if not isinstance(merge, Fields):
            return next((kind for kind in _LINKS if text_at(item, kind) == "patients"), "")
        if (text_at(merge, "survivor"), text_at(merge, "subsumed")) != ("patient", "prior"):
            advice = "write {survivor: patient, subsumed: prior}"
            self._problems.report("E233", merge.mark, "the prior patient goes", advice)
        return "merge"


def compile_message(
    name: str, document: Fields, problems: Problems, compile_: Compile
) -> CompiledMessage | None:
    """Compile a message document; None when its structure is unknown."""
    compiler = _Compiler(document, problems, compile_)
    tree = compiler.structure()
    if tree is None:
        return None
    said = compiler.statements(tree)
    return CompiledMessage(
        name,
        compiler.triggers(),
        compile_binder(tree),
        frozenset(_repeating(tree)),
        frozenset(_holding(tree)),
        compiler.rules(document.get("make"), tree),
        tuple(place for kind, place in said if kind == "merge"),
        tuple((kind, place) for kind, place in said if kind != "merge"),
    )
