"""The primitive types of R4 (datatypes.html#primitive): JSON type, regular expression, calendar.

One check per type. A string made only of blanks is refused: XML would trim it to nothing, which the
standard does not allow. Decimals and integers may be `lexeme.Number`, as mapping makes them, or the
numbers a JSON parser makes. Knows no bindings (`bound`) beyond a set of codes handed in.
"""

import binascii
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from engine.core.lexeme import Number
from engine.r4.problem import Check, Found, Problem, Scope

_YEAR = r"(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|[12][0-9]))"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

_date = re.compile(rf"{_YEAR}(?:-{_DAY}|-{_MONTH})?").fullmatch
_date_time = re.compile(rf"{_YEAR}(?:-{_DAY}(?:T{_TIME}{_ZONE})?|-{_MONTH})?").fullmatch
_instant = re.compile(rf"{_YEAR}-{_DAY}T{_TIME}{_ZONE}").fullmatch
_time = re.compile(_TIME).fullmatch
_id = re.compile(r"[A-Za-z0-9.-]{1,64}").fullmatch
_oid = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+").fullmatch
_uuid = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_no_uri = re.compile(r"(?!)").fullmatch  # nothing but printable characters without blanks will do
_code = re.compile(r"[^\s]+(?:\s[^\s]+)*").fullmatch
_decimal = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_integer = re.compile(r"-?(?:0|[1-9][0-9]*)").fullmatch
_active = re.compile(
    r"<(?:script|i?frame|frameset|object|embed|applet|form|input|base|link|meta|head|body)\b"
    r"|<[^<>]*[\s\"']on[a-z]+\s*=|javascript:",
    re.IGNORECASE,
).search
_forbidden = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]").search

_MAX_STRING = 1_048_576  # characters (datatypes.html#string)
_MAX_INTEGER = 2_147_483_647

Shape = Callable[[str], object]


def wrong_type(wanted: str) -> list[Problem]:
    return [Problem("wrong-type", f"the value is not of type {wanted}")]


_NOT_TEXT = wrong_type("string")
_EMPTY = [Problem("empty-value", "a value must not be empty or blank")]
_LONG = [Problem("too-long", "a string holds at most 1048576 characters")]
_CONTROL = [Problem("bad-string", "a string must not hold control characters")]


def text(value: Any, _: Scope) -> Found:
    """Check a string or markdown."""
    if type(value) is str and value.isprintable() and 0 < len(value) < _MAX_STRING:
        return None if value[0] != " " or value.strip() else _EMPTY
    return _unusual(value)


def _unusual(value: Any) -> Found:
    if type(value) is not str:
        return _NOT_TEXT
    if not value.strip():
        return _EMPTY
    if len(value) > _MAX_STRING:
        return _LONG
    return _CONTROL if _forbidden(value) else None


def _shaped(shape: Shape, code: str, type_name: str) -> Check:
    bad = [Problem(code, f"the value is not a valid {type_name}")]

    def check(value: Any, _: Scope) -> Found:
        if type(value) is not str:
            return _NOT_TEXT
        if shape(value):
            return None
        return bad if value.strip() else _EMPTY

    return check


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _calendar(shape: Shape) -> Shape:
    """The expressions know the length of each month; 29 February needs the year, too."""

    def real(value: str) -> object:
        return shape(value) and (value[5:10] != "02-29" or _leap(int(value[:4])))

    return real


def _unspaced(shape: Shape, code: str, type_name: str) -> Check:
    """Check what is nearly always one run of printable characters; `shape` judges the rest."""
    slower = _shaped(shape, code, type_name)

    def check(value: Any, scope: Scope) -> Found:
        if type(value) is str and value and value.isprintable() and " " not in value:
            return None
        return slower(value, scope)

    return check


def _base64(value: str) -> bool:
    packed = "".join(value.split())
    try:
        return bool(packed) and bool(binascii.a2b_base64(packed, strict_mode=True))
    except ValueError:  # binascii.Error, and text that is not ASCII
        return False


def _xhtml(value: str) -> bool:
    """One div, and nothing in it that a browser would run or fetch (narrative.html#rules)."""
    body = value.strip()
    whole = body.startswith("<div") and body.endswith(">") and len(body) <= _MAX_STRING
    return whole and not _active(body)


def boolean(value: Any, _: Scope) -> Found:
    """Check a JSON true or false."""
    return None if value is True or value is False else _NOT_BOOLEAN


_NOT_BOOLEAN = wrong_type("boolean")
_NOT_DECIMAL = wrong_type("decimal")


_TOO_LARGE = [Problem("out-of-range", "the decimal has more than a thousand digits")]
_MAX_DIGITS = 1000  # ours: beyond it numbers are weapons, and comparing them costs or fails
_LIMIT = 10**_MAX_DIGITS


def decimal(value: Any, _: Scope) -> Found:
    """Check a JSON number."""
    kind = type(value)
    if kind is Number:
        right, small = bool(_decimal(value)), len(value) <= _MAX_DIGITS
    elif kind is int:
        right, small = True, -_LIMIT < value < _LIMIT
    elif kind is float:
        right, small = math.isfinite(value), True
    else:
        right = kind is Decimal and bool(value.is_finite())
        small = right and -_MAX_DIGITS < value.adjusted() < _MAX_DIGITS
    if right and small:
        return None
    return _TOO_LARGE if right else _NOT_DECIMAL


def _whole(type_name: str, least: int) -> Check:
    not_whole = wrong_type(type_name)
    outside = [Problem("out-of-range", f"the number is outside the range of {type_name}")]

    def check(value: Any, _: Scope) -> Found:
        if type(value) is Number and _integer(value) and len(value) < 12:
            value = int(value)
        if type(value) is not int:
            return not_whole
        return None if least <= value <= _MAX_INTEGER else outside

    return check


CHECKS: dict[str, Check] = {
    "string": text,
    "markdown": text,
    "boolean": boolean,
    "decimal": decimal,
    "integer": _whole("integer", -_MAX_INTEGER - 1),
    "positiveInt": _whole("positiveInt", 1),
    "unsignedInt": _whole("unsignedInt", 0),
    "date": _shaped(_calendar(_date), "bad-date", "date"),
    "dateTime": _shaped(_calendar(_date_time), "bad-date", "dateTime"),
    "instant": _shaped(_calendar(_instant), "bad-date", "instant"),
    "time": _shaped(_time, "bad-time", "time"),
    "id": _shaped(_id, "bad-id", "id"),
    "code": _unspaced(_code, "bad-code", "code"),
    "uri": _unspaced(_no_uri, "bad-uri", "uri"),
    "url": _unspaced(_no_uri, "bad-uri", "url"),
    "canonical": _unspaced(_no_uri, "bad-uri", "canonical"),
    "oid": _shaped(_oid, "bad-uri", "oid"),
    "uuid": _shaped(_uuid, "bad-uri", "uuid"),
    "base64Binary": _shaped(_base64, "bad-base64", "base64Binary"),
    "xhtml": _shaped(_xhtml, "bad-narrative", "narrative: one div without active content"),
}


def bound(codes: frozenset[str]) -> Check:
    """Check a code of a required value set whose codes are all known."""
    foreign = [Problem("bad-code", "the code is not in the required value set")]

    def check(value: Any, _: Scope) -> Found:
        if type(value) is not str:
            return _NOT_TEXT
        return None if value in codes else foreign

    return check
