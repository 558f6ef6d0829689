"""The R4 validator: is this resource one that FHIR R4 4.0.1 allows?

Checked: names, cardinality, JSON and FHIR types with calendar validity, choices, required codes as
far as they can be enumerated, the form and type of references, contained resources and entries each
by its own type, and the invariants of `engine.r4.invariants`. Not checked: profiles, narrative
content, other bindings, slices, whether a reference's target exists elsewhere.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from engine.core.values import WHOLE
from engine.r4 import elements
from engine.r4.compiled import check_whole
from engine.r4.problem import NOTHING, Scope


@dataclass(frozen=True, slots=True)
class Issue:
    """One defect. `message` is constant for a code and an element, and never holds a value."""

    code: str
    path: str  # `Patient.name[0].family`; of a missing element the path it would have
    message: str


class Validator(Protocol):
    """Validates resources of one type."""

    def __call__(
        self, resource: dict[str, Any], proven: frozenset[str] = NOTHING
    ) -> list[Issue]: ...


_NO_TYPE = [Issue("unknown-type", "", "resourceType names no resource of R4")]


@cache
def compile_validator(type_name: str) -> Validator:
    """Return the validator of a resource type. KeyError when R4 has no such resource.

    It takes a resource as parsed JSON and returns all issues, none when it is valid. The values of
    elements named in `proven` are not looked at: `compiled.proves` has said that they are valid.
    """
    check = check_whole(type_name)
    other = [Issue("wrong-type", f"{type_name}.resourceType", f"the resource is no {type_name}")]

    def validator(resource: dict[str, Any], proven: frozenset[str] = NOTHING) -> list[Issue]:
        if type(resource) is not dict or resource.get("resourceType") != type_name:
            return other.copy()
        scope = Scope()
        scope.proven = proven
        found = check(resource, scope)
        if found is None:
            return []
        return [Issue(code, type_name + path, message) for code, message, path in found]

    return validator


def validate(resource: dict[str, Any], proven: frozenset[str] = NOTHING) -> list[Issue]:
    """Validate a resource by the type it names itself, `proven` as for a validator.

    With `WHOLE` in it nothing is looked at.
    """
    if WHOLE in proven:
        return []
    name = resource.get("resourceType") if type(resource) is dict else None
    if type(name) is not str or name not in elements.resource_types():
        return _NO_TYPE.copy()
    return compile_validator(name)(resource, proven)
