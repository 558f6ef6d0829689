"""YAML in the strict subset all our files use: every scalar is a string, every node has its place.

Refused, because they surprise people or cost memory: tags, anchors and aliases, duplicate keys,
keys that are not scalars, several documents, nesting beyond `MAX_DEPTH`, texts beyond
`MAX_CHARACTERS`. `NO`, `1.10` and `2026-01-01` are the strings they look like; who wants a number
converts it where the key is known. YAML 1.1 syntax as PyYAML reads it; the parser's events are
used, so no alias is ever expanded. Does no IO: callers pass the text and the name to show.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.core.problem import Place, Problem

MAX_DEPTH = 40
MAX_CHARACTERS = 1_000_000
_QUOTES = frozenset({"'", '"'})
_OPEN = ("while parsing a flow", "while scanning a quoted")

_REFUSED = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; `quoted` tells `"5"` and block texts from a bare `5`. An absent value is empty."""

    place: Place
    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a table."""

    key: Scalar
    value: "Node"

    @property
    def name(self) -> str:
        return self.key.text


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping, in the order written. Its keys are distinct."""

    place: Place
    entries: tuple[Entry, ...] = ()

    def get(self, name: str) -> "Node | None":
        return next((entry.value for entry in self.entries if entry.name == name), None)


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple["Node", ...] = ()


Node = Scalar | Table | Items


@dataclass(frozen=True, slots=True)
class Document:
    """What a text holds. With problems the tree has gaps: report, and do not use it."""

    root: Node | None
    problems: tuple[Problem, ...] = ()


class _RefusedError(Exception):
    """Ends the reading where nothing after it can be trusted."""


@dataclass(slots=True)
class _Reader:
    file: str
    lines: list[str]
    problems: list[Problem] = field(default_factory=list)
    long: Any = None  # the quoted text over several lines that ends in the line we are at

    def place(self, start: Any, end: Any) -> Place:
        source = self.lines[start.line] if start.line < len(self.lines) else ""
        stop = end.column if end.line == start.line else len(source)
        width = max(1, stop - start.column)
        return Place(self.file, start.line + 1, start.column + 1, width, source)

    def refuse(self, code: str, message: str, place: Place, remedy: str = "") -> None:
        self.problems.append(Problem(code, message, place, remedy))

    def node(self, event: Any, events: Iterator[Any], depth: int = 0) -> Node:
        place = self.place(event.start_mark, event.end_mark)
        if depth > MAX_DEPTH:
            self.refuse("E105", f"nested deeper than {MAX_DEPTH} levels", place)
            raise _RefusedError
        if isinstance(event, yaml.AliasEvent):
            self.refuse("E103", "an alias is not allowed", place, "write the value out")
            return Scalar(place, "", quoted=True)
        self.plainness(event, place)
        if isinstance(event, yaml.ScalarEvent):
            self.notice(event)
            return Scalar(place, event.value, quoted=bool(event.style))
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(place, tuple(self.items(events, depth)))
        return Table(place, tuple(self.entries(events, depth)))

    def notice(self, event: Any) -> None:
        """Keep a text whose quote may have been closed by one that was meant to open another."""
        if event.style in _QUOTES and event.end_mark.line > event.start_mark.line:
            self.long = event
        elif self.long and event.start_mark.line > self.long.end_mark.line:
            self.long = None

    def plainness(self, event: Any, place: Place) -> None:
        if event.anchor is not None:
            self.refuse("E103", "an anchor is not allowed", place, "write the value out where used")
        if event.tag is not None:
            self.refuse(
                "E104", "a tag is not allowed", place, "quote the value if it starts with '!'"
            )

    def items(self, events: Iterator[Any], depth: int) -> Iterator[Node]:
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                return
            yield self.node(event, events, depth + 1)

    def entries(self, events: Iterator[Any], depth: int) -> Iterator[Entry]:
        seen: dict[str, Place] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                return
            key = self.node(event, events, depth + 1)
            value = self.node(next(events), events, depth + 1)
            if not isinstance(key, Scalar):
                self.refuse("E107", "a key has to be a text", key.place)
            elif key.text in seen:
                first = f"first written at line {seen[key.text].line}"
                self.refuse("E102", f"duplicate key '{key.text}'", key.place, first)
            else:
                seen[key.text] = key.place
                yield Entry(key, value)


