"""Paths into a resource, typed by the definitions of R4 and compiled to readers of JSON.

A subset of FHIRPath (http://hl7.org/fhirpath/N1): members, `where`, `first`, `last`, `exists`,
`empty`, `ofType`, `extension`, an index from 0. As there, a path over several values gives all of
them. What is read is text where the element is primitive (`true`, `8.90`), else a JSON object.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from engine.mapping.grammar import Grammar, closest
from engine.mapping.scope import Scope
from engine.mapping.source import ELEMENT, Source
from engine.mapping.syntax import Current, Expr, Literal, Path, Reach, Span, Step, Word
from engine.r4 import elements
from engine.r4.elements import Element

Nodes = list[Any]
Walk = Callable[[Nodes, Scope], Nodes]
_TRUTH = Element("boolean", "boolean", ("boolean",), 0, 1)
TEXT = Element("string", "string", ("string",), 0, 1)

_WHOLE = "%resource"


class Reader(Protocol):
    """What compiles the conditions inside a path."""

    @property
    def grammar(self) -> Grammar:
        """What the expression may refer to."""
        ...

    def wrong(self, code: str, span: Span, message: str, advice: str = "") -> None:
        """Report what is wrong with a part of the expression."""
        ...

    def note_read(self, name: str) -> None:
        """Keep that an element of the resource is read."""
        ...

    def inside(self, element: Element) -> "Reader":
        """Return the compiler of an expression about a value of an element."""
        ...

    def test(self, tree: Expr) -> Callable[[Scope], bool]:
        """Compile a condition."""
        ...


@dataclass(frozen=True, slots=True)
class _At:
    """Where a path has come to, and what to do to get there."""

    element: Element
    repeats: bool
    walks: tuple[Walk, ...]

    def then(self, element: Element, walk: Walk, repeats: bool = False) -> "_At":
        return _At(element, self.repeats or repeats, (*self.walks, walk))

    def one(self, walk: Walk) -> "_At":
        return _At(self.element, False, (*self.walks, walk))


class _LostError(Exception):
    """A step leads nowhere; it has been reported."""


def root(type_name: str) -> Element:
    """Return a resource type as an element that paths can start from."""
    return Element(type_name, type_name, (type_name,), 0, 1)


def resolved(tree: Expr) -> Expr:
    """Return a bare word as the path that it is in a document about resources."""
    if isinstance(tree, Word) and not tree.name.startswith("$") and tree.name != "received":
        return Reach((Step(tree.name, None, tree.span),), tree.span)
    return tree


def source(reader: Reader, tree: Path | Current | Reach) -> Source:
    """Compile a path; what does not exist is reported and gives nothing."""
    element = reader.grammar.element
    if isinstance(tree, Current) and not tree.component and element is not None:
        return _current(element)
    if not isinstance(tree, Reach):
        named = str(tree) if isinstance(tree, Path) else f"${tree.component}"
        reader.wrong("E261", tree.span, f"a resource has no {named}", "name an element")
        return _NOTHING
    try:
        at = _compiled(reader, tree)
    except _LostError:
        return replace(_NOTHING, label=str(tree))
    many = _many(at.walks, from_whole=tree.steps[0].name.split(".")[0] == _WHOLE)
    for name in _root_names(reader.grammar, tree):
        reader.note_read(name)
    if reader.grammar.traced:
        many = _logged(reader.grammar, tree, many)
    return Source(ELEMENT, at.repeats, _first(many), many, str(tree), at.element)


def _root_names(grammar: Grammar, tree: Reach) -> tuple[str, ...]:
    """Return the elements of the resource that a path begins with; none inside of one.

    What starts inside an element is read with it.
    """
    whole, names = grammar.whole, tree.steps[0].name.split(".")
    head = names[1:] if names[0] == _WHOLE else names
    if whole is None or not head or (grammar.element is not whole and names[0] != _WHOLE):
        return ()
    known, name = below(whole), head[0]
    forms = (form.name for form in known.values() if form.group == f"{name}[x]")
    return tuple(item for item in (name, *forms) if item in known)


def _logged(
    grammar: Grammar, tree: Reach, many: Callable[[Scope], Nodes]
) -> Callable[[Scope], Nodes]:
    """Log which elements of the resource are read."""
    kind = grammar.whole.path if grammar.whole else ""
    names = [form for name in _root_names(grammar, tree) for form in (name, f"_{name}")]

    def read(scope: Scope) -> Nodes:
        if scope.env.watch is not None:
            scope.env.watch.element(scope.whole, kind, names)
        return many(scope)

    return read


def _current(element: Element) -> Source:
    """Return the reader of `$`, the value that `each` or a condition stands on."""

    def one(scope: Scope) -> Any:
        return scope.rep

    return Source(ELEMENT, False, one, lambda scope: [v] if (v := one(scope)) else [], "$", element)


def _many(walks: tuple[Walk, ...], *, from_whole: bool) -> Callable[[Scope], Nodes]:
    def many(scope: Scope) -> Nodes:
        found: Nodes = [scope.whole if from_whole else scope.rep]
        for walk in walks:
            found = walk(found, scope)
        return [text for node in found if (text := _read(node))]

    return many


def _read(node: Any) -> Any:
    """Return an object as it is, a primitive value as text."""
    if isinstance(node, dict):
        return node
    if isinstance(node, str):
        return node.strip()
    if isinstance(node, bool):
        return "true" if node else "false"
    return str(node) if isinstance(node, int) else ""


def _first(many: Callable[[Scope], Nodes]) -> Callable[[Scope], Any]:
    return lambda scope: found[0] if (found := many(scope)) else ""


def _no_nodes(_: Scope) -> Nodes:
    return []


_NOTHING = Source(ELEMENT, False, lambda _: "", _no_nodes, "", TEXT)


def _compiled(reader: Reader, tree: Reach) -> _At:
    grammar = reader.grammar
    if grammar.element is None or grammar.whole is None:
        reader.wrong("E201", tree.span, f"'{tree}' is a path into a resource", "name a field")
        raise _LostError
    steps = list(tree.steps)
    start = grammar.element
    head, _, rest = steps[0].name.partition(".")
    if head == _WHOLE:
        start = grammar.whole
        steps[0] = replace(steps[0], name=rest)
    at = _At(start, False, ())
    for step in steps:
        at = _stepped(reader, at, step)
    return at


def _stepped(reader: Reader, at: _At, step: Step) -> _At:
    if step.name == "[]":
        return at.one(_indexed(int(_text(step.args or ()))))
    names = [name for name in step.name.split(".") if name]
    function = names.pop() if step.args is not None else ""
    for name in names:
        at = _member(reader, at, name, step.span)
    if step.args is None:
        return at
    compile_ = _FUNCTIONS.get(function)
    if compile_ is None:
        advice = closest(function, list(_FUNCTIONS)) or "functions: " + ", ".join(_FUNCTIONS)
        reader.wrong("E205", step.span, f"unknown function '{function}' in a path", advice)
        raise _LostError
    return compile_(reader, at, step)


def below(element: Element) -> dict[str, Element]:
    """Return what a value of an element has inside."""
    if len(element.types) > 1:
        return {}
    return elements.children(element.path) or elements.children(element.types[0])


def _member(reader: Reader, at: _At, name: str, span: Span) -> _At:
    known = below(at.element)
    element = known.get(name)
    if element is not None:
        return at.then(element, _picked(name), element.repeats)
    forms = [form for form in known.values() if form.group == f"{name}[x]"]
    if forms:
        types = tuple(form.types[0] for form in forms)
        whole = replace(forms[0], name=name, types=types, path=f"{at.element.path}.{name}[x]")
        return at.then(whole, _any_of([form.name for form in forms]))
    near = closest(name, [*known, *{form.group.removesuffix("[x]") for form in known.values()}])
    if len(at.element.types) > 1:
        near = f"say which: {at.element.name}.ofType({at.element.types[0]}).{name}"
    reader.wrong("E260", span, f"no element '{name}' on {at.element.path}", near)
    raise _LostError


def _picked(name: str) -> Walk:
    def walk(nodes: Nodes, _: Scope) -> Nodes:
        found: Nodes = []
        for node in nodes:
            value = node.get(name) if isinstance(node, dict) else None
            if isinstance(value, list):
                found += [item for item in value if item is not None]
            elif value is not None:
                found.append(value)
        return found

    return walk


def _any_of(names: list[str]) -> Walk:
    picks = [_picked(name) for name in names]
    return lambda nodes, scope: [found for pick in picks for found in pick(nodes, scope)]


def _indexed(number: int) -> Walk:
    return lambda nodes, _: nodes[number : number + 1]


def _text(args: tuple[Expr, ...]) -> str:
    first = args[0] if args else None
    return first.text if isinstance(first, Literal) else ""


def _where(reader: Reader, at: _At, step: Step) -> _At:
    if not step.args or len(step.args) != 1:
        reader.wrong("E205", step.span, "where takes one condition")
        raise _LostError
    test = reader.inside(at.element).test(step.args[0])

    def walk(nodes: Nodes, scope: Scope) -> Nodes:
        before = scope.rep
        found: Nodes = []
        for node in nodes:
            scope.rep = _read(node)
            if test(scope):
                found.append(node)
        scope.rep = before
        return found

    return at.then(at.element, walk)


def _of_type(reader: Reader, at: _At, step: Step) -> _At:
    name = str(step.args[0]) if step.args and isinstance(step.args[0], Reach) else ""
    if name not in at.element.types:
        advice = closest(name, list(at.element.types)) or "types: " + ", ".join(at.element.types)
        reader.wrong("E260", step.span, f"{at.element.name} is never of type '{name}'", advice)
        raise _LostError
    if len(at.element.types) == 1:
        return at
    suffix = name[0].upper() + name[1:]
    parent = at.element.path.rpartition(".")[0]
    form = elements.children(parent)[at.element.name + suffix]
    return _At(form, at.repeats, (*at.walks[:-1], _picked(form.name)))


def _extension(reader: Reader, at: _At, step: Step) -> _At:
    url = _text(step.args or ())
    if not url:
        reader.wrong("E205", step.span, "extension takes a URL in quotes")
        raise _LostError
    walks = at.walks
    if elements.is_primitive(at.element.types[0]) and len(at.element.types) == 1:
        walks = (*walks[:-1], _picked(f"_{at.element.name}"))
    element = elements.type_children("Element")["extension"]
    inside = _picked("extension")

    def walk(nodes: Nodes, scope: Scope) -> Nodes:
        return [x for x in inside(nodes, scope) if isinstance(x, dict) and x.get("url") == url]

    return _At(element, True, (*walks, walk))


def _exists(reader: Reader, at: _At, step: Step) -> _At:
    if step.args:
        at = _where(reader, at, step)
    return _At(_TRUTH, False, (*at.walks, lambda nodes, _: [True] if nodes else []))


def _empty(_: Reader, at: _At, __: Step) -> _At:
    return _At(_TRUTH, False, (*at.walks, lambda nodes, _: [] if nodes else [True]))


_FUNCTIONS: dict[str, Callable[[Reader, _At, Step], _At]] = {
    "where": _where,
    "first": lambda _, at, __: at.one(_indexed(0)),
    "last": lambda _, at, __: at.one(lambda nodes, _: nodes[-1:]),
    "exists": _exists,
    "empty": _empty,
    "ofType": _of_type,
    "extension": _extension,
}
