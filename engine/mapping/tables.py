"""Code tables: (system, code) as sent -> (system, code, display) as FHIR wants it."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.mapping.node import Fields, Node, Scalar
from engine.mapping.problem import Place, Problems

HEADER = (
    "source_system",
    "source_code",
    "target_system",
    "target_code",
    "target_display",
    "relationship",
    "comment",
)
_UNMAPPED = "# unmapped:"
POLICIES = "keep, drop, error or =code"


@dataclass(frozen=True, slots=True)
class Target:
    system: str
    code: str
    display: str = ""


@dataclass(slots=True)
class Table:
    """One table of a chain. `unmapped` is a policy, or empty: as the place needs."""

    name: str
    unmapped: str = ""
    rows: dict[tuple[str, str], Target] = field(default_factory=dict)
    folded: dict[tuple[str, str], Target] = field(default_factory=dict)
    marks: dict[tuple[str, str], Place] = field(default_factory=dict)
    _targets: frozenset[str] | None = field(default=None, compare=False, repr=False)

    def add(self, system: str, code: str, target: Target, mark: Place) -> None:
        """Add or replace a row."""
        self.rows[system, code] = target
        self.folded[system, code.casefold()] = target
        self.marks[system, code] = mark
        self._targets = None

    def targets(self) -> frozenset[str]:
        """Return all target codes; one set for all who ask."""
        if self._targets is None:
            self._targets = frozenset(target.code for target in self.rows.values())
        return self._targets

    def find(self, system: str, code: str) -> Target | None:
        """Look up with the system, then without; exactly, then ignoring case."""
        found = self.rows.get((system, code)) or self.rows.get(("", code))
        if found is None and code:
            folded = code.casefold()
            found = self.folded.get((system, folded)) or self.folded.get(("", folded))
        return found

    def systems(self) -> list[str]:
        """Target systems, most frequent first."""
        counts: dict[str, int] = {}
        for target in self.rows.values():
            counts[target.system] = counts.get(target.system, 0) + 1
        return sorted(counts, key=lambda name: -counts[name])

    def copy(self) -> "Table":
        return Table(self.name, self.unmapped, dict(self.rows), dict(self.folded), dict(self.marks))


def is_policy(text: str) -> bool:
    """Whether a text says what becomes of a code without a row."""
    return text in {"keep", "drop", "error"} or text.startswith("=")


def _policy(text: str, place: Place, problems: Problems) -> str:
    if is_policy(text):
        return text
    problems.report("E211", place, "unknown rule for unmapped codes", POLICIES)
    return ""


def read_csv(table: Table, file: str, text: str, problems: Problems) -> None:
    """Add the rows of one CSV file to a table."""
    sheet = _Sheet(file, text.removeprefix("\ufeff").split("\n"), problems)
    start = 0
    first = sheet.lines[0].strip()
    if first.startswith("#"):
        policy = first.removeprefix(_UNMAPPED).strip().rstrip(",")
        table.unmapped = _policy(policy, sheet.place(1), problems) or table.unmapped
        start = 1
    rows = sheet.rows(start)
    place, header = next(rows, (sheet.place(start + 1), []))
    if tuple(name.strip() for name in header[: len(HEADER)]) != HEADER:
        problems.report("E211", place, "not a code table", "the header is " + ",".join(HEADER))
        return
    seen: dict[tuple[str, str], Place] = {}
    for place, row in rows:
        if len(row) < 4 or not row[1].strip() or not row[3].strip():
            problems.report("E211", place, "a row needs a source code and a target code")
            continue
        cells = [cell.strip() for cell in (*row, "", "")]
        known = seen.setdefault((cells[0], cells[1]), place)
        if known is not place:
            advice = f"the first is in line {known.line}: keep one of them"
            problems.report("E215", place, f"a second row for the code '{cells[1]}'", advice)
        table.add(cells[0], cells[1], Target(cells[2], cells[3], cells[4]), place)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The lines of a CSV file. A row is one line: a quote left open would swallow the next ones."""

    file: str
    lines: list[str]
    problems: Problems

    def place(self, number: int) -> Place:
        """Return the place of a line; numbers count from 1."""
        source = self.lines[number - 1].rstrip("\r") if number <= len(self.lines) else ""
        return Place(self.file, number, 1, max(1, len(source)), source)

    def rows(self, start: int) -> Iterator[tuple[Place, list[str]]]:
        """Yield the rows behind the first lines that hold something."""
        for number, line in enumerate(self.lines[start:], start + 1):
            try:
                row = next(csv.reader([line], strict=True), [])
            except csv.Error:
                message = "a quote is not closed, or stands inside a cell"
                self.problems.report("E211", self.place(number), message, 'write it twice: ""')
                continue
            if "".join(row).strip():
                yield self.place(number), row


def read_document(table: Table, document: Fields, problems: Problems) -> None:
    """Add the rows of a `kind: codemap` document to a table.

    A key is `code` or `system|code`, a target `code` or `system|code|display`; without a system it
    has the document's.
    """
    policy = document.get("unmapped")
    if isinstance(policy, Scalar):
        table.unmapped = _policy(policy.text, policy.mark, problems) or table.unmapped
    system = document.get("system")
    usual = system.text if isinstance(system, Scalar) else ""
    codes = document.get("codes")
    if not isinstance(codes, Fields):
        problems.report("E113", document.mark, "'codes' is a mapping of source to target codes")
        return
    for key, value in codes.entries:
        target = _target(value, usual)
        if target is None:
            problems.report("E211", value.mark, "a target is `code` or `system|code|display`")
            continue
        origin, _, code = key.text.rpartition("|")
        table.add(origin, code, target, key.mark)


def _target(value: Node, usual: str) -> Target | None:
    parts = value.text.split("|") if isinstance(value, Scalar) else []
    if len(parts) == 1 and parts[0]:
        return Target(usual, parts[0])
    return Target(*parts) if len(parts) in {2, 3} and parts[1] else None
