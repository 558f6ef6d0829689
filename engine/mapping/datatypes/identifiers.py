"""CX, EI, HD and the identifier parts of XCN and XON -> Identifier, with systems by assigner.

HL7 v2.9.1, 2A.3.14 (CX), 2A.3.33 (HD). An unknown assigner gets a system of the site's own and a
diagnostic.
"""

import re
from functools import lru_cache
from typing import Any

from engine.mapping.datatypes import moments
from engine.mapping.datatypes.tools import MEMO, Assigner, Convert, Flawed, Tools, memo
from engine.mapping.text import COMPONENT, NULL, is_uri, lead, lowered, parts, plain, slug

TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
SCHEMES = "http://terminology.hl7.org/CodeSystem/v2-0301"
_CORE = "http://hl7.org/fhir/StructureDefinition/"
_TABLE_0203 = """
AC ACSN AIN AM AMA AN ANC AND ANON ANT APRN ASID BA BC BCFN BCT BR BRN BSNR CAAI CC CONM CY CZ
DC DCFN DDS DEA DFN DI DL DN DO DP DPM DR DS DSG EI EN ESN FDR FDRFN FGN FI FILL GI GL GN HC
IND JHN LACSN LANR LI LN LR MA MB MC MCD MCN MCR MCT MD MI MR MRT MS NBSNR NCT NE NH NI NII
NIIP NP NPI OD PA PC PCN PE PEN PGN PHC PHE PHO PI PIN PLAC PN PNT PPIN PPN PRC PRN PT QA RI
RN RPH RR RRI RRP SB SID SL SN SNBSN SNO SP SR SRX SS STN TAX TN TPR TRL U UDI UPIN USID VISIT
VN VP VS WC WCN WP XV XX
"""
_TYPE_CODES = frozenset(_TABLE_0203.split())
_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UNKNOWN = "no assigner of this name is declared; the system is the site's own"


class Assigners:
    """Assigning authorities (HD) -> systems of identifiers."""

    __slots__ = ("_known", "_site", "find")

    def __init__(self, tools: Tools) -> None:
        self._known = tools.assigners
        self._site = tools.site
        self.find = lru_cache(MEMO)(self._find)

    def _find(self, raw: str, kind: str) -> tuple[Assigner, bool]:
        """Return who assigns, and whether anybody has said so. `raw` is an HD with components."""
        namespace, universal, scheme = (plain(item) for item in parts(raw, 3))
        for name in (namespace, universal):
            if name and name in self._known:
                return self._known[name], True
        system = _universal(universal, scheme.upper())
        if system:
            return Assigner(system), True
        if namespace or universal:
            return Assigner(self.own(namespace or universal)), False
        return Assigner(self.own(kind)), True

    def own(self, name: str) -> str:
        """Return a system of the site's own."""
        written = slug(name)
        return f"urn:id:{self._site}:{written}" if written else f"urn:id:{self._site}"


def _universal(text: str, scheme: str) -> str:
    if not text:
        return ""
    if _OID.fullmatch(text):
        return f"urn:oid:{text}"
    if _UUID.fullmatch(text):
        return f"urn:uuid:{text.lower()}"
    if scheme == "URI" or text.startswith(("http://", "https://", "urn:")):
        return text if is_uri(text) else ""
    return ""


def type_of(tools: Tools, code: str) -> dict[str, Any] | None:
    """Return Identifier.type of a CX-5."""
    if not code:
        return None
    table = tools.tables.get("identifier-type")
    target = table.find("", code) if table else None
    if target is not None:
        coding = {"system": target.system, "code": target.code, "display": target.display}
        return {"coding": [{name: value for name, value in coding.items() if value}]}
    if code in _TYPE_CODES:
        return {"coding": [{"system": TYPES, "code": code}]}
    return {"text": code}


class Identifiers:
    """Builds Identifiers of one site."""

    __slots__ = ("assigners", "day", "parts", "tools")

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.assigners = Assigners(tools)
        self.day = moments.date_time(tools)
        self.parts = lru_cache(MEMO)(self._parts)

    def build(self, value: str, authority: str, kind: str) -> Any:
        """Build from decoded value and type and the raw HD of the authority."""
        if not value:
            return None
        before, after, known = self.parts(authority, kind)
        found = {**before, "value": value, **after}
        return found if known else Flawed("unknown-assigner", _UNKNOWN, found)

    def _parts(self, authority: str, kind: str) -> tuple[dict[str, Any], dict[str, Any], bool]:
        """Return what stands before and after the value, and whether the assigner is known."""
        assigner, known = self.assigners.find(authority, kind)
        kind_ = type_of(self.tools, kind or assigner.type)
        before: dict[str, Any] = {"type": kind_} if kind_ else {}
        before["system"] = assigner.system
        return before, _assigned_by(authority), known


