"""XPN, XCN, XAD, XTN -> HumanName, Address, ContactPoint.

HL7 v2.9.1, 2A.3.88 (XPN), 2A.3.1 (XAD), 2A.3.92 (XTN). Codes by the tables name-use, address-use,
address-type, telecom-use and telecom-equipment of the chain, else by the engine's own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.mapping.datatypes import moments
from engine.mapping.datatypes.tools import Convert, Tools, memo
from engine.mapping.text import COMPONENT, ESCAPE, SUB, lead, lowered, parts, words

_DECODED = frozenset(f'{ESCAPE}@"')  # of an address of mail, a null or an escape
_CORE = "http://hl7.org/fhir/StructureDefinition/"
_SURNAME = ("own-prefix", "own-name", "partner-prefix", "partner-name")  # FN.2 - FN.5
_STREET = ("streetName", "houseNumber")  # SAD.2, SAD.3
_NUMBER = ("country", "area", "local", "extension")  # XTN.5 - XTN.8
_NAME_USE = {
    "L": "official",
    "D": "usual",
    "R": "official",
    "I": "official",
    "C": "official",
    "M": "maiden",
    "N": "nickname",
    "A": "nickname",
    "B": "old",
    "BAD": "old",
    "S": "anonymous",
    "T": "temp",
    "TEMP": "temp",
    "NOUSE": "old",
}
_ADDRESS_USE = {
    "H": "home",
    "P": "home",
    "L": "home",
    "HV": "home",
    "B": "work",
    "O": "work",
    "C": "temp",
    "BA": "old",
    "BI": "billing",
    "V": "temp",
    "TM": "temp",
}
_ADDRESS_TYPE = {"M": "postal", "SH": "postal"}
_PHONE_USE = {
    "PRN": "home",
    "VHN": "home",
    "ORN": "home",
    "WPN": "work",
    "PRS": "mobile",
    "CEL": "mobile",
}
_EQUIPMENT = {
    "PH": "phone",
    "CP": "phone",
    "SAT": "phone",
    "FX": "fax",
    "BP": "pager",
    "INTERNET": "email",
    "X.400": "email",
    "MD": "other",
    "TDD": "other",
    "TTY": "other",
}


def _coded(tools: Tools, table: str, otherwise: Mapping[str, str]) -> Callable[[str], str]:
    """Return the translation of a code, empty for one that is empty or not known."""
    known = memo(lambda code: tools.mapped(table, code, otherwise))
    return lambda code: known(code) if code else ""


def _apart(names: Sequence[str], values: Sequence[str], stem: str) -> list[dict[str, str]]:
    """Return the parts of a value that the sender tells apart, as R4's own extensions of it."""
    said = zip(names, values, strict=True)
    return [{"url": f"{_CORE}{stem}-{name}", "valueString": value} for name, value in said if value]


def _name(use: str, items: Sequence[str], surname: str) -> dict[str, Any] | None:
    """Build from family, given, further, suffix, prefix, degree, professional suffix.

    `surname` is the family name raw, where it has sub-components.
    """
    family, first, further, prefix, *suffixes = items
    given = [first, *further.split()] if first else further.split()
    suffixes = [text for text in suffixes if text]
    if not (family or given or suffixes or prefix):
        return None
    found: dict[str, Any] = {"use": use} if use else {}
    if family:
        found["family"] = family
        apart = _apart(_SURNAME, words(lowered(surname), 5)[1:], "humanname") if surname else []
        if apart:
            found["_family"] = {"extension": apart}
    if given:
        found["given"] = given
    if prefix:
        found["prefix"] = [prefix]
    if suffixes:
        found["suffix"] = suffixes
    return found


def _leading(raw: str, text: str) -> str:
    """Return the first sub-component of the first component, whose decoded text is given."""
    return lead(lowered(parts(raw, 1)[0])) if SUB in raw else text


def name(tools: Tools) -> Convert:
    """XPN -> HumanName."""
    dated, use_of = moments.period(tools), _coded(tools, "name-use", _NAME_USE)

    def convert(raw: str) -> Any:
        items = words(raw, 14)
        surname = parts(raw, 1)[0] if SUB in raw else ""
        family = _leading(raw, items[0])
        said = (family, items[1], items[2], items[4], items[3], items[5], items[13])
        found = _name(use_of(items[6]), said, surname if SUB in surname else "")
        if found and (items[9] or items[11] or items[12]):
            period = _dates([parts(raw, 13)[n] for n in (9, 11, 12)], dated)
            if period:
                found["period"] = period
        return _assembled(found, items[10]) if items[10] else found

    return convert


def person_name(tools: Tools) -> Convert:
    """XCN, CNN -> HumanName: the name is in components 2 to 7, its type in 10, its dates later."""
    dated, use_of = moments.period(tools), _coded(tools, "name-use", _NAME_USE)

    def convert(raw: str) -> Any:
        items = words(raw, 21)
        surname = parts(raw, 2)[1] if SUB in raw else ""
        family = lead(lowered(surname)) if surname else items[1]
        said = (family, items[2], items[3], items[5], items[4], items[6], items[20])
        found = _name(use_of(items[9]), said, surname if SUB in surname else "")
        if found and (items[16] or items[18] or items[19]):
            period = _dates([parts(raw, 20)[n] for n in (16, 18, 19)], dated)
            found = {**found, "period": period} if period else found
        return _assembled(found, items[17]) if items[17] else found

    return convert


