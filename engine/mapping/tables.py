"""Code tables: (system, code) as sent -> (system, code, display) as FHIR wants it."""

import csv
import io
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

    def add(self, system: str, code: str, target: Target, mark: Place) -> None:
        """Add or replace a row."""
        self.rows[system, code] = target
        self.folded[system, code.casefold()] = target
        self.marks[system, code] = mark

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
    first, _, rest = text.removeprefix("\ufeff").partition("\n")
    start = 1
    if first.startswith("#"):
        policy = first.strip().removeprefix(_UNMAPPED).strip().rstrip(",")
        place = Place(file, 1, 1, len(first.strip()))
        table.unmapped = _policy(policy, place, problems) or table.unmapped
        text, start = rest, 2
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = next(rows, [])
    if tuple(name.strip() for name in header[: len(HEADER)]) != HEADER:
        advice = "the header is " + ",".join(HEADER)
        problems.report("E211", Place(file, start, 1), "not a code table", advice)
        return
    for row in rows:
        mark = Place(file, start + rows.line_num - 1, 1)
        if not row or not "".join(row).strip():
            continue
        if len(row) < 4 or not row[1].strip() or not row[3].strip():
            problems.report("E211", mark, "a row needs a source code and a target code")
            continue
        cells = [cell.strip() for cell in (*row, "", "")]
        table.add(cells[0], cells[1], Target(cells[2], cells[3], cells[4]), mark)


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
