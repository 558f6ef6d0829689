"""What R4 requires of an object: what is made has it, or is not made."""

from engine.r4 import elements

BROKEN = "an object that a rule of the standard does not allow is left out"
MISSING = "an element that FHIR requires has no value"


def needed(path: str) -> dict[str, frozenset[str]]:
    """Return what R4 requires of an object: name -> the names that satisfy it."""
    groups: dict[str, set[str]] = {}
    for name, element in elements.children(path).items():
        if element.min:
            names = groups.setdefault(element.group or name, set())
            names.add(name)
            if elements.is_primitive(element.types[0] if element.types else ""):
                names.add(f"_{name}")  # an extension is content (R4, element.html, ele-1)
    return {name: frozenset(names) for name, names in groups.items()}


def missed(names: frozenset[str]) -> str:
    """Return the name under which a missing element is told."""
    return min(name for name in names if not name.startswith("_"))
