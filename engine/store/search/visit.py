"""Compiles the search parameters of a type into one pass over a body.

All routes of all parameters are laid into one tree, so every member of a body is looked at once,
whatever the number of parameters that want it. What is done with a value at the end of a route
follows from the kind of the parameter and the FHIR type (R4, search.html 3.1.1.4.8 to 3.1.1.4.12).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.store.search import sinks
from engine.store.search.params import Parameter
from engine.store.search.paths import Route, Step
from engine.store.search.sinks import Sink, Spans, Terms

Visit = Sink


@dataclass(slots=True)
class _Node:
    """A place in a body: what is done with a value there, and what lies below it."""

    sinks: list[Sink] = field(default_factory=list)
    below: dict[str, "_Node"] = field(default_factory=dict)
    guarded: list[tuple[Callable[[Any], bool], "_Node"]] = field(default_factory=list)


def compile_visit(parameters: Iterable[Parameter]) -> Visit:
    """Return the function that collects the terms and spans of all parameters from a body."""
    root = _Node()
    for parameter in parameters:
        for route in parameter.routes:
            _lay(root, route, "", parameter)
    return _compiled(root)


def _lay(node: _Node, route: Route, kind: str, parameter: Parameter) -> None:
    if not route:
        _end(node, kind, parameter)
        return
    step, rest = route[0], route[1:]
    for name, inner in step.members:
        _lay(node.below.setdefault(name, _Node()), rest, inner, parameter)
    if not step.members:
        inside = _Node()
        node.guarded.append((_guard(step), inside))
        _lay(inside, rest, kind, parameter)


def _guard(step: Step) -> Callable[[Any], bool]:
    if step.system:
        return lambda value: value.get("system") == step.system
    start = step.target + "/"
    return lambda value: str(value.get("reference", "")).startswith(start)


def _end(node: _Node, kind: str, parameter: Parameter) -> None:
    """Lay what a parameter wants of a value of this type; complex types are gone into."""
    below = sinks.inside(parameter, kind)
    if below is None:
        node.sinks.append(sinks.sink(parameter, kind))
        return
    for name, inner in below:
        _end(node.below.setdefault(name, _Node()), inner, parameter)


def _compiled(node: _Node) -> Visit:
    visits = [*node.sinks, *(_guarded(holds, _compiled(one)) for holds, one in node.guarded)]
    if node.below:
        visits.append(_descending({name: _compiled(one) for name, one in node.below.items()}))
    return visits[0] if len(visits) == 1 else _each(tuple(visits))


def _each(visits: tuple[Visit, ...]) -> Visit:
    def each(value: Any, terms: Terms, spans: Spans) -> None:
        for visit in visits:
            visit(value, terms, spans)

    return each


def _guarded(holds: Callable[[Any], bool], inside: Visit) -> Visit:
    def guarded(value: Any, terms: Terms, spans: Spans) -> None:
        if holds(value):
            inside(value, terms, spans)

    return guarded


def _descending(below: Mapping[str, Visit]) -> Visit:
    members = tuple(below.items())

    def descend(value: Any, terms: Terms, spans: Spans) -> None:
        if not isinstance(value, dict):
            return
        for name, visit in members:
            inner = value.get(name)
            if isinstance(inner, list):
                for one in inner:
                    if one is not None:
                        visit(one, terms, spans)
            elif inner is not None:
                visit(inner, terms, spans)

    return descend