def _assembled(found: dict[str, Any] | None, order: str) -> dict[str, Any] | None:
    """Say whether the family name stands first when the name is written (HL7 table 0444)."""
    if not found or order not in {"F", "G"}:
        return found
    url = "http://hl7.org/fhir/StructureDefinition/humanname-assembly-order"
    return {"extension": [{"url": url, "valueCode": order}], **found}


def _dates(items: list[str], dated: Convert) -> Any:
    """Read a validity: start and end in the last two items, else a DR in the first."""
    own = f"{items[1]}^{items[2]}" if items[1] or items[2] else lowered(items[0])
    period = dated(own) if own else None
    return period if isinstance(period, dict) else None


def address(tools: Tools) -> Convert:
    """XAD -> Address."""
    dated = moments.period(tools)
    use_of = _coded(tools, "address-use", _ADDRESS_USE)
    type_of = _coded(tools, "address-type", _ADDRESS_TYPE)

    def convert(raw: str) -> Any:
        items = words(raw, 19)
        street, other, city, state, code, country, kind = items[:7]
        apart: list[dict[str, str]] = []
        if SUB in raw:
            street, apart = _street(parts(raw, 1)[0])
        lines = [text for text in (street, other, items[18]) if text]
        district = _label(lowered(parts(raw, 9)[8])) if SUB in raw else items[8]
        if not (lines or city or district or state or code or country):
            return None
        found: dict[str, Any] = {
            "use": use_of(kind),
            "type": type_of(kind),
            "line": lines,
            "_line": [{"extension": apart}, *[None] * (len(lines) - 1)] if apart else None,
            "city": city,
            "district": district,
            "state": state,
            "postalCode": code,
            "country": country,
        }
        if items[9]:
            found["extension"] = [_tract(lowered(parts(raw, 10)[9]))]
        if items[11] or items[12] or items[13]:
            found["period"] = _dates([parts(raw, 14)[n] for n in (11, 12, 13)], dated)
        return {name: value for name, value in found.items() if value}

    return convert


def _tract(raw: str) -> dict[str, str]:
    """Return the census tract of an address, as R4's own extension of it."""
    return {"url": f"{_CORE}iso21090-ADXP-censusTract", "valueString": words(raw, 1)[0]}


def _street(raw: str) -> tuple[str, list[dict[str, str]]]:
    """Return the line of a street (SAD) and, as extensions of it, its name and number.

    SAD.1 is the whole line; where it is missing the line is put together.
    """
    line, name, number = words(lowered(raw), 3)
    line = line or " ".join(item for item in (name, number) if item)
    return line, _apart(_STREET, (name, number), "iso21090-ADXP")


def _label(raw: str) -> str:
    """Return the text of a coded value, else its code."""
    code, text = words(raw, 2)
    return text or code


def telecom(tools: Tools) -> Convert:
    """XTN -> ContactPoint."""
    whole = _contact_point(tools)
    known = memo(lambda tail: whole(f"1{COMPONENT}{tail}"))

    def convert(raw: str) -> Any:
        number, _, tail = raw.partition(COMPONENT)
        number = number.strip()
        if _is_plain(number) and tail.count(COMPONENT) < 2:  # numbers differ, uses do not
            return {**known(tail), "value": number}
        return whole(raw)

    return convert


def _contact_point(tools: Tools) -> Convert:
    dated = moments.period(tools)
    system_of = _coded(tools, "telecom-equipment", _EQUIPMENT)
    known_use = _coded(tools, "telecom-use", _PHONE_USE)

    def whole(raw: str) -> Any:
        items = words(raw, 18)
        equipment = items[2].upper()
        mail = items[3] if items[3] or "@" not in items[0] else items[0]
        system = system_of(equipment)
        use = "mobile" if equipment == "CP" else known_use(items[1])
        number = _number(items)
        apart = _apart(_NUMBER, items[4:8], "contactpoint")
        told: dict[str, Any] = {"extension": apart} if apart else {}
        if mail and (system in {"", "email"} or not number):
            found = {**told, "system": "email", "value": mail}
        elif not number:
            return None
        else:
            found = {**told, "system": system or "phone", "value": number}
            if items[1].upper() == "BPN":
                found["system"] = "pager"
        if use:
            found["use"] = use
        if items[12] or items[13] or items[17]:
            period = _dates(["", *parts(raw, 14)[12:]], dated)
            return {**found, **_ordered(items[17]), **({"period": period} if period else {})}
        return found

    return whole


def _is_plain(number: str) -> bool:
    """Whether a first component is a number as written, with nothing to decode."""
    return number.isprintable() and number != "" and _DECODED.isdisjoint(number)


def _ordered(preference: str) -> dict[str, int]:
    """Return the order of preference, where it is a number above zero."""
    rank = int(preference) if preference.isdecimal() and preference.isascii() else 0
    return {"rank": rank} if rank else {}


def _number(items: list[str]) -> str:
    """Return the number as written, else put together from its parts."""
    if items[0] and "@" not in items[0]:
        return items[0]
    if items[11]:
        return items[11]
    country, area, local, extension = items[4:8]
    if not local:
        return ""
    written = [f"+{country.lstrip('+')}" if country else "", f"({area})" if area else "", local]
    written.append(f"x{extension}" if extension else "")
    return " ".join(item for item in written if item)
