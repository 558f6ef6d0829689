"""XPN, XCN, XAD, XTN -> HumanName, Address, ContactPoint.

HL7 v2.9.1, 2A.3.88 (XPN), 2A.3.1 (XAD), 2A.3.92 (XTN). Codes by the tables name-use, address-use,
address-type, telecom-use and telecom-equipment of the chain, else by the engine's own.
"""

from collections.abc import Iterable
from typing import Any

from engine.mapping.datatypes import moments
from engine.mapping.datatypes.tools import Convert, Tools
from engine.mapping.text import lead, lowered, parts, plain

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


def _valued(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value}


def _texts(items: Iterable[str]) -> list[str]:
    return [text for item in items if (text := plain(item))]


def _name(tools: Tools, items: list[str], kind: str) -> dict[str, Any] | None:
    """Build from family, given, further, suffix, prefix, degree as raw components."""
    family = lead(lowered(items[0]))
    given = _texts([items[1]]) + plain(items[2]).split()
    suffix = _texts((items[3], items[5]))
    prefix = _texts([items[4]])
    if not (family or given or suffix or prefix):
        return None
    use = tools.mapped("name-use", kind, _NAME_USE) if kind else ""
    return _valued(
        {"use": use, "family": family, "given": given, "prefix": prefix, "suffix": suffix}
    )


def name(tools: Tools) -> Convert:
    """XPN -> HumanName."""
    dated = moments.period(tools)

    def convert(raw: str) -> Any:
        items = parts(raw, 13)
        found = _name(tools, items, plain(items[6]))
        if found and (items[9] or items[11] or items[12]):
            dates = lowered(items[9]) or f"{items[11]}^{items[12]}"
            period = dated(dates)
            if isinstance(period, dict):
                found["period"] = period
        return found

    return convert


def person_name(tools: Tools) -> Convert:
    """XCN, CNN -> HumanName: the name is in components 2 to 7, its type in 10."""

    def convert(raw: str) -> Any:
        items = parts(raw, 10)
        return _name(tools, items[1:7], plain(items[9]))

    return convert


def _dates(items: list[str], dated: Convert) -> Any:
    """Read a validity: a DR in the first item, else start and end in the other two."""
    period = dated(lowered(items[0]) or f"{items[1]}^{items[2]}") if any(items) else None
    return period if isinstance(period, dict) else None


def address(tools: Tools) -> Convert:
    """XAD -> Address."""
    dated = moments.period(tools)

    def convert(raw: str) -> Any:
        items = parts(raw, 19)
        kind = plain(items[6])
        county = lowered(items[8])
        found = _valued(
            {
                "line": [
                    t for t in (lead(lowered(items[0])), plain(items[1]), plain(items[18])) if t
                ],
                "city": plain(items[2]),
                "district": _label(county),
                "state": plain(items[3]),
                "postalCode": plain(items[4]),
                "country": plain(items[5]),
            }
        )
        if not found:
            return None
        use = tools.mapped("address-use", kind, _ADDRESS_USE) if kind else ""
        type_ = tools.mapped("address-type", kind, _ADDRESS_TYPE) if kind else ""
        period = _dates([items[11], items[12], items[13]], dated)
        return _valued({"use": use, "type": type_, **found, "period": period})

    return convert


def _label(raw: str) -> str:
    """Return the text of a coded value, else its code."""
    code, text = (plain(item) for item in parts(raw, 2))
    return text or code


def telecom(tools: Tools) -> Convert:
    """XTN -> ContactPoint."""

    def convert(raw: str) -> Any:
        items = [plain(item) for item in parts(raw, 12)]
        use_code, equipment = items[1].upper(), items[2].upper()
        mail = items[3] if items[3] or "@" not in items[0] else items[0]
        system = tools.mapped("telecom-equipment", equipment, _EQUIPMENT) if equipment else ""
        if mail and (system in {"", "email"} or not _number(items)):
            return _valued({"system": "email", "value": mail, "use": _use(tools, items)})
        value = _number(items)
        if not value:
            return None
        if use_code == "BPN":
            system = "pager"
        return {"system": system or "phone", "value": value, **_valued({"use": _use(tools, items)})}

    return convert


def _use(tools: Tools, items: list[str]) -> str:
    if items[2].upper() == "CP":
        return "mobile"
    return tools.mapped("telecom-use", items[1], _PHONE_USE) if items[1] else ""


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
