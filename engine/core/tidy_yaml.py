"""One way to lay out the YAML that people write: indentation, blanks, line width; words untouched.

What is written in blocks stays in blocks; what is in brackets stays there while it fits one line
of `WIDTH` characters, and becomes a block where it does not. Comments stay with what follows them,
or at the end of their line. Scalars keep their spelling and quotes. Pure: text in, text out.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from engine.core import strict_yaml

WIDTH = 120
_COMMENT = re.compile(r"(?m)(?:^|(?<=[ \t]))#[^\n]*")
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotTidiedError(ValueError):
    """The text cannot be laid out without changing what it says."""


@dataclass(frozen=True, slots=True)
class _Scalar:
    text: str  # as it is to be written; of a block text its header
    start: int
    end: int
    line: int
    body: tuple[str, ...] | None = None  # lines of a block text, without indentation


@dataclass(frozen=True, slots=True)
class _Group:
    """A list or a mapping; items are (key, value), of a list without key."""

    items: "tuple[tuple[_Scalar | None, _Node], ...]"
    start: int
    end: int
    line: int
    flow: bool
    listed: bool


_Node = _Scalar | _Group


def tidied(text: str) -> str:
    """Lay a text out. It has to be free of problems for `strict_yaml.read_many`.

    NotTidiedError where the result would not say the same, comments included.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found = _Writer(text).written()
    if _said(found) != _said(text) or _comments(found) != _comments(text):
        raise NotTidiedError
    return found


def _said(text: str) -> list[Any]:
    roots = strict_yaml.read_many(text, "").roots
    return [strict_yaml.plain(root) for root in roots]


def _comments(text: str) -> list[str]:
    return [one.rstrip() for _, one in _placed_comments(text, list(_spans(text)))]


def _events(text: str) -> Iterator[Any]:
    return iter(yaml.parse(text, Loader=_LOADER))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where scalars begin and end."""
    for event in _events(text):
        if isinstance(event, yaml.ScalarEvent):
            start: Any = event.start_mark
            end: Any = event.end_mark
            yield start.index, end.index


def _placed_comments(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, str]]:
    starts = [start for start, _ in spans]
    found = []
    for match in _COMMENT.finditer(text):
        before = bisect_left(starts, match.start() + 1) - 1
        if before < 0 or spans[before][1] <= match.start():
            found.append((match.start(), match[0].rstrip()))
    return found


class _Reader:
    """Builds what is to be written from the parser's events."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._events = _events(text)

    def documents(self) -> Iterator[tuple[int, _Node]]:
        """Yield each root and the line on which its document begins."""
        line = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                mark: Any = event.start_mark
                line = mark.line
            elif isinstance(event, yaml.NodeEvent):
                yield line, self._node(event)

    def _node(self, event: Any) -> _Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        listed = isinstance(event, yaml.SequenceStartEvent)
        items: list[tuple[_Scalar | None, _Node]] = []
        for inner in self._events:
            if isinstance(inner, yaml.CollectionEndEvent):
                last: Any = inner.end_mark
                break
            key = None if listed else self._node(inner)
            value = self._node(inner if listed else next(self._events))
            items.append((key if isinstance(key, _Scalar) else None, value))
        mark, flow = event.start_mark, bool(event.flow_style)
        return _Group(tuple(items), mark.index, last.index, mark.line, flow, listed)

    def _scalar(self, event: Any) -> _Scalar:
        start, end = event.start_mark, event.end_mark
        source = self._text[start.index : end.index]
        place = start.index, end.index, start.line
        if event.style in {"|", ">"}:
            head, _, body = source.partition("\n")
            lines = _unindented(body.rstrip("\n").split("\n"))
            return _Scalar(head.partition("#")[0].strip(), *place, lines)
        if "\n" in source:  # folded by hand: one line says the same
            return _Scalar(json.dumps(event.value, ensure_ascii=False), *place)
        return _Scalar(source.rstrip(), *place)


def _unindented(lines: list[str]) -> tuple[str, ...]:
    """Take the indentation of the first line that has text off all lines."""
    first = next((line for line in lines if line.strip()), "")
    width = len(first) - len(first.lstrip(" "))
    return tuple(line[width:] for line in lines)


