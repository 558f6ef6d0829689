"""The search parameters of R4 4.0.1: name, type, and the path of what is searched.

Source: HL7's search-parameters.json. A parameter shared by several resources has one expression
with a part for each; what is handed out holds only the parts of the resource asked for. Knows
FHIRPath only as far as to find the end of a part. The dictionaries handed out are shared.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.r4 import elements, tables


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One search parameter as it applies to one resource type."""

    name: str
    type: str  # token, string, date, reference, quantity, uri, number, composite, special
    base: str  # the resource type asked for
    expression: str  # FHIRPath; empty for `_text` and the like, which search no element
    targets: tuple[str, ...] = ()  # what a reference may lead to
    components: tuple[tuple[str, str], ...] = ()  # of a composite: (parameter, expression)


def _parts(expression: str) -> list[str]:
    """Split at `|` outside parentheses."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(expression):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            parts.append(expression[start:place].strip())
            start = place + 1
    return [*parts, expression[start:].strip()]


def _narrowed(expression: str, types: tuple[str, ...]) -> str:
    """The parts of the expression that start at one of the types; all when none names one."""
    wanted = [part for part in _parts(expression) if _root(part) in types]
    return " | ".join(wanted) or expression


def _root(part: str) -> str:
    return part.lstrip("(").partition(".")[0].strip()


def _parameter(row: list[Any], base: str, types: tuple[str, ...]) -> SearchParameter:
    name, kind, _, expression, targets, components = row
    return SearchParameter(
        name=name,
        type=kind,
        base=base,
        expression=_narrowed(expression, types),
        targets=tuple(targets),
        components=tuple((code, path) for code, path in components),
    )


def _lineage(resource_type: str) -> tuple[str, ...]:
    """The type and the abstract types whose parameters it has, too."""
    below = elements.children(resource_type)
    return (
        (resource_type, "DomainResource", "Resource")
        if "contained" in below
        else (resource_type, "Resource")
    )


@cache
def of(resource_type: str) -> dict[str, SearchParameter]:
    """Return the parameters of a resource by name, those of every resource included.

    Empty when R4 has no such resource.
    """
    if resource_type not in elements.resource_types():
        return {}
    types = _lineage(resource_type)
    found = [
        _parameter(row, resource_type, types)
        for row in tables.search_rows()
        if not set(types).isdisjoint(row[2])
    ]
    return {parameter.name: parameter for parameter in found}