def _assigned_by(authority: str) -> dict[str, Any]:
    """Return who gave an identifier out: name and universal id of the HD, logically."""
    name, universal, scheme = (plain(item) for item in parts(authority, 3))
    found: dict[str, Any] = (
        {"identifier": known} if (known := universal_id(universal, scheme)) else {}
    )
    if name and name != NULL:
        found["display"] = name
    return {"assigner": found} if found else {}


def universal_id(universal: str, scheme: str) -> dict[str, Any] | None:
    """Return HD.2 as an Identifier; HL7 table 0301 says of what kind it is."""
    if not universal:
        return None
    found: dict[str, Any] = {}
    if scheme:
        found["type"] = {"coding": [{"system": SCHEMES, "code": scheme}]}
    system = _universal(universal, scheme.upper())
    if system.startswith("urn:"):
        found["system"] = "urn:ietf:rfc:3986"
    return {**found, "value": system if system.startswith("urn:") else universal}


def _checked(digit: str, scheme: str) -> dict[str, Any]:
    """Return the check digit of a number and its scheme, as extensions."""
    said = (("identifier-checkDigit", digit), ("namingsystem-checkDigit", scheme))
    found = [{"url": f"{_CORE}{name}", "valueString": value} for name, value in said if value]
    return {"extension": found} if found else {}


def extended(tools: Tools) -> Convert:
    """CX -> Identifier."""
    build = Identifiers(tools)

    @memo
    def around(tail: str) -> tuple[dict[str, Any], dict[str, Any], bool]:
        """Return what stands before and after the value: few numbers have it for themselves."""
        items = parts(COMPONENT + tail, 8)
        before, after, known = build.parts(lowered(items[3]), plain(items[4]))
        dates = {"start": build.day(items[6]), "end": build.day(items[7])}
        period = {name: date for name, date in dates.items() if isinstance(date, str)}
        if items[1] or items[2]:
            before = _checked(plain(items[1]), plain(items[2])) | before
        return before, {**({"period": period} if period else {}), **after}, known

    def convert(raw: str) -> Any:
        head, _, tail = raw.partition(COMPONENT)
        value = lead(head) if head != NULL else ""
        if not value:
            return None
        before, after, known = around(tail)
        found = {**before, "value": value, **after}
        return found if known else Flawed("unknown-assigner", _UNKNOWN, found)

    return convert


def entity(tools: Tools) -> Convert:
    """EI -> Identifier: the authority is in components 2 to 4."""
    build = Identifiers(tools)

    def convert(raw: str) -> Any:
        items = parts(raw, 4)
        return build.build(plain(items[0]), "^".join(items[1:4]), "")

    return convert


def person(tools: Tools) -> Convert:
    """XCN, CNN -> Identifier: authority in 9, type in 13."""
    build = Identifiers(tools)

    @memo
    def convert(raw: str) -> Any:
        items = parts(raw, 13)
        kind, authority = plain(items[12]), lowered(items[8])
        if authority.split("^")[0].upper() == "NPI" or kind == "NPI":
            return _npi(tools, lead(items[0]), authority)
        found = build.build(lead(items[0]), authority, kind)
        return _with_check(found, items[10], items[11])

    return convert


def _with_check(found: Any, digit: str, scheme: str) -> Any:
    extra = _checked(plain(digit), plain(scheme)) if digit or scheme else {}
    if not extra or found is None:
        return found
    if isinstance(found, Flawed):
        return Flawed(found.code, found.message, extra | found.value)
    return extra | found


def _npi(tools: Tools, value: str, authority: str) -> Any:
    if not value:
        return None
    system = "http://hl7.org/fhir/sid/us-npi"
    found = {"type": type_of(tools, "NPI"), "system": system, "value": value}
    return found if authority.upper() == "NPI" else found | _assigned_by(authority)


def organization(tools: Tools) -> Convert:
    """XON -> Identifier: id in 10, before v2.7 in 3; authority in 6, type in 7."""
    build = Identifiers(tools)

    @memo
    def convert(raw: str) -> Any:
        items = parts(raw, 10)
        value = plain(items[9]) or plain(items[2])
        found = build.build(value, lowered(items[5]), plain(items[6]))
        return _with_check(found, items[3], items[4])

    return convert


def authority_uri(tools: Tools) -> Convert:
    """HD -> uri."""
    assigners = Assigners(tools)

    def convert(raw: str) -> Any:
        return assigners.find(raw, "")[0].system if lead(raw) or "^" in raw else None

    return convert


def authority(tools: Tools) -> Convert:
    """HD -> Identifier of the organization or system it names."""
    assigners = Assigners(tools)

    def convert(raw: str) -> Any:
        namespace, universal, scheme = (plain(item) for item in parts(raw, 3))
        system = _universal(universal, scheme.upper())
        if system.startswith("urn:"):
            return {"system": "urn:ietf:rfc:3986", "value": system}
        value = namespace or universal
        return {"system": assigners.own(""), "value": value} if value else None

    return convert
