"""What a site and Concord agreed about one kind of file: columns by name, dialect, trailer.

A value: who reads a file and who maps its rows use the same one. Knows no file and no mapping.
The file is text/csv (RFC 4180) as far as its dialect does not say otherwise.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal
from zoneinfo import ZoneInfo

AUTO = "auto"
DELIMITERS = (",", ";", "\t", "|")
Extra = Literal["report", "ignore", "error"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `kind` and `argument` are its type, as `date` and `%m/%d/%Y`."""

    name: str  # what rules call it
    header: str  # what the file calls it
    kind: str
    argument: str = ""
    optional: bool = False  # a file may lack it
    lenient: bool = False  # a value that breaks the type is left out; else its row is rejected


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the text is written. `encodings` are tried in order, each strictly."""

    encodings: tuple[str, ...] = ("utf-8-sig",)
    delimiter: str = AUTO
    quote: str = '"'
    null_values: frozenset[str] = frozenset({""})


@dataclass(frozen=True, slots=True)
class Contract:
    """The agreement about the files of one feed."""

    feed: str
    files: str  # pattern of file names: patients*.csv
    columns: tuple[Column, ...]
    key: tuple[str, ...]  # names of the columns that say what a row is about
    zone: ZoneInfo  # of times without offset, in cells and in file names
    dialect: Dialect = Dialect()
    extra: Extra = "report"
    deletes: str = ""  # pattern of files whose rows are deletions; they need the key alone
    trailer: str = ""  # first cell of the last row, whose second cell is the number of rows
    name_time: str = ""  # format of the time of extract in the file name: %Y%m%d

    def takes(self, name: str) -> bool:
        """Tell whether a file of this name belongs to the feed."""
        return fnmatchcase(name, self.files) or self.deletes_rows(name)

    def deletes_rows(self, name: str) -> bool:
        """Tell whether the rows of a file of this name are deletions."""
        return bool(self.deletes) and fnmatchcase(name, self.deletes)

    def required(self, *, deleting: bool) -> tuple[Column, ...]:
        """Return the columns a file has to have."""
        if deleting:
            return tuple(column for column in self.columns if column.name in self.key)
        return tuple(column for column in self.columns if not column.optional)
