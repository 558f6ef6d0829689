"""Rows of a sheet brought into the code tables of a site's layer: checked first, then as new texts.

Pure: texts in, texts out. A row without a target code is still to be filled in and changes nothing.
The rule for unmapped codes and the rows nobody touched stay as they are.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from engine.core.problem import Place, Problem, suggestion
from engine.mapping.tables import HEADER, Table
from engine.survey.sheet import Line

CODE = "E211"
_ROUNDED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_POLICY = "#"
_SOURCE = slice(0, 2)
Key = tuple[str, str]


@dataclass(slots=True)
class Incoming:
    """What a sheet says: rows by table, and what is to be told about it."""

    rows: dict[str, dict[Key, tuple[Line, tuple[str, ...]]]] = field(default_factory=dict)
    open: int = 0  # rows without a target yet
    restored: list[str] = field(default_factory=list)  # codes put back, as `file:line`
    problems: list[Problem] = field(default_factory=list)


def incoming(
    lines: Iterable[Line], file: str, tables: Mapping[str, Table], usual: str = ""
) -> Incoming:
    """Check the lines of a sheet; `usual` is the table of a sheet without such a column."""
    found = Incoming()
    for line in lines:
        _Take(found, file, tables, usual).line(line)
    return found


class _Take:
    def __init__(self, found: Incoming, file: str, tables: Mapping[str, Table], usual: str) -> None:
        self._found = found
        self._file = file
        self._tables = tables
        self._usual = usual

    def line(self, line: Line) -> None:
        name = line.get("table") or self._usual
        if not line.get("target_code"):
            self._found.open += 1
            return
        table = self._tables.get(name)
        if table is None:
            advice = suggestion(name, self._tables) or "tables are codes/<name>.csv"
            self._wrong(line, f"no code table '{name}' in the chain", advice)
            return
        line = self._as_sent(line)
        if self._sound(line):
            self._keep(table, line)

    def _as_sent(self, line: Line) -> Line:
        """Put back what the spreadsheet made of a code."""
        if not line.sent or line.sent == line.get("source_code"):
            return line
        self._found.restored.append(f"{self._file}:{line.number}")
        return replace(line, cells={**line.cells, "source_code": line.sent})

    def _sound(self, line: Line) -> bool:
        code = line.get("source_code")
        if not code:
            self._wrong(line, "the row has no source code")
            return False
        for name in ("source_code", "target_code"):
            if _ROUNDED.fullmatch(line.get(name)) and not line.sent:
                advice = "give the column the format Text and write the code again"
                self._wrong(line, f"{name} was rounded by a spreadsheet", advice)
                return False
        return True

    def _keep(self, table: Table, line: Line) -> None:
        if _eaten(line, table):
            advice = "write the code as the sender does, in a column of the format Text"
            self._wrong(line, "a spreadsheet may have taken leading zeros away", advice)
            return
        systems = table.systems()
        system = line.get("target_system") or (systems[0] if systems else "")
        key = (line.get("source_system"), line.get("source_code"))
        target = (system, *(line.get(n) for n in ("target_code", "target_display")))
        row = (*key, *target, *(line.get(n) for n in ("relationship", "comment")))
        rows = self._found.rows.setdefault(table.name, {})
        known = rows.get(key)
        if known is not None and known[1] != row:
            self._wrong(line, "the same code again with another target", f"see {_at(known[0])}")
            return
        rows[key] = (line, row)

    def _wrong(self, line: Line, message: str, advice: str = "") -> None:
        place = Place(self._file, line.number, 1)
        self._found.problems.append(Problem(CODE, message, place, advice))


def _at(line: Line) -> str:
    return f"line {line.number}"


def _eaten(line: Line, table: Table) -> bool:
    """Whether a row that was added names a number the table knows with leading zeros only."""
    code = line.get("source_code")
    if line.sent or not code.isdigit() or table.find(line.get("source_system"), code):
        return False
    return any(known != code and known.lstrip("0") == code for _, known in table.rows)


def merged(text: str, rows: Mapping[Key, tuple[Line, tuple[str, ...]]]) -> str:
    """Return the text of a table with rows replaced where they stand, and new ones at the end."""
    policy, body = "", text.removeprefix("\ufeff")
    if body.startswith(_POLICY):
        policy, _, body = body.partition("\n")
        policy = policy.rstrip("\r,") + "\n"
    kept = list(csv.reader(io.StringIO(body)))[1:]
    left = {key: row for key, (_, row) in rows.items()}
    found = [_row(left, cells) for cells in kept if "".join(cells).strip()]
    found += [left[key] for key in sorted(left)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(found)
    return policy + out.getvalue()


def _row(left: dict[Key, tuple[str, ...]], cells: list[str]) -> tuple[str, ...]:
    """Take the new row of a code when there is one."""
    system, code = (cell.strip() for cell in (*cells, "")[_SOURCE])
    return left.pop((system, code), None) or tuple(cells)
