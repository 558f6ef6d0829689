"""CWE, CE, CNE, ID, IS, ST -> CodeableConcept, Coding, code, by code tables.

HL7 v2.9.1, 2A.3.13 (CWE). The original coding is always kept beside the translated one.
"""

import re
from typing import Any

from engine.mapping.datatypes.tools import Convert, Flawed, Tools, memo
from engine.mapping.tables import Table, Target
from engine.mapping.text import is_uri, parts, plain, slug

_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_V2_TABLE = re.compile(r"HL7(\d{4})")
_OLDER = re.compile(r"https?://hl7\.org/fhir/(v[23])/([A-Za-z0-9-]+)")  # before R4
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_KNOWN = {
    "LN": "http://loinc.org",
    "LOINC": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "SNM": "http://snomed.info/sct",
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9": "http://hl7.org/fhir/sid/icd-9-cm",
    "C4": "http://www.ama-assn.org/go/cpt",
    "CPT": "http://www.ama-assn.org/go/cpt",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "UCUM": "http://unitsofmeasure.org",
    "CDCREC": "urn:oid:2.16.840.1.113883.6.238",
    "NPI": "http://hl7.org/fhir/sid/us-npi",
}
_TRIPLETS = ((0, 6), (3, 7), (9, 12))  # where code, display and system begin, and the version
_UNMAPPED = "no row of the code table has this code"


class Systems:
    """Names of coding systems (CWE-3), and URIs as senders spell them -> URIs."""

    __slots__ = ("_read", "_site", "_table", "_uris")

    def __init__(self, tools: Tools) -> None:
        self._site = tools.site
        self._table = tools.tables.get("coding-system")
        self._uris = self._table.targets() if self._table else frozenset()
        self._read = memo(self._found)

    def uri(self, name: str) -> str:
        """Return the URI of a coding system, `urn:id:<site>:<name>` for a local one."""
        return self._read(name) if name else ""

    def _found(self, name: str) -> str:
        found = self._table.find("", name) if self._table else None
        if found is not None:
            return found.code
        known = _KNOWN.get(name.upper())
        if known is not None:
            return known
        return self._shaped(name)

    def knows(self, name: str) -> bool:
        """Whether a code table names this system."""
        return self._table is not None and self._table.find("", name) is not None

    def _shaped(self, name: str) -> str:
        table = _V2_TABLE.fullmatch(name.upper())
        if table is not None:
            return f"{_TERMINOLOGY}/v2-{table.group(1)}"
        if _OID.fullmatch(name):
            return f"urn:oid:{name}"
        older = _OLDER.fullmatch(name)
        if older is not None:
            return f"{_TERMINOLOGY}/{older.group(1)}-{older.group(2)}"
        written = name.rstrip("/.").replace("https://", "http://", 1)
        if written in self._uris:  # a slash or a dot behind it, or another scheme
            return written
        if name.startswith(("http://", "https://", "urn:")) and is_uri(name):
            return name
        written = slug(name)
        return f"urn:id:{self._site}:{written}" if written else ""


class Coded:
    """Reads coded values; one per use in a plan, with its own table."""

    __slots__ = ("systems", "table", "unmapped")

    def __init__(self, tools: Tools, table: Table | None, unmapped: str = "") -> None:
        self.systems = Systems(tools)
        self.table = table
        self.unmapped = unmapped or (table.unmapped if table else "")

    def codings(self, raw: str) -> tuple[list[dict[str, Any]], str]:
        """Return the codings as sent and the text."""
        items = [plain(item) if item else "" for item in parts(raw, 13)]
        found = []
        for start, version in _TRIPLETS:
            code, display, system = items[start : start + 3]
            if code:
                found.append(_coding(self.systems.uri(system), items[version], code, display))
        text = items[8] or items[1] or items[4]
        return found, text

    def target(self, codings: list[dict[str, Any]], text: str) -> Target | None:
        """Translate the first coding that the table knows, else the text."""
        if self.table is None:
            return None
        for coding in codings:
            found = self.table.find(coding.get("system", ""), coding["code"])
            if found is not None:
                return found
        return self.table.find("", text) if text else None

    def fixed(self) -> Target | None:
        """Return what `unmapped: =code` says."""
        if not self.unmapped.startswith("="):
            return None
        systems = self.table.systems() if self.table else []
        return Target(systems[0] if systems else "", self.unmapped[1:])


def _coding(system: str, version: str, code: str, display: str) -> dict[str, Any]:
    code = " ".join(code.split())  # a code has single spaces at most (R4, datatypes.html#code)
    found = {"system": system, "version": version, "code": code, "display": display}
    return {name: value for name, value in found.items() if value}


def as_coding(target: Target) -> dict[str, Any]:
    return _coding(target.system, "", target.code, target.display)


def concept(coded: Coded) -> Convert:
    """CodeableConcept: the codings as sent, then the translated one."""
    table = coded.table

    @memo
    def convert(raw: str) -> Any:
        codings, text = coded.codings(raw)
        if not codings and not text:
            return None
        target = coded.target(codings, text)
        missed = table is not None and target is None
        if missed:
            target = coded.fixed()
        if target is not None:
            _add(codings, as_coding(target))
        elif missed and coded.unmapped == "drop":
            return Flawed("unmapped-code", _UNMAPPED)
        value: dict[str, Any] = {"coding": codings} if codings else {}
        if text:
            value["text"] = text
        return Flawed("unmapped-code", _UNMAPPED, value) if missed else value

    return convert


def _add(codings: list[dict[str, Any]], coding: dict[str, Any]) -> None:
    same = (coding.get("system"), coding["code"])
    if all((known.get("system"), known["code"]) != same for known in codings):
        codings.append(coding)


def coding(coded: Coded) -> Convert:
    """Coding: the translated one, or the one sent where there is no table."""
    table = coded.table

    @memo
    def convert(raw: str) -> Any:
        codings, text = coded.codings(raw)
        if not codings and not text:
            return None
        if table is None:
            return codings[0] if codings else {"display": text}
        target = coded.target(codings, text)
        if target is not None:
            return as_coding(target)
        target = coded.fixed()
        value = as_coding(target) if target else None
        if coded.unmapped == "keep":
            value = codings[0] if codings else {"display": text}
        return Flawed("unmapped-code", _UNMAPPED, value)

    return convert


def code(coded: Coded, binding: frozenset[str] | None) -> Convert:
    """A code by its table; one that a required binding does not have is left out."""
    table = coded.table

    @memo
    def convert(raw: str) -> Any:
        codings, text = coded.codings(raw)
        if not codings and not text:
            return None
        sent = codings[0]["code"] if codings else text
        target = coded.target(codings, text) if table else Target("", sent)
        if target is not None and (binding is None or target.code in binding):
            return target.code
        fixed = coded.fixed()
        value = fixed.code if fixed else None
        if coded.unmapped == "keep" and binding is None:
            value = sent
        return Flawed("unmapped-code", _UNMAPPED, value)

    return convert
