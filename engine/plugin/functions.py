"""Finds the functions that installed packages bring for mappings.

A package names them as an entry point of the group `concord.functions`: the place of a
`FunctionSpec`, or of a sequence of them (packaging.python.org, "Entry points specification").
"""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from engine.core.fault import Category, refuse
from engine.mapping.plugged import Functions, FunctionSpec, registered

__all__ = ["GROUP", "FunctionSpec", "functions_of", "installed_functions"]

GROUP = "concord.functions"


@cache
def installed_functions() -> Functions:
    """Return the functions of the packages beside this program; faults as `functions_of`."""
    return functions_of(entry_points(group=GROUP))


def functions_of(points: Iterable[EntryPoint]) -> Functions:
    """Load the functions of entry points, in the order of their names.

    FaultError `function-refused` when one cannot be loaded or used.
    """
    found: list[FunctionSpec] = []
    for point in sorted(points, key=lambda point: point.name):
        found += _loaded(point)
    return registered(found)


def _loaded(point: EntryPoint) -> Sequence[FunctionSpec]:
    try:
        value = point.load()
    except Exception as error:
        message = f"the entry point cannot be loaded: {type(error).__name__}"
        raise refuse(Category.INVALID, "function-refused", message, _place(point)) from error
    specs = [value] if isinstance(value, FunctionSpec) else value
    if not isinstance(specs, Sequence) or not all(isinstance(one, FunctionSpec) for one in specs):
        message = "the entry point is no FunctionSpec, and no sequence of them"
        raise refuse(Category.INVALID, "function-refused", message, _place(point))
    return specs


def _place(point: EntryPoint) -> str:
    return f"entry point {point.name}"
