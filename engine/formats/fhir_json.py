"""Reads JSON as FHIR needs it: exact numbers, nothing said twice, bounded in depth and in number.

RFC 8259 and FHIR R4, json.html. Refused although common parsers take it: a name twice in one
object, `NaN`, numbers beyond a double, half a surrogate pair, a byte order mark. It knows no
resource. The scanning is the interpreter's own, in C; what it lets pass is checked around it, and
only what is refused is read a second time, to find the place.

A place is `line:column`, counted from 1 in characters. Nothing of the text is ever repeated.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from engine.core.fault import Category, FaultError, refuse
from engine.core.lexeme import Number

MAX_DEPTH = 64
MAX_VALUES = 1_000_000
"""Bounds the memory of what is read to some hundred bytes for each."""
_MOST_LOCATED = 1_000_000
"""Finding a place costs ten times the reading: in longer texts it is not looked for."""
_MOST_DIGITS = 100

_BOM = b"\xef\xbb\xbf"
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STRINGS = re.compile(_STRING.encode(), re.DOTALL)
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|-?Infinity|NaN"
_TOKENS = re.compile(rf"{_STRING}|{_NUMBER}|\S", re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_AS_LISTS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")


class _RefusedError(ValueError):
    """A value the scanner would have taken: `args[0]` is the code."""


def read_json(body: bytes) -> Any:
    """Read a JSON text: decimals become `lexeme.Number`, as `lexeme.decode` has it.

    FaultError, all of them invalid: `json-encoding`, `json-too-deep`, `json-too-many-values`,
    `json-duplicate-name`, `json-number`, `json-surrogate`, `json-syntax`.
    """
    text = _text(body)
    if _is_too_deep(body):
        raise _refusal("json-too-deep", text)
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        message = "the JSON text has more values than any resource"
        raise refuse(Category.INVALID, "json-too-many-values", message)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = "the text is not JSON"
        where = _place(text, error.pos)
        raise refuse(Category.INVALID, "json-syntax", message, where) from None
    except _RefusedError as error:
        raise _refusal(error.args[0], text) from None
    if _HALF.search(text) and not _is_unicode(value):
        raise _refusal("json-surrogate", text)
    return value


def _text(body: bytes) -> str:
    if body.startswith(_BOM):
        raise refuse(Category.INVALID, "json-encoding", "a byte order mark is not JSON", "1:1")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        message = "the bytes are not UTF-8"
        before = body[: error.start].decode()
        where = _place(before, len(before))
        raise refuse(Category.INVALID, "json-encoding", message, where) from None


def _is_too_deep(body: bytes) -> bool:
    """Tell without reading: brackets alone, of which each round takes the innermost pairs away.

    What is left of a text that ends too early, or closes what was never open, is no JSON: it only
    has to be shallow enough for the scanner to get as far as the mistake.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    left = _STRINGS.sub(b"", body).translate(_AS_LISTS, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        left = left.replace(b"[]", b"")
    return b"[]" in left or left.count(b"[") > MAX_DEPTH


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError("json-duplicate-name")
    return found


def _decimal(text: str) -> Number:
    if not _is_number(text):
        raise _RefusedError("json-number")
    return Number(text)


def _whole(text: str) -> int | Number:
    if len(text.lstrip("-")) <= 15 and text != "-0":
        return int(text)
    return _decimal(text)


def _is_number(text: str) -> bool:
    """Tell whether a double can hold about this: no overflow, and nothing turned into zero."""
    if len(text) > _MOST_DIGITS:
        return False
    value = float(text)
    if value == 0:
        return not any(digit in "123456789" for digit in re.split("[eE]", text)[0])
    return math.isfinite(value)


def _constant(_: str) -> None:
    raise _RefusedError("json-number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_whole, parse_constant=_constant
)

_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_TEXTS = {
    "json-too-deep": "objects and lists are nested too deeply",
    "json-duplicate-name": "an object has the same name twice",
    "json-number": "a number is not finite, or longer than any real one",
    "json-surrogate": "a string holds half a surrogate pair",
}


def _is_unicode(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refusal(code: str, text: str) -> FaultError:
    where = _place(text, _found(code, text)) if len(text) <= _MOST_LOCATED else ""
    return refuse(Category.INVALID, code, _TEXTS[code], where)


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"{line}:{position - text.rfind(chr(10), 0, position)}"


def _found(code: str, text: str) -> int:
    """Return where the first thing stands that is refused with this code; 0 if it is not there."""
    tokens = _TOKENS.finditer(text)
    if code == "json-too-deep":
        return _deepest(tokens)
    if code == "json-duplicate-name":
        return _repeated(tokens)
    refused = _is_half if code == "json-surrogate" else _is_no_number
    return next((token.start() for token in tokens if refused(token[0])), 0)


def _deepest(tokens: Iterator[re.Match[str]]) -> int:
    depth = 0
    for token in tokens:
        depth += _STEP.get(token[0], 0)
        if depth > MAX_DEPTH:
            return token.start()
    return 0


def _repeated(tokens: Iterator[re.Match[str]]) -> int:
    levels: list[set[str]] = []  # of each open bracket the names seen in it
    last = next(tokens)
    for token in (last, *tokens):
        step = _STEP.get(token[0], 0)
        if step > 0:
            levels.append(set())
        elif step < 0:
            levels.pop()
        elif token[0] == ":":
            name = json.loads(last[0])
            if name in levels[-1]:
                return last.start()
            levels[-1].add(name)
        last = token
    return 0


def _is_half(word: str) -> bool:
    return word[0] == '"' and _HALF.search(word) is not None and not _is_unicode(json.loads(word))


def _is_no_number(word: str) -> bool:
    if word in {"NaN", "Infinity", "-Infinity"}:
        return True
    return word[-1] in "0123456789" and not _is_number(word)
