"""Reads the FHIRPath subset of R4's search parameters as routes through a JSON body.

Known are paths, choices (`Observation.effective`), `(X as T)`, `X.as(T)`, `.where(system='email')`,
`.where(resolve() is T)` and unions. Anything else is refused at start, never ignored. Source: R4,
search parameter registry.
"""

import re
from dataclasses import dataclass

from engine.core.fault import Category, refuse
from engine.r4 import elements

_AS = re.compile(r"\((?P<path>[\w.]+) as (?P<type>\w+)\)")
_STEP = re.compile(
    r"\.(?:as\((?P<as>\w+)\)|where\(system='(?P<system>\w+)'\)"
    r"|where\(resolve\(\) is (?P<is>\w+)\)|(?P<name>\w+))"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a route: down to members, or on with some of the values."""

    members: tuple[tuple[str, str], ...] = ()  # JSON name, FHIR type
    system: str = ""  # keep only contact points of this system
    target: str = ""  # keep only references to this type


Route = tuple[Step, ...]


def compile_path(type_name: str, expression: str) -> tuple[Route, ...]:
    """Return the routes by which an expression finds values in a body.

    FaultError `search-expression` when the expression is outside the subset.
    """
    return tuple(_compiled(type_name, part.strip()) for part in expression.split("|"))


def _compiled(type_name: str, part: str) -> Route:
    part = _AS.sub(r"\g<path>.as(\g<type>)", part)
    if not part.startswith(type_name + "."):
        raise _outside(type_name)
    place, at, steps = len(type_name), type_name, list[Step]()
    while place < len(part):
        found = _STEP.match(part, place)
        if found is None:
            raise _outside(type_name)
        at = _append(steps, at, found)
        place = found.end()
    return tuple(steps)


def _append(steps: list[Step], at: str, found: re.Match[str]) -> str:
    """Add one step; returns the element path reached."""
    if found["system"]:
        steps.append(Step(system=found["system"]))
        return at
    if found["is"]:
        steps.append(Step(target=found["is"]))
        return at
    if found["as"]:
        kept = tuple(m for m in steps[-1].members if m[1] == found["as"])
        steps[-1] = Step(kept)
        return f"{at.removesuffix('[x]')}{found['as'][0].upper()}{found['as'][1:]}"
    return _descend(steps, at, found["name"])


def _descend(steps: list[Step], at: str, name: str) -> str:
    below = elements.children(at)
    forms = tuple((n, e.types[0]) for n, e in below.items() if e.group == f"{name}[x]")
    if forms:
        steps.append(Step(forms))
        return f"{at}.{name}[x]"
    if name not in below:
        raise _outside(at)
    kind = below[name].types
    steps.append(Step(((name, kind[0] if kind else "BackboneElement"),)))
    return f"{at}.{name}"


def _outside(where: str) -> Exception:
    return refuse(Category.BUG, "search-expression", "no such search expression is known", where)
