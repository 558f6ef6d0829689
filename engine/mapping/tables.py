"""Code tables: (system, code) as sent -> (system, code, display) as FHIR wants it."""

import csv
import io
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Target:
    system: str
    code: str
    display: str = ""


@dataclass(slots=True)
class Table:
    """One table of a chain. `unmapped` is keep, drop, `=code`, or empty: as the place needs."""

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


def _policy(line: str, file: str, problems: Problems) -> str:
    policy = line.removeprefix(_UNMAPPED).strip().rstrip(",")
    if policy in {"keep", "drop"} or policy.startswith("="):
        return policy
    advice = "keep, drop or =code"
    problems.report("E211", Place(file, 1, 1, len(line)), "unknown rule for unmapped codes", advice)
    return ""


def read_csv(table: Table, file: str, text: str, problems: Problems) -> None:
    """Add the rows of one CSV file to a table."""
    first, _, rest = text.removeprefix("\ufeff").partition("\n")
    start = 1
    if first.startswith("#"):
        table.unmapped = _policy(first.strip(), file, problems) or table.unmapped
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
