"""Paths of tests: a resource type, then a path of section 13 of LANGUAGE.md into each of them.

`Patient.name.family`, `Observation[1].status`, `Observation.where(...).value`; `.count` of a type,
`.count()` of values, `Patient.$clear` for what a message empties. Misspelt elements are problems.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.core.values import Contribution
from engine.formats.hl7v2.encoding import STANDARD
from engine.formats.hl7v2.parse import Message
from engine.mapping import fhir_path, syntax
from engine.mapping.expression import Compiler
from engine.mapping.fhir_links import scope_of
from engine.mapping.grammar import Grammar, Slots, closest
from engine.mapping.node import Scalar
from engine.mapping.problem import Problems
from engine.mapping.scope import Env
from engine.r4 import elements

_HEAD = re.compile(r"([A-Za-z]+)(?:\[(\d+)\])?")
_WHOLE = "%resource"
_COUNTED = ".count()"
_CLEAR, _COUNT = ".$clear", ".count"
Made = tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class TestPath:
    """A path of a test, compiled. `read` gives what it finds: texts and objects."""

    __test__ = False  # no test itself, whatever its name begins with

    text: str
    type: str
    top: str  # the element below the resource, or empty
    read: Callable[[Made], list[Any]]


def compiled(key: Scalar, problems: Problems) -> TestPath | None:
    """Compile a path; None after a problem was reported."""
    match = _HEAD.match(key.text)
    kind = match.group(1) if match else ""
    if match is None or kind not in elements.resource_types():
        advice = closest(kind, sorted(elements.resource_types()))
        width = len(kind) or len(key.text)
        problems.report("E271", key.at(0, width), f"no resource type '{kind or key.text}'", advice)
        return None
    rest, index = key.text[match.end() :], match.group(2)
    chosen = _of_type(kind, int(index) if index else None)
    if rest == _CLEAR:
        return TestPath(key.text, kind, "", lambda made: _cleared(chosen(made)))
    if rest == _COUNT:
        return TestPath(key.text, kind, "", lambda made: [str(len(chosen(made)))])
    return _path(key, match.end(), chosen, problems)


def _of_type(kind: str, index: int | None) -> Callable[[Made], list[Contribution]]:
    def chosen(made: Made) -> list[Contribution]:
        found = [one for one in made if one.type == kind]
        return found if index is None else found[index : index + 1]

    return chosen


def _cleared(made: list[Contribution]) -> list[str]:
    """Return the elements that are emptied, and the parts as `telecom.home`."""
    found: dict[str, None] = {}
    for one in made:
        found.update(dict.fromkeys(one.clears))
        for name, parts in one.parts.items():
            gone = [label for label, said in parts.said.items() if said is None]
            found.update((f"{name}.{label}", None) for label in gone)
    return list(found)


def _path(
    key: Scalar,
    start: int,
    chosen: Callable[[Made], list[Contribution]],
    problems: Problems,
) -> TestPath | None:
    name, rest = key.text[:start].partition("[")[0], key.text[start:]
    counted = rest.endswith(_COUNTED)
    rest = rest.removesuffix(_COUNTED)
    reader = _reader(name, key, start, rest, problems) if rest else _itself
    if reader is None:
        return None

    def read(made: Made) -> list[Any]:
        found = [value for one in chosen(made) for value in reader(one.body)]
        return [str(len(found))] if counted else found

    return TestPath(key.text, name, _top(rest), read)


def _top(rest: str) -> str:
    """Return the first element of a path, behind a `where` of the resource."""
    depth, plain = 0, ""
    for char in rest:
        depth += (char == "(") - (char == ")")
        plain += char if depth == 0 and char != ")" else ""
    found = [name for name in plain.split(".") if name and name != "where"]
    return found[0].partition("[")[0] if found else ""


def _itself(body: dict[str, Any]) -> list[Any]:
    return [body]


def _reader(
    kind: str, key: Scalar, start: int, rest: str, problems: Problems
) -> Callable[[dict[str, Any]], list[Any]] | None:
    whole = fhir_path.root(kind)
    grammar = Grammar(problems, Slots(), {}, {}, {}, element=whole, whole=whole)
    compiler = Compiler(grammar, key, start - len(_WHOLE))
    before = len(problems)
    tree = compiler.parse(_WHOLE + rest)
    if tree is None:
        return None
    if not isinstance(tree, syntax.Reach):
        problems.report("E271", key.mark, f"'{key.text}' is no path")
        return None
    source = fhir_path.source(compiler, tree)
    return None if len(problems) > before else lambda body: source.many(_scope(body))


def _scope(body: dict[str, Any]) -> Any:
    return scope_of(Env(Message(STANDARD, ()), "", 0), body)
