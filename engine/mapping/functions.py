"""The functions of the expression language, all total over text; plug-ins bring others (`plugged`).

Each takes its arguments as lists of text (a path gives all its repetitions) and returns text.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.lexeme import number
from engine.mapping.datatypes.tools import memo

Texts = list[list[str]]
Function = Callable[[Texts], str]
_DIGITS = re.compile(r"[^0-9]+")
_RANGE = re.compile(r"^\s*(-?[\d.]+)?\s*(<=|>=|<|>|-|\u2013|to)\s*(-?[\d.]+)\s*$", re.IGNORECASE)
_SUFFIX = frozenset(
    {"JR", "SR", "II", "III", "IV", "V", "MD", "DO", "PHD", "RN", "NP", "PA", "ESQ"}
)
_PREFIX = frozenset({"DR", "MR", "MRS", "MS", "MISS", "PROF"})
_STAMP = re.compile(r"^(\d{14}|\d{12})(?:\.\d+)?([+-]\d{4})?$")
MAX_PAD = 200
MAX_MINUTES = 100_000


@dataclass(frozen=True, slots=True)
class Signature:
    least: int
    most: int
    call: Function


def _one(values: list[str]) -> str:
    return values[0] if values else ""


def _int(values: list[str], default: int = 0) -> int:
    text = _one(values).lstrip("-")
    return int(_one(values)) if text.isascii() and text.isdigit() and len(text) < 9 else default


def _substr(args: Texts) -> str:
    start = max(_int(args[1], 1), 1) - 1
    text = _one(args[0])
    if len(args) < 3:
        return text[start:]
    return text[start : start + max(_int(args[2]), 0)]


def _split(args: Texts) -> str:
    separator = _one(args[1])
    parts = _one(args[0]).split(separator) if separator else [_one(args[0])]
    nth = _int(args[2], 1)
    return parts[nth - 1].strip() if 1 <= nth <= len(parts) else ""


def _replace(args: Texts) -> str:
    old = _one(args[1])
    return _one(args[0]).replace(old, _one(args[2])) if old else _one(args[0])


def _pad(args: Texts) -> str:
    text = _one(args[0])
    width = min(_int(args[1]), MAX_PAD)
    return text.rjust(width, (_one(args[2]) or "0")[0]) if text else ""


def _hash(args: Texts) -> str:
    joined = "\x1f".join("\x1e".join(values) for values in args)
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


def _bound(args: Texts, low: bool) -> str:
    """Read one end of `3.5-5.0`, `<5`, `>=60`."""
    return _ends(_one(args[0]))[0 if low else 1]


@memo
def _ends(text: str) -> tuple[str, str]:
    return _end(text, low=True), _end(text, low=False)


def _end(text: str, *, low: bool) -> str:
    match = _RANGE.match(text)
    if match is None:
        return ""
    first, sign, second = match.groups()
    if sign in {"-", "\u2013", "to", "TO", "To"}:
        found = first if low else second
        return found if first is not None and number(found) is not None else ""
    wanted = sign.startswith(">") if low else sign.startswith("<")
    return second if wanted and first is None and number(second) is not None else ""


def _phone(args: Texts) -> str:
    """Write a North American number as E.164; anything else as it came."""
    text = _one(args[0])
    digits = _DIGITS.sub("", text)
    if text.strip().startswith("+") and digits:
        return f"+{digits}"
    if len(digits) == 10:
        return f"+1{digits}"
    if len(digits) == 11 and digits[0] == "1":
        return f"+{digits}"
    return text


def split_name(text: str) -> dict[str, str]:
    """Take `Last, First Middle Jr` or `First Middle Last` apart."""
    family, comma, rest = text.partition(",")
    words = (rest if comma else family).split()
    found = {"prefix": "", "family": family.strip() if comma else "", "given": "", "suffix": ""}
    found["suffix"] = _taken(words, _SUFFIX, -1)
    found["prefix"] = _taken(words, _PREFIX, 0)
    if not comma and words:
        found["family"] = words.pop()
    tail = found["family"].split()
    if not found["suffix"] and len(tail) > 1:
        found["suffix"] = _taken(tail, _SUFFIX, -1)
        found["family"] = " ".join(tail)
    found["given"] = " ".join(words)
    return found


def _taken(words: list[str], known: frozenset[str], end: int) -> str:
    if len(words) > 1 and words[end].strip(".,").upper() in known:
        return words.pop(end).strip(",")
    return ""


def _name_part(args: Texts) -> str:
    return split_name(_one(args[0])).get(_one(args[1]), "")


def _plus_minutes(args: Texts) -> str:
    """Add minutes to a time stamp that says the minute; its offset, if any, is kept."""
    match = _STAMP.match(_one(args[0]))
    minutes = _int(args[1], -1)
    if match is None or not 0 <= minutes < MAX_MINUTES:
        return ""
    clock, rest = match.group(1), match.group(2) or ""
    shape = "%Y%m%d%H%M%S" if len(clock) == 14 else "%Y%m%d%H%M"
    try:
        moment = datetime.strptime(clock, shape) + timedelta(minutes=minutes)  # noqa: DTZ007
    except (ValueError, OverflowError):
        return ""
    return moment.strftime(shape) + rest


def _base64(args: Texts) -> str:
    return base64.b64encode(_one(args[0]).encode()).decode()


def _coalesce(args: Texts) -> str:
    return next((value for values in args for value in values if value), "")


TABLE: dict[str, Signature] = {
    "first": Signature(1, 1, lambda a: _one(a[0])),
    "last": Signature(1, 1, lambda a: a[0][-1] if a[0] else ""),
    "count": Signature(1, 1, lambda a: str(len(a[0]))),
    "length": Signature(1, 1, lambda a: str(len(_one(a[0])))),
    "join": Signature(2, 2, lambda a: _one(a[1]).join(a[0])),
    "split": Signature(3, 3, _split),
    "trim": Signature(1, 1, lambda a: _one(a[0]).strip()),
    "upper": Signature(1, 1, lambda a: _one(a[0]).upper()),
    "lower": Signature(1, 1, lambda a: _one(a[0]).lower()),
    "digits": Signature(1, 1, lambda a: _DIGITS.sub("", _one(a[0]))),
    "substr": Signature(2, 3, _substr),
    "replace": Signature(3, 3, _replace),
    "pad": Signature(3, 3, _pad),
    "coalesce": Signature(1, 20, _coalesce),
    "concat": Signature(1, 20, lambda a: "".join(_one(values) for values in a)),
    "hash": Signature(1, 20, _hash),
    "range_low": Signature(1, 2, lambda a: _bound(a, True)),
    "range_high": Signature(1, 2, lambda a: _bound(a, False)),
    "phone_e164": Signature(1, 1, _phone),
    "plus_minutes": Signature(2, 2, _plus_minutes),
    "base64": Signature(1, 1, _base64),
    "name_part": Signature(2, 2, _name_part),
}
# Functions that give nothing when their first argument is nothing.
STRICT = frozenset(TABLE) - {"count", "length", "coalesce", "concat", "hash"}
SPECIAL = {
    "exists": (1, 1),
    "lookup": (2, 2),
    "date": (1, 1),
    "datetime": (1, 1),
    "assigner": (1, 1),
    "ucum": (1, 2),
}


def known() -> list[str]:
    """Names of all functions."""
    return sorted([*TABLE, *SPECIAL])
