"""Elements that consist of parts: which they are, what the parts are called, and what was said.

The parts of a list are the labelled rules that fill it, in any map of a site that makes such a
resource; those of a period, or of a backbone element that holds independent facts, its members.
Only in `merge` mode: elsewhere the newest message holds as a whole. Knows no store.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.values import Parts
from engine.mapping.documents import Effective, listed, text_at
from engine.mapping.leaf import FULL
from engine.mapping.node import Fields, Node, Scalar
from engine.r4 import elements
from engine.r4.elements import Element
from engine.r4.invariants import RULES

MERGED = frozenset(
    {
        "Patient",
        "Encounter",
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Location",
        "RelatedPerson",
    }
)
Labels = Mapping[str, tuple[str, ...]]
"""Element -> names of its parts, in their order."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one message says of an element of parts.

    `whole` is the element's value, None when all it says is that parts were emptied; `weak` are the
    parts that came from a default, as `identifier/national`.
    """

    whole: Any
    parts: Parts
    weak: frozenset[str]

    def heard(self, *, weak: bool) -> Parts:
        """Return what counts of it: a weak statement empties nothing."""
        if not weak:
            return self.parts
        said = {label: value for label, value in self.parts.said.items() if value is not None}
        return Parts(self.parts.labels, said)


def rules(node: Node) -> list[tuple[str, Node]]:
    """Return the rules of a list by name: their label, else their place among several."""
    items = listed(node)
    found = []
    for place, item in enumerate(items, 1):
        label = item.get("label") if isinstance(item, Fields) else None
        name = label.text if isinstance(label, Scalar) else ""
        found.append((name or (str(place) if len(items) > 1 else ""), item))
    return found


def of_members(element: Element, node: Node) -> bool:
    """Whether a rule gives the members of an object that can be told one by one.

    Those of a quantity or a code belong together, and so do those R4 requires beside each other.
    """
    if element.repeats or not isinstance(node, Fields) or not FULL.isdisjoint(node.keys()):
        return False
    if element.types == ("Period",):
        return True
    path = element.path
    alone = not any(child.min for child in elements.children(path).values())
    return element.types == ("BackboneElement",) and alone and not RULES.get(path)


def _names(element: Element, node: Node) -> Iterator[str]:
    if of_members(element, node):
        for name in elements.children(element.path):
            yield from (name, f"_{name}")
    elif element.max is None and not elements.is_primitive("".join(element.types)):
        yield from (name for name, _ in rules(node) if name)


def _bodies(effective: Effective) -> Iterator[tuple[str, Fields]]:
    """Yield type and rules of every map whose resources are merged."""
    for document in effective.resources.values():
        resource = text_at(document, "to")
        if merges(document, resource):
            yield from _at(document, resource, resource)
    for document in effective.feeds.values():
        resource = text_at(document, "to")
        if merges(document, resource):
            yield from _at(document, resource, resource)
            yield from _at(document, "on_delete", resource)
        if resource != "Patient":
            yield from _at(document, "Patient", "Patient")
    for document in effective.sent.values():
        resource = text_at(document, "to") or text_at(document, "from")
        if merges(document, resource):
            yield from _at(document, resource, resource)


def _at(document: Fields, name: str, resource: str) -> Iterator[tuple[str, Fields]]:
    body = document.get(name)
    if isinstance(body, Fields):
        yield resource, body


def merges(document: Fields, resource: str) -> bool:
    """Whether what messages say of such a resource is merged element by element."""
    given = text_at(document, "mode")
    return given == "merge" if given else resource in MERGED


def declared(effective: Effective) -> dict[str, Labels]:
    """Return the names of parts by type and element; an element of one part has none."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for resource, body in _bodies(effective):
        known = elements.children(resource)
        for key, node in body.entries:
            element = known.get(key.text)
            if element is not None and not element.group:
                names = found.setdefault(resource, {}).setdefault(key.text, {})
                names.update(dict.fromkeys(_names(element, node)))
    return {
        resource: {name: tuple(some) for name, some in each.items() if len(some) > 1}
        for resource, each in found.items()
    }


def in_parts(node: Node, element: Element) -> bool:
    """Whether a rule speaks of parts, and not of the whole element."""
    return of_members(element, node) or any(name for name, _ in rules(node))
