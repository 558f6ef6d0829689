"""Lines of text to rows, strictly, in constant memory, held against a contract.

Follows RFC 4180 with the contract's delimiter and quote. Columns are found by name, never by place.
What makes the whole file doubtful (an unclosed quote, a missing column, a wrong count) is raised
with its line number and nothing of the file is to be used; what concerns one row is that row's.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.core.fault import Category, FaultError, refuse
from engine.formats.delimited.cell import CellError, cell
from engine.formats.delimited.contract import AUTO, DELIMITERS, Contract

MAX_LINE = 1 << 20  # characters; a longer line is no line of a table
MAX_COLUMNS = 2_000
REASON, LINE = "concord_reason", "concord_line"  # columns of a reject file; ignored when it returns

Readline = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` counts rows from 1, `line` is where it begins in the file.

    `code` says why the row is rejected, `column` where; both are empty for a good one.
    """

    number: int
    line: int
    cells: tuple[str, ...]
    code: str = ""
    column: str = ""


@dataclass(slots=True)
class Count:
    """What was read: lines = rows' own + header + blank (a row may have several)."""

    lines: int = 0
    rows: int = 0
    blank: int = 0


class Table:
    """The rows of one file. `header` and `extra` are known once it is made.

    FaultError while it is made or read: the file is to be refused whole.
    """

    def __init__(self, readline: Readline, contract: Contract, *, deleting: bool = False) -> None:
        self.count = Count()
        self._contract = contract
        self._lines = _Lines(readline, self.count)
        first = self._first()
        self.delimiter = _delimiter(first, contract)
        self._reader = self._opened(first)
        self.header = self._header()
        self._checks = _checks(self.header, contract, deleting=deleting)
        self.extra = _extra(self.header, contract)

    @property
    def is_empty(self) -> bool:
        """A file without a header: a table that has no rows may come as one."""
        return not self.header

    def __iter__(self) -> Iterator[Row]:
        if self.is_empty:
            return
        contract = self._contract
        closed = False
        while (record := self._record()) is not None:
            line, cells, code = record
            if not code and not any(cells):
                self.count.blank += 1
                continue
            if closed:
                raise _bad("rows-after-trailer", "rows follow the trailer", f"line {line}")
            if contract.trailer and cells and cells[0].strip() == contract.trailer:
                self._close(cells, line)
                closed = True
                continue
            self.count.rows += 1
            yield self._judged(line, tuple(cells), code)
        if contract.trailer and not closed:
            raise _bad("trailer-missing", "the file has no trailer: it may have been cut off", "")

    def _first(self) -> str:
        """Return the first line with something in it."""
        for line in self._lines:
            if line.strip():
                return line
            self.count.blank += 1
        return ""

    def _opened(self, first: str) -> "Iterator[list[str]]":
        quote = self._contract.dialect.quote
        return csv.reader(
            _chained(first, self._lines),
            delimiter=self.delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            strict=True,
        )

    def _header(self) -> tuple[str, ...]:
        record = self._record()
        if record is None:
            return ()
        _, cells, code = record
        line = self.count.lines
        names = tuple(name.strip() for name in cells)
        if code or len(names) > MAX_COLUMNS:
            raise _bad("bad-header", "the first line is no header", f"line {line}")
        if len({name for name in names if name}) != sum(1 for name in names if name):
            raise _bad("column-twice", "two columns have the same name", f"line {line}")
        return names

    def _record(self) -> tuple[int, list[str], str] | None:
        """Read one record: line, cells, and a code when only this record is wrong."""
        line = self.count.lines + 1
        try:
            cells = next(self._reader, None)
        except csv.Error as error:
            return self._broken(line, error)
        return None if cells is None else (line, cells, "")

    def _broken(self, line: int, error: csv.Error) -> tuple[int, list[str], str]:
        """Tell what is wrong: a field too long is its row's fault unless it swallowed lines."""
        if "field larger" in str(error) and self.count.lines == line:
            return line, [], "field-too-long"
        if "field larger" in str(error) or "unexpected end" in str(error):
            text = "a quote that is never closed swallows what follows"
            raise _bad("unclosed-quote", text, f"line {line}") from None
        text = "a quote stands where none can be"
        raise _bad("bad-quote", text, f"line {self.count.lines}") from None

    def _close(self, cells: list[str], line: int) -> None:
        written = cells[1].strip() if len(cells) > 1 else ""
        if not (written.isascii() and written.isdigit()) or int(written) != self.count.rows:
            text = "the trailer counts other rows than the file has"
            raise _bad("trailer-count", text, f"line {line}")

    def _judged(self, line: int, cells: tuple[str, ...], code: str) -> Row:
        number = self.count.rows
        if code:
            return Row(number, line, cells, code)
        if tuple(text.strip() for text in cells) == self.header:
            raise _bad("header-twice", "the header comes a second time", f"line {line}")
        if len(cells) != len(self.header):
            return Row(number, line, cells, "cell-count")
        for place, header, check in self._checks:
            if flaw := check(cells[place]):
                return Row(number, line, cells, flaw, header)
        return Row(number, line, cells)


