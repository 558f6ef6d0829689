"""Compiles the FHIRPath subset of R4's search parameters to walks over a JSON body.

Known are paths, choices (`Observation.effective`), `(X as T)`, `X.as(T)`, `.where(system='email')`,
`.where(resolve() is T)` and unions. Anything else is refused at start, never ignored. Source: R4,
search parameter registry.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.fault import Category, refuse
from engine.r4 import elements

Found = tuple[str, Any]
"""FHIR type and JSON value."""

_AS = re.compile(r"\((?P<path>[\w.]+) as (?P<type>\w+)\)")
_STEP = re.compile(
    r"\.(?:as\((?P<as>\w+)\)|where\(system='(?P<system>\w+)'\)"
    r"|where\(resolve\(\) is (?P<is>\w+)\)|(?P<name>\w+))"
)


@dataclass(frozen=True, slots=True)
class _Step:
    members: tuple[tuple[str, str], ...] = ()  # JSON name, FHIR type
    system: str = ""  # keep only contact points of this system
    target: str = ""  # keep only references to this type


Walk = Callable[[Mapping[str, Any]], list[Found]]


def compile_path(type_name: str, expression: str) -> Walk:
    """Return the function that finds the values of an expression in a body.

    FaultError `search-expression` when the expression is outside the subset.
    """
    walks = [_compiled(type_name, part.strip()) for part in expression.split("|")]

    def walk(body: Mapping[str, Any]) -> list[Found]:
        return [found for steps in walks for found in _walked(body, steps)]

    return walk


def _compiled(type_name: str, part: str) -> tuple[_Step, ...]:
    part = _AS.sub(r"\g<path>.as(\g<type>)", part)
    if not part.startswith(type_name + "."):
        raise _outside(type_name)
    place, at, steps = len(type_name), type_name, list[_Step]()
    while place < len(part):
        found = _STEP.match(part, place)
        if found is None:
            raise _outside(type_name)
        at = _append(steps, at, found)
        place = found.end()
    return tuple(steps)


def _append(steps: list[_Step], at: str, found: re.Match[str]) -> str:
    """Add one step; returns the element path reached."""
    if found["system"]:
        steps.append(_Step(system=found["system"]))
        return at
    if found["is"]:
        steps.append(_Step(target=found["is"]))
        return at
    if found["as"]:
        kept = tuple(m for m in steps[-1].members if m[1] == found["as"])
        steps[-1] = _Step(kept)
        return f"{at.removesuffix('[x]')}{found['as'][0].upper()}{found['as'][1:]}"
    return _descend(steps, at, found["name"])


def _descend(steps: list[_Step], at: str, name: str) -> str:
    below = elements.children(at)
    forms = tuple((n, e.types[0]) for n, e in below.items() if e.group == f"{name}[x]")
    if forms:
        steps.append(_Step(forms))
        return f"{at}.{name}[x]"
    if name not in below:
        raise _outside(at)
    kind = below[name].types
    steps.append(_Step(((name, kind[0] if kind else "BackboneElement"),)))
    return f"{at}.{name}"


def _outside(where: str) -> Exception:
    return refuse(Category.BUG, "search-expression", "no such search expression is known", where)


def _walked(body: Mapping[str, Any], steps: tuple[_Step, ...]) -> list[Found]:
    here: list[Found] = [("", body)]
    for step in steps:
        if step.members:
            here = _below(here, step.members)
        elif step.system:
            here = [f for f in here if f[1].get("system") == step.system]
        else:
            start = step.target + "/"
            here = [f for f in here if str(f[1].get("reference", "")).startswith(start)]
    return here


def _below(here: list[Found], members: tuple[tuple[str, str], ...]) -> list[Found]:
    found: list[Found] = []
    for _, value in here:
        for name, kind in members:
            inner = value.get(name) if isinstance(value, dict) else None
            if isinstance(inner, list):
                found.extend((kind, item) for item in inner if item is not None)
            elif inner is not None:
                found.append((kind, inner))
    return found
