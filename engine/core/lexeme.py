"""JSON as the store keeps it: compact, in the given order, with decimals as they were written.

FHIR holds that the precision of a decimal is significant (R4, datatypes.html#decimal), and every
fast encoder turns `13.10` into `13.1`. So a decimal travels as its source text.
"""

import json
import re
from typing import Any

import orjson


class Number(str):
    """The text of a JSON number, e.g. `13.10`. Only `number` makes it, so it is valid JSON."""

    __slots__ = ()


class Ascii:
    """A long text of letters that JSON writes as they are, where it lies in a larger buffer."""

    __slots__ = ("letters",)

    def __init__(self, letters: memoryview) -> None:
        self.letters = letters


_GAP = b"\0"  # stands nowhere in JSON
_Q = b'"'


def number(text: str) -> Number | None:
    """Read a number as interfaces write it (`+1`, `.5`, `007`, `13.10`), or None.

    The digits after the point stay as written. FHIR allows no leading `+` or zeros.
    """
    body = text.strip()
    sign = ""
    if body[:1] in {"+", "-"}:
        sign = "-" if body[0] == "-" else ""
        body = body[1:]
    whole, point, fraction = body.partition(".")
    digits = whole + fraction
    if not digits or not (digits.isascii() and digits.isdigit()):
        return None
    whole = whole.lstrip("0") or "0"
    if not point or not fraction:
        return Number(sign + whole)
    return Number(f"{sign}{whole}.{fraction}")


def _written(value: Any) -> orjson.Fragment:
    if isinstance(value, Number):
        return orjson.Fragment(value.encode())
    if isinstance(value, Ascii):
        raise _Long
    raise TypeError(type(value).__name__)


class _Long(Exception):  # noqa: N818 - it is none: it says that there is another way
    """A value holds a long text."""


def encode(value: Any) -> bytes:
    """Serialise to compact UTF-8 JSON; `Number` keeps its digits. TypeError if not JSON."""
    try:
        return orjson.dumps(value, default=_written, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except TypeError as error:
        if not isinstance(error.__cause__, _Long):
            raise
    return _encode_long(value)


def _encode_long(value: Any) -> bytes:
    """Serialise with long texts copied once: a writer would move them whenever it needs room."""
    texts: list[memoryview] = []

    def written(item: Any) -> orjson.Fragment:
        if not isinstance(item, Ascii):
            return _written(item)
        texts.append(item.letters)
        return orjson.Fragment(_GAP)

    rest = orjson.dumps(value, default=written, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    head, *tails = rest.split(_GAP)
    pieces = [
        piece for pair in zip(texts, tails, strict=True) for piece in (_Q, pair[0], _Q, pair[1])
    ]
    return b"".join((head, *pieces))


def indented(value: Any) -> bytes:
    """Serialise as `encode` does, for people: indented, with a line end. TypeError if not JSON."""
    option = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(value, default=_written, option=option)


_ROUNDED = rb"(?:-?\d+[.eE]|-?\d{16}|-0)"
_MEMBER = re.compile(rb'":' + _ROUNDED)
_ITEM = re.compile(rb"[,\[]" + _ROUNDED)
_ALIKE = bytes.maketrans(b"123456789-", b"0000000000")
_NUMERIC = b"-0123456789"


def _whole(text: str) -> int | Number:
    """A decimal may be written without a point and beyond 64 bits, or as `-0`."""
    return Number(text) if len(text.lstrip("-")) > 15 or text == "-0" else int(text)


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_inexact(text: bytes) -> bool:
    """Tell whether there may be a number that the fast reader rounds: `urn:oid:2.16` is none.

    Most texts have no number at all, which is seen without looking for its form.
    """
    alike = text.translate(_ALIKE)
    if b'":0' in alike and _MEMBER.search(text):
        return True
    return (b",0" in alike or b"[0" in alike) and _ITEM.search(text) is not None


def decode(text: bytes) -> Any:
    """Read compact JSON so that `encode` gives the same bytes: decimals become `Number`.

    ValueError when it is not JSON. The exact reader costs four times the fast one, which is taken
    when nothing in the text looks like a number it would round.
    """
    if text[:1] in _NUMERIC or _is_inexact(text):
        return json.loads(text, parse_float=Number, parse_int=_whole, parse_constant=_constant)
    return orjson.loads(text)