def read(text: str, file: str) -> Document:
    """Read one document. `file` is the name shown in problems. An empty text has no root."""
    text = text.removeprefix("\ufeff")
    reader = _Reader(file, text.splitlines())
    if len(text) > MAX_CHARACTERS:
        reader.refuse("E106", f"longer than {MAX_CHARACTERS} characters", Place(file, 1, 1))
        return Document(None, tuple(reader.problems))
    root: Node | None = None
    try:
        root = _document(reader, iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.MarkedYAMLError as error:
        _syntax(reader, error)
    except yaml.YAMLError:
        _character(reader)
    except _RefusedError:
        root = None
    return Document(root, tuple(reader.problems))


@dataclass(frozen=True, slots=True)
class Documents:
    """What a text of several documents holds, without the empty ones."""

    roots: tuple[Node, ...]
    problems: tuple[Problem, ...] = ()


def read_many(text: str, file: str) -> Documents:
    """Read a text that may hold several documents, separated by `---`; as `read` otherwise."""
    text = text.removeprefix("\ufeff")
    reader = _Reader(file, text.splitlines())
    roots: list[Node] = []
    if len(text) > MAX_CHARACTERS:
        reader.refuse("E106", f"longer than {MAX_CHARACTERS} characters", Place(file, 1, 1))
        return Documents((), tuple(reader.problems))
    events = iter(yaml.parse(text, Loader=_LOADER))
    try:
        roots.extend(
            reader.node(event, events) for event in events if isinstance(event, yaml.NodeEvent)
        )
    except yaml.MarkedYAMLError as error:
        _syntax(reader, error)
    except yaml.YAMLError:
        _character(reader)
    except _RefusedError:
        roots.clear()
    present = (root for root in roots if not (isinstance(root, Scalar) and not root.text))
    return Documents(tuple(present), tuple(reader.problems))


def _document(reader: _Reader, events: Iterator[Any]) -> Node | None:
    root: Node | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            place = reader.place(event.start_mark, event.end_mark)
            reader.refuse("E108", "a file holds one document", place, "put it into its own file")
            raise _RefusedError
        if isinstance(event, yaml.NodeEvent):
            root = reader.node(event, events)
    return root


def _syntax(reader: _Reader, error: yaml.MarkedYAMLError) -> None:
    """Report where a mistake begins: what is left open is missed only later, or at the end."""
    mark = error.problem_mark or error.context_mark
    words = error.problem or error.context or "cannot be read"
    opened = error.context_mark if (error.context or "").startswith(_OPEN) else None
    begun = reader.long.start_mark if reader.long else opened
    if mark and begun and begun.line < mark.line:
        what = "quote" if reader.long or "quoted" in (error.context or "") else "bracket"
        message = f"not YAML: {words} in line {mark.line + 1}"
        advice = f"is the {what} closed that is opened here?"
        reader.refuse("E101", message, reader.place(begun, begun), advice)
        return
    place = reader.place(mark, mark) if mark else Place(reader.file, 1, 1)
    reader.refuse("E101", f"not YAML: {words}", place, "check indentation, quotes and colons here")


def _character(reader: _Reader) -> None:
    for number, line in enumerate(reader.lines, 1):
        found = _REFUSED.search(line)
        if found is not None:
            place = Place(reader.file, number, found.start() + 1)
            reader.refuse("E101", "holds a character YAML does not allow", place)
            return
    reader.refuse("E101", "holds a character YAML does not allow", Place(reader.file, 1, 1))


def stretches(text: str) -> dict[tuple[int, int], tuple[int, int]]:
    """Return where the values of a text stand: line and column of each to where it begins and ends.

    For who changes a value and nothing around it. The text is one that `read_many` took.
    """
    found: dict[tuple[int, int], tuple[int, int]] = {}

    def walk(node: Any) -> int:
        start, end = node.start_mark, node.end_mark.index
        key = start.line + 1, start.column + 1
        known = found.setdefault(key, (start.index, end))
        inner = [pair[1] for pair in node.value] if isinstance(node, yaml.MappingNode) else []
        inner = node.value if isinstance(node, yaml.SequenceNode) else inner
        ends = [walk(one) for one in inner]
        if ends and not node.flow_style:  # else it reaches to what comes next
            end = ends[-1]
        end = int(start.index + len(text[start.index : end].rstrip()))
        if known == (start.index, node.end_mark.index):
            found[key] = start.index, end
        return end

    for root in yaml.compose_all(text, Loader=yaml.SafeLoader):
        walk(root)
    return found


def plain(node: Node) -> Any:
    """Return the tree as `str`, `list` and `dict`, without places."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {entry.name: plain(entry.value) for entry in node.entries}
