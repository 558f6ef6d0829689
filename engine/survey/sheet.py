"""Crosswalks as the spreadsheet analysts work in: a CSV with what is known, and what is missing.

A spreadsheet changes what looks like a number or a date: `007` becomes 7, `1-2` a day. So each
code stands once more in brackets, where no program touches it, and is put back from there. What
comes back may have a byte order mark, another character set, `;` or tabs, and CRLF (RFC 4180 is
silent about all of them).
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.core.fault import Category, refuse

ROW = (
    *("source_system", "source_code", "target_system", "target_code", "target_display"),
    *("relationship", "comment"),
)
SENT = "sent"
COLUMNS = (*("table", *ROW, SENT), *("text", "element", "seen", "first", "last", "channels"))
_NEEDED = frozenset({"source_code", "target_code"})
_DELIMITERS = ",;\t|"
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_SEPARATOR_LINE = re.compile(r"sep=.\r?\n")
_FORMULA = ("=", "+", "-", "@", "\t")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a sheet: `number` is its line, `cells` by the names of the columns."""

    number: int
    cells: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.cells.get(name, "")

    @property
    def sent(self) -> str:
        """Return the code as it was sent, empty for a row somebody has added."""
        text = self.get(SENT)
        return text[1:-1] if len(text) > 2 and text[0] == "[" and text[-1] == "]" else ""


def written(rows: Iterable[Mapping[str, str]], delimiter: str = ",") -> bytes:
    """Write a sheet: UTF-8 with a mark, lines with CRLF, as spreadsheets want it.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, delimiter=delimiter, lineterminator="\r\n", restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return text.getvalue().encode("utf-8-sig")


def _harmless(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _plain(value: str) -> str:
    value = value.strip()
    harmed = value.startswith("'") and value[1:].startswith(_FORMULA)
    return value[1:] if harmed else value


def read(data: bytes, file: str) -> list[Line]:
    """Read a sheet or a code table. FaultError `sheet-unreadable` or `sheet-columns`."""
    text = _decoded(data, file)
    start = 1
    while text.startswith("#") or _SEPARATOR_LINE.match(text):
        _, _, text = text.partition("\n")
        start += 1
    return list(_lines(text, start, file))


def _decoded(data: bytes, file: str) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    for attempt in (encoding, "cp1252"):
        try:
            return data.decode(attempt)
        except UnicodeDecodeError:
            continue
    message = "the file is in no character set that spreadsheets write"
    raise refuse(Category.INVALID, "sheet-unreadable", message, file)


def _lines(text: str, start: int, file: str) -> Iterator[Line]:
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip().casefold() for name in next(rows, [])]
    if not set(names) >= _NEEDED:
        message = f"the first line has to name the columns: {', '.join(ROW)}"
        raise refuse(Category.INVALID, "sheet-columns", message, f"{file}:{start}")
    before = rows.line_num
    for row in rows:
        number, before = start + before, rows.line_num
        if any(cell.strip() for cell in row):
            yield Line(number, dict(zip(names, map(_plain, row), strict=False)))
