"""NM, SI, SN, NR, CQ -> decimal, integer, Quantity, Range, Ratio. Digits stay as written."""

from typing import Any

from engine.core.lexeme import Number, number
from engine.mapping.datatypes.coded import Systems
from engine.mapping.datatypes.tools import Convert, Flawed, Tools
from engine.mapping.datatypes.units import UCUM, Units
from engine.mapping.text import lead, part, plain

_BAD = Flawed("bad-number", "not a number")
_MAX_INT = 2**31 - 1
_COMPARATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}


def decimal(_: Tools) -> Convert:
    def convert(raw: str) -> Any:
        text = lead(raw)
        if not text:
            return None
        found = number(text)
        return _BAD if found is None else found

    return convert


def integer(least: int) -> Convert:
    """Whole numbers from `least` to 2^31 - 1, the range of R4."""

    def convert(raw: str) -> Any:
        text = lead(raw)
        if not text:
            return None
        found = number(text)
        whole = None if found is None else found.partition(".")
        if whole is None or whole[2].strip("0") or len(whole[0]) > 11:
            return _BAD
        value = int(whole[0])
        return value if least <= value <= _MAX_INT else _BAD

    return convert


def quantity(_: Tools) -> Convert:
    def convert(raw: str) -> Any:
        text = lead(raw)
        if not text:
            return None
        found = number(text)
        return _BAD if found is None else {"value": found}

    return convert


def with_unit(value: Number, unit: dict[str, Any], comparator: str = "") -> dict[str, Any]:
    """Build a Quantity in the order of R4."""
    found: dict[str, Any] = {"value": value}
    if comparator:
        found["comparator"] = comparator
    return {**found, **unit}


class UnitPart:
    """A unit (CE, CWE) as the unit part of a Quantity; a code only with its system (R4 qty-3)."""

    __slots__ = ("_systems", "_units")

    def __init__(self, tools: Tools) -> None:
        self._systems = Systems(tools)
        self._units = Units(tools)

    def __call__(self, raw: str) -> dict[str, Any]:
        code, text, name = (plain(part(raw, n)) for n in (1, 2, 3))
        found: dict[str, Any] = {}
        if text or code:
            found["unit"] = text or code
        known = self._units.code(code, name)
        system = UCUM if known else self._systems.uri(name) if code else ""
        if system and (known or system != UCUM):
            found["system"], found["code"] = system, known or code
        return found


def composite(tools: Tools) -> Convert:
    """CQ -> Quantity."""
    unit_of = UnitPart(tools)

    def convert(raw: str) -> Any:
        text = plain(part(raw, 1))
        if not text:
            return None
        value = number(text)
        if value is None:
            return _BAD
        unit = part(raw, 2).replace("&", "^")
        return with_unit(value, unit_of(unit))

    return convert


def structured(tools: Tools) -> "Structured":
    return Structured(UnitPart(tools))


class Structured:
    """SN with its unit -> the name of a `value[x]` form and its value (HL7 v2.9.1, 2A.3.67)."""

    __slots__ = ("_unit",)

    def __init__(self, unit: UnitPart) -> None:
        self._unit = unit

    def __call__(self, raw: str, unit_raw: str) -> tuple[str, Any] | None:
        sign, first, between, second = (plain(part(raw, n)) for n in range(1, 5))
        unit = self._unit(unit_raw)
        low, high = number(first), number(second)
        if low is not None and not second and not between and (not sign or sign == "="):
            return "Quantity", with_unit(low, unit)
        if low is not None and not second and sign in _COMPARATORS:
            return "Quantity", with_unit(low, unit, _COMPARATORS[sign])
        if low is not None and high is not None and not sign and between == "-":
            return "Range", {"low": with_unit(low, unit), "high": with_unit(high, unit)}
        if low is not None and high is not None and not sign and between in {":", "/"}:
            ratio = {"numerator": with_unit(low, {}), "denominator": with_unit(high, {})}
            return "Ratio", ratio
        text = f"{sign}{first}{between}{second}"
        return ("String", text) if text else None


def structured_quantity(tools: Tools) -> Convert:
    """SN -> Quantity, when it is one number with or without a comparator."""
    read = structured(tools)

    def convert(raw: str) -> Any:
        found = read(raw, "")
        return found[1] if found is not None and found[0] == "Quantity" else None

    return convert


def span(tools: Tools) -> Convert:
    """NR -> Range."""
    single = quantity(tools)

    def convert(raw: str) -> Any:
        found = {}
        for name, nth in (("low", 1), ("high", 2)):
            value = single(part(raw, nth))
            if isinstance(value, dict):
                found[name] = value
        return found or None

    return convert
