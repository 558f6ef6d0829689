"""The types of cells: what a text has to look like, and its normal form.

A type never guesses. What a spreadsheet damages (1E+05, a lost leading zero, a day that became a
month) is refused, because a value that was read wrongly looks like a right one. Normal forms:
dates and times as an HL7 DTM without offset, numbers with a point, everything else as sent without
outer white space.
"""

import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache

Cell = Callable[[str], str]
MEMO = 4096
EARLIEST = 1850  # a year before it is a slip of two digits
_SCIENTIFIC = re.compile(r"[-+]?\d+(?:[.,]\d+)?E[-+]?\d+", re.IGNORECASE | re.ASCII)
_DECIMAL = re.compile(r"[-+]?\d+(?:\.\d+)?", re.ASCII)
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)
_ZIP = re.compile(r"\d{5}(?:-?\d{4})?", re.ASCII)
_PHONE = re.compile(r"[-+().x \d]{7,40}", re.ASCII)
_MAIL = re.compile(r"[^\s@,;]+@[^\s@,;]+")
_APART = re.compile(r"[-\s]")
_DIRECTIVES = {
    "%Y": r"(?P<Y>\d{4})",
    "%m": r"(?P<m>\d{1,2})",
    "%d": r"(?P<d>\d{1,2})",
    "%H": r"(?P<H>\d{1,2})",
    "%I": r"(?P<I>\d{1,2})",
    "%M": r"(?P<M>\d{2})",
    "%S": r"(?P<S>\d{2})",
    "%p": r"(?P<p>[AaPp][Mm])",
}
_SPLIT = re.compile(r"(%.)")


class CellError(ValueError):
    """The text does not fit the type; `code` says in which way, never what the text was."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def pattern(form: str) -> str:
    """Return the regular expression of a time format.

    ValueError for a directive that is not known, twice there, or would need a guess (`%y`), and for
    a format without year, month and day.
    """
    parts = _SPLIT.split(form)
    used = [part for part in parts if part.startswith("%")]
    if len(set(used)) != len(used) or not {"%Y", "%m", "%d"} <= set(used) <= set(_DIRECTIVES):
        raise ValueError(form)
    if ("%I" in used) != ("%p" in used):
        raise ValueError(form)
    return "".join(_DIRECTIVES.get(part) or re.escape(part) for part in parts)


def _moment(found: re.Match[str]) -> datetime:
    given = found.groupdict()
    hour = int(given.get("H") or given.get("I") or 0)
    if given.get("p"):
        if not 1 <= hour <= 12:
            raise CellError("bad-date")
        hour = hour % 12 + (12 if given["p"].upper() == "PM" else 0)
    year = int(given["Y"])
    if year < EARLIEST:
        raise CellError("bad-date")
    try:
        return datetime(  # noqa: DTZ001 - the zone is the reader's business
            year,
            int(given["m"]),
            int(given["d"]),
            hour,
            int(given.get("M") or 0),
            int(given.get("S") or 0),
        )
    except ValueError:
        raise CellError("bad-date") from None


def time_in(name: str, form: str, zone: tzinfo) -> datetime | None:
    """Find a time in a file name, on the clock of `zone`; None when there is none."""
    expression = pattern(form).replace("{1,2}", "{2}")  # nothing separates the parts in a name
    found = re.search(rf"(?<!\d){expression}(?!\d)", name)
    try:
        return _moment(found).replace(tzinfo=zone) if found else None
    except CellError:
        return None


def _dated(form: str, written: str) -> Cell:
    expression = re.compile(pattern(form), re.ASCII)

    @lru_cache(MEMO)
    def read(text: str) -> str:
        found = expression.fullmatch(text)
        if found is None:
            raise CellError("bad-date")
        return f"{_moment(found):{written}}"

    return read


def _date(form: str) -> Cell:
    return _dated(form, "%Y%m%d")


def _datetime(form: str) -> Cell:
    return _dated(form, "%Y%m%d%H%M%S")


def _shaped(shape: re.Pattern[str], code: str) -> Cell:
    def read(text: str) -> str:
        if not shape.fullmatch(text):
            raise CellError("excel-number" if _SCIENTIFIC.fullmatch(text) else code)
        return text

    return read


def _ident(_: str) -> Cell:
    def read(text: str) -> str:
        if _SCIENTIFIC.fullmatch(text):
            raise CellError("excel-number")
        return text

    return read


def _digits(count: str) -> Cell:
    wanted = int(count)

    def read(text: str) -> str:
        found = _APART.sub("", text)
        if len(found) != wanted or not (found.isascii() and found.isdigit()):
            raise CellError("excel-number" if _SCIENTIFIC.fullmatch(text) else "bad-digits")
        return found

    return read


def _phone(_: str) -> Cell:
    shaped = _shaped(_PHONE, "bad-phone")

    def read(text: str) -> str:
        if sum(character.isdigit() for character in text) < 7:
            raise CellError("bad-phone")
        return shaped(text)

    return read


_KINDS: dict[str, Callable[[str], Cell]] = {
    "str": lambda _: str,
    "code": lambda _: str,
    "id": _ident,
    "date": _date,
    "datetime": _datetime,
    "decimal": lambda _: _shaped(_DECIMAL, "bad-number"),
    "integer": lambda _: _shaped(_INTEGER, "bad-number"),
    "digits": _digits,
    "zip": lambda _: _shaped(_ZIP, "bad-zip"),
    "phone": _phone,
    "email": lambda _: _shaped(_MAIL, "bad-email"),
}
ARGUED = frozenset({"date", "datetime", "digits"})
KINDS = tuple(_KINDS)


@lru_cache(MEMO)
def cell(kind: str, argument: str) -> Cell:
    """Return the reader of a type, for texts that are valued and stripped.

    It raises CellError. ValueError here for a type or argument that is none.
    """
    make = _KINDS.get(kind)
    if make is None or bool(argument) != (kind in ARGUED):
        raise ValueError(kind)
    return make(argument)
