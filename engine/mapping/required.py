"""What R4 requires of an object: what is made has it, or is not made."""

from engine.r4 import elements

BROKEN = "an object that a rule of the standard does not allow is left out"
MISSING = "an element that FHIR requires has no value"


def needed(path: str) -> dict[str, frozenset[str]]:
    """Return what R4 requires of an object: name -> the names that satisfy it."""
    groups: dict[str, set[str]] = {}
    for name, element in elements.children(path).items():
        if element.min:
            groups.setdefault(element.group or name, set()).add(name)
    return {name: frozenset(names) for name, names in groups.items()}
