r"""The values of a search parameter as tests an index row can answer.

Follows R4, search.html: the escapes of comma, bar, dollar and backslash by a backslash, the token
forms `code`, `system|code` and `|code`, date prefixes, and implicit ranges of partial dates.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engine.core.fault import Category, FaultError, refuse
from engine.store.codes import known
from engine.store.search.dates import range_of
from engine.store.search.fold import MOST, fold, string_value, token_value
from engine.store.search.params import Parameter

MOST_VALUES = 200


@dataclass(frozen=True, slots=True)
class Exact:
    """The index value is this one."""

    value: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """The index value begins with this."""

    start: str


@dataclass(frozen=True, slots=True)
class Contains:
    """The compared part of the index value has this in it."""

    text: str


@dataclass(frozen=True, slots=True)
class During:
    """The range of the resource relates to [low, high) as the prefix says."""

    prefix: str  # eq ne gt lt ge le sa eb
    low_us: int
    high_us: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """No resource can match: the value is well-formed but names what cannot be."""


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no value at all, or with `absent` false at least one."""

    absent: bool


Test = Exact | Prefix | Contains | During | Nothing | Absent

_PREFIXES = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"})
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


_DATE = "a date is needed, as 2024, 2024-03, 2024-03-14 or a time with its offset; before it ge, lt"
EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        "date": _DATE,
        "updated": _DATE,
        "token": "a code is needed, alone or as system|code",
        "string": "a text with a letter or a digit is needed",
        "reference": "a reference is needed, as Type/id or as an id alone",
        "patient": "a patient is needed, as Patient/id or as an id alone",
        "number": "a whole number is needed",
        "missing": "true or false is needed",
        "total": "none, estimate or accurate is needed",
        "list": f"up to {MOST_VALUES} values are needed, with commas between",
    }
)
"""What is expected where a value does not fit, by the kind of the parameter: never the value."""


def bad_value(where: str, kind: str) -> FaultError:
    """Refuse a value; `kind` is one of `EXPECTED`."""
    return refuse(Category.INVALID, "search-value-invalid", EXPECTED[kind], where)


def split(text: str, sign: str) -> list[str]:
    """Split at an unescaped sign; escapes stay as they are."""
    parts, start, place = [], 0, 0
    while place < len(text):
        if text[place] == "\\":
            place += 1
        elif text[place] == sign:
            parts.append(text[start:place])
            start = place + 1
        place += 1
    return [*parts, text[start:]]


def unescape(text: str) -> str:
    return re.sub(r"\\([,|$\\])", r"\1", text)


def tests_of(parameter: Parameter, modifier: str, text: str) -> tuple[Test, ...]:
    """Return the alternatives a value stands for. FaultError `search-value-invalid`."""
    if modifier == "missing":
        if text not in {"true", "false"}:
            raise bad_value(parameter.name, "missing")
        return (Absent(text == "true"),)
    values = [value for value in split(text, ",") if value]
    if not values or len(values) > MOST_VALUES:
        raise bad_value(parameter.name, "list")
    return tuple(test for value in values for test in _tests(parameter, modifier, value))


def _tests(parameter: Parameter, modifier: str, value: str) -> tuple[Test, ...]:
    match parameter.kind:
        case "date" | "updated":
            return (_during(parameter, value),)
        case "token":
            return (_token(parameter, value),)
        case "string":
            return (_string(parameter, modifier, unescape(value)),)
        case "uri":
            return (Exact(unescape(value)),)
        case "id":
            return (Exact(value) if _ID.fullmatch(value) else Nothing(),)
        case _:
            return _reference(parameter, value)


def _during(parameter: Parameter, value: str) -> Test:
    prefix, rest = (value[:2], value[2:]) if value[:2] in _PREFIXES else ("eq", value)
    # A plus sign that was not percent-encoded arrives as a space (RFC 1866, 8.2.1).
    found = range_of(rest.replace(" ", "+"))
    if found is None:
        raise bad_value(parameter.name, parameter.kind)
    return During(prefix, *found)


def _token(parameter: Parameter, value: str) -> Test:
    system, bar, code = _halves(parameter, value)
    if bar and not code:
        raise refuse(
            Category.UNSUPPORTED, "search-token-system", "a code is needed", parameter.name
        )
    if parameter.bare:
        implied = not system or (system, code) in parameter.systems
        return Exact(code) if implied else Nothing()
    return Exact(token_value(code, system)) if bar else Prefix(token_value(code, ""))


def _halves(parameter: Parameter, value: str) -> tuple[str, bool, str]:
    parts = [unescape(part) for part in split(value, "|")]
    if len(parts) == 1:
        return "", False, parts[0]
    if len(parts) == 2:
        return parts[0], True, parts[1]
    raise bad_value(parameter.name, parameter.kind)


def _string(parameter: Parameter, modifier: str, value: str) -> Test:
    if modifier == "exact":
        return Exact(string_value(value)) if len(value) <= MOST else Nothing()
    folded = fold(value)
    if not folded:
        raise bad_value(parameter.name, parameter.kind)
    return Contains(folded) if modifier == "contains" else Prefix(folded)


def _reference(parameter: Parameter, value: str) -> tuple[Test, ...]:
    """`Type/id`, or `id` of any type the parameter may lead to."""
    kind, slash, name = value.rpartition("/")
    if not _ID.fullmatch(name) or (slash and not known(kind)):
        raise bad_value(parameter.name, parameter.kind)
    if parameter.kind == "patient":
        return (Exact(name) if kind in {"", "Patient"} else Nothing(),)
    if slash:
        return (Exact(value),)
    return tuple(Exact(f"{target}/{name}") for target in parameter.targets)