class _Lines:
    """Physical lines, counted, of bounded length."""

    def __init__(self, readline: Readline, count: Count) -> None:
        self._readline = readline
        self._count = count

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._readline(MAX_LINE)
        if not line:
            raise StopIteration
        self._count.lines += 1
        where = f"line {self._count.lines}"
        if len(line) >= MAX_LINE and line[-1] not in "\r\n":
            raise _bad("line-too-long", "a line is longer than any row can be", where)
        if "\x00" in line:
            raise _bad("nul-character", "the file contains a NUL character", where)
        return line


def _chained(first: str, lines: _Lines) -> Iterator[str]:
    if first:
        yield first
        yield from lines


def _bad(code: str, message: str, where: str) -> FaultError:
    return refuse(Category.INVALID, code, message, where)


def _delimiter(header: str, contract: Contract) -> str:
    """Return the agreed delimiter, or the one under which most columns are found."""
    given = contract.dialect.delimiter
    if given != AUTO:
        return given
    wanted = {column.header for column in contract.columns}
    quote = contract.dialect.quote

    def found(delimiter: str) -> int:
        return len(wanted & {name.strip().strip(quote) for name in header.split(delimiter)})

    return max(DELIMITERS, key=found)


def _extra(header: tuple[str, ...], contract: Contract) -> tuple[str, ...]:
    known = {column.header for column in contract.columns} | {REASON, LINE}
    extra = tuple(name for name in header if name not in known)
    if extra and contract.extra == "error":
        raise _bad("column-unknown", "the file has columns that were not agreed", "header")
    return extra if contract.extra == "report" else ()


def _checks(
    header: tuple[str, ...], contract: Contract, *, deleting: bool
) -> tuple[tuple[int, str, Callable[[str], str]], ...]:
    """Return what each row is held against: place, column, and a check that gives a code."""
    if not header:
        return ()
    places = {name: place for place, name in enumerate(header)}
    for column in contract.required(deleting=deleting):
        if column.header not in places:
            raise _bad("column-missing", "an agreed column is not in the header", column.header)
    nulls = contract.dialect.null_values
    found = []
    for column in contract.columns:
        if column.header in places and not (deleting and column.name not in contract.key):
            is_key = column.name in contract.key
            check = _check(column.kind, column.argument, nulls, is_key=is_key)
            if is_key or not column.lenient:
                found.append((places[column.header], column.header, check))
    return tuple(found)


def _check(
    kind: str, argument: str, nulls: frozenset[str], *, is_key: bool
) -> Callable[[str], str]:
    read = cell(kind, argument)

    def check(text: str) -> str:
        text = text.strip()
        if text in nulls or not text:
            return "key-missing" if is_key else ""
        try:
            read(text)
        except CellError as error:
            return error.code
        return ""

    return check
