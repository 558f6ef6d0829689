"""The effective mapping as text: YAML to read, with the file and line that each row comes from.

What an overlay changed shows the overlay's line. Reading the text again gives the same tree. Pure.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.mapping import overlay
from engine.mapping.documents import Effective, listed, text_at
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.problem import Place
from engine.mapping.tables import Table

WIDTH = 100
_BLOCK_PLAIN = re.compile(r"[\w$(/.+][^#:\"'\n]*(?<! )|=[^#:\"'\n]*(?<! )")
_FLOW_SPECIAL = re.compile(r"[,\[\]{}]")
_Origin = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the effective mapping and where it was written."""

    text: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a chain that has a name: a document or a code table."""

    name: str
    kind: str
    files: tuple[str, ...]  # the defining one first, then those that changed it


def entries(effective: Effective) -> list[Entry]:
    """List what a chain holds, by kind and name."""
    kinds = {
        "message": effective.messages,
        "resource": effective.resources,
        "csv": effective.feeds,
        "fhir": effective.sent,
    }
    found = [
        Entry(name, kind, _files(document))
        for kind, documents in kinds.items()
        for name, document in sorted(documents.items())
    ]
    identity = _identity(effective)
    found.append(Entry("identity", "identity", _files(identity)))
    return [*found, *(Entry(name, "table", _files_of(t)) for name, t in sorted(_tables(effective)))]


def _tables(effective: Effective) -> Iterator[tuple[str, Table]]:
    yield from effective.tables.items()


def _files_of(table: Table) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mark.file for mark in table.marks.values()))


def _files(node: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys((node.mark.file, *(file for file, _ in _origins(node)))))


def _origins(node: Node) -> Iterator[_Origin]:
    """Yield file and line of a node and of all below it."""
    yield node.mark.file, node.mark.line
    if isinstance(node, Items):
        for item in node.items:
            yield from _origins(item)
    elif isinstance(node, Fields):
        for key, value in node.entries:
            yield key.mark.file, key.mark.line
            yield from _origins(value)


def _identity(effective: Effective) -> Fields:
    """Return the identity document of a chain as one, whatever the layers it comes from."""
    rows = [(Scalar(name, node.mark), node) for name, node in effective.identity.items()]
    assigners = tuple(effective.assigners.values())
    if assigners:
        key = Scalar("assigners", assigners[0][0].mark)
        rows.append((key, Fields(assigners, key.mark)))
    mark = rows[0][0].mark if rows else Place("", 1, 1)
    return Fields(tuple(rows), mark)


def find(effective: Effective, name: str) -> Node | Table | None:
    """Find what a name means, `PID-Patient`, `PID-Patient.identifier.list`, a table, `identity`.

    The path walks as those of overlays do: element names, labels of lists, switch cases, and `$`
    before a key of the resource document.
    """
    first, *path = name.split(".")
    if first in effective.resources:
        return _in_resource(effective.resources[first], path)
    for documents in (effective.messages, effective.feeds, effective.sent):
        if first in documents:
            return overlay.found(documents[first], path)
    if first == "identity":
        return overlay.found(_identity(effective), path)
    return None if path else effective.tables.get(first)


def _in_resource(document: Fields, path: list[str]) -> Node | None:
    if not path:
        return document
    if path[0].startswith("$"):
        return overlay.found(document, [path[0][1:], *path[1:]])
    return overlay.found(document.get(text_at(document, "to")), path)


def rows(node: Node) -> list[Row]:
    """Return a node as lines of YAML with the place each was written at."""
    return list(_block(node, 0))


def table_rows(table: Table) -> list[Row]:
    """Return the rows of a code table, as `code -> target`."""
    found = []
    for (system, code), target in table.rows.items():
        mark = table.marks[system, code]
        left = f"{system}|{code}" if system else code
        right = "|".join(part for part in (target.system, target.code, target.display) if part)
        found.append(Row(f"{left} -> {right}", mark.file, mark.line))
    return found


def _block(node: Node, indent: int) -> Iterator[Row]:
    if isinstance(node, Scalar):
        yield Row(" " * indent + _scalar(node, flow=False), node.mark.file, node.mark.line)
    elif isinstance(node, Items):
        for item in node.items:
            yield from _item(item, indent)
    else:
        for key, value in node.entries:
            yield from _entry(f"{_scalar(key, flow=False)}:", key.mark, value, indent)


def _item(item: Node, indent: int) -> Iterator[Row]:
    if isinstance(item, Scalar) or _short(item, indent + 2) is not None:
        yield from _entry("-", item.mark, item, indent)
        return
    inner = iter(_block(item, indent + 2))
    first = next(inner)
    yield Row(f"{' ' * indent}- {first.text.lstrip()}", first.file, first.line)
    yield from inner


def _entry(head: str, mark: Place, value: Node, indent: int) -> Iterator[Row]:
    lead = " " * indent + head
    if isinstance(value, Scalar):
        yield Row(f"{lead} {_scalar(value, flow=False)}", value.mark.file, value.mark.line)
        return
    short = _short(value, len(lead) + 1)
    if short is not None:
        yield Row(f"{lead} {short}", value.mark.file, value.mark.line)
        return
    yield Row(lead, mark.file, mark.line)
    yield from _block(value, indent + 2)


def _short(node: Items | Fields, used: int) -> str | None:
    """Return a node on one line when all of it comes from one line, and it fits."""
    text = _flow(node)
    if not listed(node) or (isinstance(node, Fields) and not node.entries):
        return text
    return text if len(set(_origins(node))) == 1 and used + len(text) <= WIDTH else None


def _flow(node: Node) -> str:
    if isinstance(node, Scalar):
        return _scalar(node, flow=True)
    if isinstance(node, Items):
        return f"[{', '.join(_flow(item) for item in node.items)}]"
    inner = (f"{_scalar(key, flow=True)}: {_flow(value)}" for key, value in node.entries)
    return f"{{{', '.join(inner)}}}"


def _scalar(node: Scalar, *, flow: bool) -> str:
    """Write a text without quotes where it may stand so."""
    text = node.text
    if _BLOCK_PLAIN.fullmatch(text) and not (flow and _FLOW_SPECIAL.search(text)):
        return text
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)
