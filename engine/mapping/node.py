"""Mapping files as trees of text with marks: YAML without its surprises.

Every scalar is text. Tags, anchors, aliases, duplicate keys, great depth and great size are refused
(a few hundred bytes of aliases can expand to megabytes). Knows nothing about what the keys mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from engine.mapping.problem import Mark, Problems

MAX_BYTES = 1_000_000
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Scalar:
    text: str
    mark: Mark
    offset: int = 0  # 1 when quoted: where the text begins behind the mark
    single: bool = True  # on one line, so that a place inside can be shown

    def at(self, start: int, length: int = 1) -> Mark:
        """Return the mark of a part of the text."""
        if not self.single:
            return self.mark
        column = self.mark.column + self.offset + start
        return Mark(self.mark.file, self.mark.line, column, length)


@dataclass(frozen=True, slots=True)
class Items:
    items: "tuple[Node, ...]"
    mark: Mark


@dataclass(frozen=True, slots=True)
class Fields:
    entries: "tuple[tuple[Scalar, Node], ...]"
    mark: Mark

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


class _RefusedError(Exception):
    pass


class _Builder:
    """Builds nodes from parser events of one file."""

    def __init__(self, file: str, events: Iterator[yaml.Event], problems: Problems) -> None:
        self._file = file
        self._events = events
        self._problems = problems

    def documents(self) -> list[Node]:
        return [
            self._node(next(self._events), 0)
            for event in self._events
            if isinstance(event, yaml.DocumentStartEvent)
        ]

    def _mark(self, event: yaml.Event) -> Mark:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:
            return Mark(self._file, 1, 1)
        same = start.line == end.line and isinstance(event, yaml.ScalarEvent)
        length = max(1, end.column - start.column) if same else 1
        return Mark(self._file, start.line + 1, start.column + 1, length)

    def _refuse(self, code: str, event: yaml.Event, message: str, advice: str) -> None:
        self._problems.report(code, self._mark(event), message, advice)
        raise _RefusedError

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._refuse("E104", event, f"more than {MAX_DEPTH} levels", "split the mapping")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse("E102", event, "anchors and aliases are refused", "write the part twice")
        if getattr(event, "tag", None):
            self._refuse("E102", event, "tags are refused", "every value is text; drop the tag")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(event, depth)
        return self._fields(event, depth)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        start, end = event.start_mark, event.end_mark
        single = start is not None and end is not None and start.line == end.line
        offset = 1 if event.style in {"'", '"'} else 0
        return Scalar(event.value, self._mark(event), offset, single)

    def _items(self, start: yaml.Event, depth: int) -> Items:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return Items(tuple(items), self._mark(start))

    def _fields(self, start: yaml.Event, depth: int) -> Fields:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._refuse("E101", event, "a key has to be text", "quote the key")
            elif key.text in entries:
                self._problems.report(
                    "E103", key.mark, f"duplicate key '{key.text}'", "keep one of them"
                )
            else:
                entries[key.text] = (key, value)
        return Fields(tuple(entries.values()), self._mark(start))


def documents(file: str, text: str, problems: Problems) -> list[Node]:
    """Read the documents of one mapping file; what is wrong goes to `problems`."""
    if len(text) > MAX_BYTES:
        problems.report("E104", Mark(file, 1, 1), f"file of more than {MAX_BYTES} bytes")
        return []
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    try:
        return _Builder(file, events, problems).documents()
    except _RefusedError:
        return []
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark
        place = Mark(file, at.line + 1, at.column + 1) if at else Mark(file, 1, 1)
        problems.report("E101", place, f"not YAML: {error.problem}", "quote what YAML takes apart")
        return []
    except yaml.YAMLError:
        problems.report("E101", Mark(file, 1, 1), "not YAML: a character that YAML refuses")
        return []
