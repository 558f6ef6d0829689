"""What a mapping leaves out on purpose, with the reason: `ignore:` of overlays, csv and fhir files.

A field that a rule reads cannot be ignored, unless the rule stands in a later layer: that one has
thought better of it. Knows nothing of messages.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.mapping.documents import Effective, text_at
from engine.mapping.grammar import Reads, closest
from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.problem import Place, Problems
from engine.mapping.vocabulary import Declared, field_types
from engine.r4 import elements

Reading = dict[str, list[tuple[str, Place]]]  # what is named -> what is read of it, and where
_FIELD = re.compile(r"([A-Z][A-Z0-9]{2})(?:-([1-9]\d*))?")


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that is left out: a segment, a field, a column or an element."""

    reason: str
    place: Place


class _Check:
    def __init__(self, chain: tuple[str, ...], declared: Declared, problems: Problems) -> None:
        self._chain = chain
        self._declared = declared
        self._problems = problems

    def reason(self, name: Scalar, node: Node) -> Ignored | None:
        text = node.text.strip() if isinstance(node, Scalar) else ""
        if not text:
            message = f"'{name.text}' is ignored without a reason"
            self._problems.report("E113", name.mark, message, 'e.g. PID-1: "number in the message"')
            return None
        return Ignored(text, name.mark)

    def field(self, name: Scalar) -> bool:
        """Whether there is such a segment or field. Of Z segments nobody knows the fields."""
        found = _FIELD.fullmatch(name.text)
        if found is None:
            message = f"'{name.text}' is no field of a message"
            self._problems.report("E202", name.mark, message, "as PID-18, ZPD-4 or a segment: ZPD")
            return False
        segment, number = found[1], int(found[2] or 0)
        fields = field_types(segment, self._declared)
        if segment.startswith("Z") or (fields and (not number or number in fields)):
            return True
        message = f"unknown field {name.text}" if fields else f"unknown segment '{segment}'"
        advice = (
            f"{segment} has {max(fields)} fields" if fields else "names as in the HL7 dictionary"
        )
        self._problems.report("E202", name.mark, message, advice)
        return False

    def unused(self, name: Scalar, reading: Reading) -> bool:
        """Whether no rule of the layer or of those below reads it."""
        layer = self._layer(name.mark.file)
        for known, place in reading.get(name.text, ()):
            if self._layer(place.file) <= layer:
                message = f"{name.text} is ignored, and a rule reads {known}"
                self._problems.report("E280", name.mark, message, f"the rule: {place}")
                return False
        return name.text not in reading

    def _layer(self, file: str) -> int:
        fitting = [n for n, layer in enumerate(self._chain) if file.startswith(f"{layer}/")]
        return max(fitting, default=-1)


def collected(
    effective: Effective, chain: tuple[str, ...], read: Mapping[str, Reads], problems: Problems
) -> dict[str, Ignored]:
    """Return everything ignored by name: `PID-1`, `ZPD`, `patients.Zip`, `Observation.text`.

    `read` says what the rules of messages (under the empty name) and of each feed read.
    """
    check = _Check(chain, effective.segments, problems)
    found: dict[str, Ignored] = {}
    fields = _reading(read.get("", {}))
    for name, node in effective.ignored.values():
        ignored = check.reason(name, node) if check.field(name) else None
        if ignored and check.unused(name, fields):
            found[name.text] = ignored
    for feed, name, called, node in _of_feeds(effective, problems):
        ignored = check.reason(name, node)
        if ignored and check.unused(name, _reading(read.get(feed, {}))):
            found[called] = ignored
    return found


def _of_feeds(effective: Effective, problems: Problems) -> Iterator[tuple[str, Scalar, str, Node]]:
    """Yield what feeds ignore: the feed, the name, what coverage calls it, the reason."""
    for feed, document in effective.feeds.items():
        columns = document.get("columns")
        known = columns.keys() if isinstance(columns, Fields) else []
        for name, node in _entries(document, known, "column", problems):
            yield feed, name, f"{feed}.{_header(columns, name.text)}", node
    for feed, document in effective.sent.items():
        kind = text_at(document, "from")
        names = list(elements.children(kind)) if kind in elements.resource_types() else []
        for name, node in _entries(document, names, "element", problems):
            yield feed, name, f"{kind}.{name.text}", node


def _reading(read: Reads) -> Reading:
    """Return the rules that read a field, by the field and by its segment."""
    found: Reading = {}
    for known, places in read.items():
        for name in {known, known.partition("-")[0]}:
            found.setdefault(name, []).extend((known, place) for place in places.values())
    return found


def _entries(
    document: Fields, names: list[str], what: str, problems: Problems
) -> list[tuple[Scalar, Node]]:
    node = document.get("ignore")
    if node is not None and not isinstance(node, Fields):
        problems.report("E113", node.mark, f"ignore is {{{what}: reason}}")
    found = []
    for name, value in node.entries if isinstance(node, Fields) else ():
        if name.text in names:
            found.append((name, value))
            continue
        code = "E250" if what == "column" else "E203"
        problems.report(code, name.mark, f"no {what} '{name.text}'", closest(name.text, names))
    return found


def _header(columns: Node | None, name: str) -> str:
    """Return what the column is called in files."""
    column = columns.get(name) if isinstance(columns, Fields) else None
    return (text_at(column, "header") if isinstance(column, Fields) else "") or name
