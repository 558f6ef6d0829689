"""Mapping files as trees of text with places, made to be changed by overlays without changing.

Read by the strict YAML of all our files. Knows nothing about what the keys mean.
"""

from dataclasses import dataclass

from engine.core import strict_yaml
from engine.mapping.problem import Place, Problems

_DUPLICATE = "E102"  # the first of the two stands, and the tree is whole


@dataclass(frozen=True, slots=True)
class Scalar:
    text: str
    mark: Place
    offset: int = 0  # 1 when quoted: where the text begins behind the mark
    single: bool = True  # written as it reads, on one line: a place inside can be shown

    def at(self, start: int, width: int = 1) -> Place:
        """Return the place of a part of the text."""
        if not self.single:
            return self.mark
        mark = self.mark
        column = mark.column + self.offset + start
        return Place(mark.file, mark.line, column, width, mark.source)


@dataclass(frozen=True, slots=True)
class Items:
    items: "tuple[Node, ...]"
    mark: Place


@dataclass(frozen=True, slots=True)
class Fields:
    entries: "tuple[tuple[Scalar, Node], ...]"
    mark: Place

    def get(self, name: str) -> "Node | None":
        return next((value for key, value in self.entries if key.text == name), None)

    def key(self, name: str) -> Scalar | None:
        return next((key for key, _ in self.entries if key.text == name), None)

    def keys(self) -> list[str]:
        return [key.text for key, _ in self.entries]

    def put(self, key: Scalar, value: "Node") -> "Fields":
        """Return a copy with one entry replaced or added."""
        if self.key(key.text) is None:
            return Fields((*self.entries, (key, value)), self.mark)
        changed = ((k, value if k.text == key.text else v) for k, v in self.entries)
        return Fields(tuple(changed), self.mark)

    def drop(self, *names: str) -> "Fields":
        """Return a copy without some entries."""
        return Fields(tuple(e for e in self.entries if e[0].text not in names), self.mark)


Node = Scalar | Items | Fields


def _scalar(node: strict_yaml.Scalar) -> Scalar:
    place = node.place
    start = place.column - 1
    offset = 1 if node.quoted and place.source[start : start + 1] in {"'", '"'} else 0
    single = place.source.startswith(node.text, start + offset)
    return Scalar(node.text, place, offset, single)


def _taken(node: strict_yaml.Node) -> Node:
    if isinstance(node, strict_yaml.Scalar):
        return _scalar(node)
    if isinstance(node, strict_yaml.Items):
        return Items(tuple(_taken(item) for item in node.items), node.place)
    entries = ((_scalar(entry.key), _taken(entry.value)) for entry in node.entries)
    return Fields(tuple(entries), node.place)


def documents(file: str, text: str, problems: Problems) -> list[Node]:
    """Read the documents of one mapping file; what is wrong goes to `problems`."""
    found = strict_yaml.read_many(text, file)
    problems.add(found.problems)
    if any(problem.code != _DUPLICATE for problem in found.problems):
        return []  # the trees have gaps, which would look like further mistakes
    return [_taken(root) for root in found.roots]