class _Writer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._comments = _placed_comments(text, list(_spans(text)))
        self._next = 0  # the first comment that is not written yet
        self._out: list[str] = []

    def written(self) -> str:
        for number, (line, root) in enumerate(_Reader(self._text).documents()):
            if number:
                self._ahead(self._index(line), 0)
                self._out.append("---")
            self._block(root, 0)
        self._ahead(len(self._text), 0)
        return "\n".join(self._out).strip("\n") + "\n"

    def _index(self, line: int) -> int:
        return sum(len(one) + 1 for one in self._lines[:line])

    def _ahead(self, index: int, indent: int) -> bool:
        """Write the comments that stand before a place, each on a line; say if there were any."""
        first = self._next
        while self._next < len(self._comments) and self._comments[self._next][0] < index:
            start, comment = self._comments[self._next]
            self._gap(self._text.count("\n", 0, start))
            self._out.append(" " * indent + comment)
            self._next += 1
        return self._next > first

    def _gap(self, line: int) -> None:
        """Keep one blank line where there was any."""
        if line and not self._lines[line - 1].strip() and self._out and self._out[-1]:
            self._out.append("")

    def _behind(self, line: int, comment_end: int) -> str:
        """Return the comment at the end of a line of the source, as it is to be written."""
        found = ""
        while self._next < len(self._comments):
            start, comment = self._comments[self._next]
            if start > comment_end or self._text.count("\n", 0, start) != line:
                break
            found += f"  {comment}"
            self._next += 1
        return found

    def _block(self, node: _Node, indent: int) -> None:
        """Write what stands on lines of its own."""
        if isinstance(node, _Scalar):
            self._out.append(" " * indent + node.text)
            return
        for number, (key, value) in enumerate(node.items):
            start = value if key is None else key
            if self._ahead(start.start, indent) or number:
                self._gap(start.line)
            if key is None:
                self._item(value, indent)
            else:
                self._entry(key.text + ":", key, value, indent)

    def _item(self, value: _Node, indent: int) -> None:
        if isinstance(value, _Scalar) or self._one_line(value, WIDTH - indent - 2) is not None:
            self._entry("-", value, value, indent)
            return
        if self._wrapped(value):
            self._entry("-", value, value, indent)
            return
        behind = self._behind(value.line, value.start)
        at = len(self._out)
        self._block(value, indent + 2)
        line = self._out[at]
        self._out[at] = f"{' ' * indent}- {line[indent + 2 :]}{behind}"

    def _entry(self, head: str, start: _Node, value: _Node, indent: int) -> None:
        lead = " " * indent + head
        if isinstance(value, _Scalar):
            behind = self._behind(start.line, len(self._text))
            self._out.append(f"{lead} {value.text}".rstrip() + behind)
            inner = " " * (indent + 2)
            self._out += [f"{inner}{line}".rstrip() for line in value.body or ()]
            return
        short = self._one_line(value, WIDTH - len(lead) - 1)
        if short is not None:
            self._out.append(f"{lead} {short}{self._behind(value.line, len(self._text))}")
        elif self._wrapped(value):
            self._wrap(lead, value, indent)
        else:
            limit = value.start if self._commented(value) else len(self._text)
            self._out.append(lead + self._behind(start.line, limit))
            self._block(value, indent + 2)

    def _one_line(self, node: _Group, room: int) -> str | None:
        """Return brackets on one line when they were brackets, hold no comment and fit."""
        if not node.flow or self._commented(node):
            return None
        found = _flow(node)
        return found if len(found) <= room else None

    def _commented(self, node: _Group) -> bool:
        return any(node.start < start < node.end for start, _ in self._comments[self._next :])

    def _wrapped(self, node: _Group) -> bool:
        """Whether a node is a list of words too long for a line."""
        words = all(isinstance(value, _Scalar) for _, value in node.items)
        return node.flow and node.listed and words and not self._commented(node)

    def _wrap(self, lead: str, node: _Group, indent: int) -> None:
        line, behind = f"{lead} [", self._behind(node.line, len(self._text))
        for number, (_, value) in enumerate(node.items):
            word = _flow(value) + ("]" if number == len(node.items) - 1 else ",")
            if len(line) + len(word) + 1 > WIDTH:
                self._out.append(line.rstrip() + behind)
                line, behind = " " * (indent + 2), ""
            line += word if line[-1] in "[ " else f" {word}"
            line += "" if word.endswith("]") else " "
        self._out.append(line.rstrip() + behind)


def _flow(node: _Node) -> str:
    if isinstance(node, _Scalar):
        return node.text
    items = [
        _flow(value) if key is None else f"{key.text}: {_flow(value)}".rstrip()
        for key, value in node.items
    ]
    return f"[{', '.join(items)}]" if node.listed else f"{{{', '.join(items)}}}"
