"""Keys that go round in circles: the id of one resource made of another's, and that of the first.

Maps use no maps and documents include no documents, so keys, and conversions of datatypes
(`described`), are the only places where a mapping could go on for ever.
"""

from collections.abc import Iterable, Iterator

from engine.mapping.documents import listed, text_at
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.problem import Problems
from engine.r4 import elements


def refuse(documents: Iterable[Fields], problems: Problems) -> None:
    """Report the key parts by which a type's id comes to depend on itself."""
    named: dict[str, dict[str, Scalar]] = {}
    for document in documents:
        known = named.setdefault(text_at(document, "to"), {})
        for part in _types(document.get("key")):
            known.setdefault(part.text, part)
    for kind, parts in named.items():
        for other, part in parts.items():
            if kind in _reached(other, named):
                message = f"the key of {kind} is made of that of {other}, and that of it again"
                problems.report("E228", part.mark, message, "make one of them of fields alone")


def _types(node: Node | None) -> Iterator[Scalar]:
    for item in listed(node):
        if isinstance(item, Scalar):
            if item.text in elements.resource_types():
                yield item
        else:
            yield from _types(item)


def _reached(kind: str, named: dict[str, dict[str, Scalar]]) -> set[str]:
    """Return the types that a type's key is made of, itself and what lies behind included."""
    found: set[str] = set()
    waiting = [kind]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += named.get(one, {})
    return found
