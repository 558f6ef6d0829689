"""What the sender finds beside a file: the run record, and the rejected rows to be mended.

Both hold or point to patients' data, so they lie where the file lies and nowhere else.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from channels.csv_sftp.reading import Survey
from engine.formats.delimited.table import LINE, REASON, Row

RUN, REJECTED = ".run.json", ".rejected.csv"


@dataclass(frozen=True, slots=True)
class Run:
    """The account of one file: rows = submitted + rejected, unless `code` refused it whole."""

    feed: str
    file: str
    started: str  # instant
    seconds: float = 0.0
    sha256: str = ""
    encoding: str = ""
    lines: int = 0
    blank: int = 0
    rows: int = 0
    submitted: int = 0  # rows that are on disk; those seen before are found to be duplicates later
    rejected: int = 0
    code: str = ""  # why the file was refused whole
    where: str = ""
    extra_columns: tuple[str, ...] = field(default=())
    same_as: str = ""  # name of the file before, when every byte is the same

    @property
    def is_clean(self) -> bool:
        """Whether every row was taken."""
        return not self.code and not self.rejected

    def surveyed(self, found: Survey) -> "Run":
        return replace(
            self,
            sha256=found.sha256,
            encoding=found.encoding,
            lines=found.lines,
            blank=found.blank,
            rows=found.rows,
            extra_columns=found.extra,
        )

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False) + "\n", encoding="utf-8")


class RejectFile:
    """Rejected rows as they came, with line and reason after them; mended, it can be sent again."""

    def __init__(self, path: Path, found: Survey) -> None:
        self._path = path
        self._found = found
        self._header = tuple(name for name in found.header if name not in {LINE, REASON})
        self._begun = False

    @property
    def begun(self) -> bool:
        return self._begun

    def add(self, rows: Sequence[tuple[Row, str, str]]) -> None:
        """Append rows with code and column. Blocking."""
        encoding = self._found.encoding.replace("utf-8-sig", "utf-8")
        with self._path.open("a", encoding=encoding, newline="") as out:
            writer = csv.writer(out, delimiter=self._found.delimiter)
            if not self._begun:
                writer.writerow([*self._header, LINE, REASON])
                self._begun = True
            for row, code, column in rows:
                cells = list(row.cells[: len(self._header)])
                cells += [""] * (len(self._header) - len(cells))
                writer.writerow([*cells, row.line, f"{code} {column}".strip()])
