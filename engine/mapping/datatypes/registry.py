"""Which converter takes an HL7 v2 type to a FHIR type. The table is the documentation."""

from collections.abc import Callable

from engine.mapping.datatypes import coded, identifiers, moments, numbers, people, plaintext
from engine.mapping.datatypes.tools import Convert, Tools
from engine.mapping.tables import Table

Make = Callable[[Tools], Convert]

_FAMILY = {
    "CE": "CWE",
    "CNE": "CWE",
    "CF": "CWE",
    "TS": "DTM",
    "DT": "DTM",
    "PN": "XPN",
    "AD": "XAD",
    "SAD": "XAD",
    "TN": "XTN",
    "CN": "XCN",
    "CNN": "XCN",
    "PPN": "XCN",
    "DLD": "ID",
    "SI": "NM",
    "IS": "ID",
    "TX": "ST",
    "FT": "ST",
    "ED": "ED",
}
_TEXT = ("ST", "ID", "NM")
_NATURAL = {  # what OBX-5 is read as, where the place decides
    "CodeableConcept": "CWE",
    "Coding": "CWE",
    "Quantity": "NM",
    "decimal": "NM",
    "integer": "NM",
    "date": "DTM",
    "dateTime": "DTM",
    "instant": "DTM",
    "time": "TM",
    "Period": "DR",
    "Range": "NR",
    "Attachment": "ED",
    "Identifier": "CX",
    "HumanName": "XPN",
    "Address": "XAD",
    "ContactPoint": "XTN",
}
_PLAIN = {
    "uri": plaintext.uri,
    "url": plaintext.uri,
    "canonical": plaintext.uri,
    "id": plaintext.ident,
    "base64Binary": plaintext.binary,
    "boolean": plaintext.boolean,
    "decimal": numbers.decimal,
    "integer": lambda _: numbers.integer(-(2**31)),
    "unsignedInt": lambda _: numbers.integer(0),
    "positiveInt": lambda _: numbers.integer(1),
    "Quantity": numbers.quantity,
    "date": moments.date,
    "dateTime": moments.date_time,
    "instant": moments.instant,
    "time": moments.time,
    "Period": moments.period,
    "Range": numbers.span,
}
_PLAINER = {  # what besides text a plain converter reads
    "date": {"DTM"},
    "dateTime": {"DTM"},
    "instant": {"DTM"},
    "time": {"DTM"},
    "boolean": {"CWE"},
}
_TABLE: dict[tuple[str, str], Make] = {
    ("CX", "Identifier"): identifiers.extended,
    ("EI", "Identifier"): identifiers.entity,
    ("XCN", "Identifier"): identifiers.person,
    ("XON", "Identifier"): identifiers.organization,
    ("HD", "Identifier"): identifiers.authority,
    ("ST", "Identifier"): identifiers.extended,
    ("HD", "uri"): identifiers.authority_uri,
    ("XPN", "HumanName"): people.name,
    ("XCN", "HumanName"): people.person_name,
    ("ST", "HumanName"): people.name,
    ("XAD", "Address"): people.address,
    ("XTN", "ContactPoint"): people.telecom,
    ("ST", "ContactPoint"): people.telecom,
    ("SN", "Quantity"): numbers.structured_quantity,
    ("CQ", "Quantity"): numbers.composite,
    ("NR", "Range"): numbers.span,
    ("DR", "Period"): moments.period,
    ("DTM", "Period"): moments.period,
    ("TM", "time"): moments.time,
    ("ED", "Attachment"): plaintext.encapsulated,
    ("RP", "Attachment"): plaintext.pointer,
    ("PL", "string"): plaintext.place,
    ("CWE", "string"): plaintext.named,
}
_STRINGS = frozenset({"string", "markdown"})
CODED = frozenset({"CodeableConcept", "Coding", "code"})
_CODED_SOURCES = frozenset({"CWE", "ID", "ST", "NM", "XON", "EI", "CX", "HD", "PL", "XCN"})


def family(datatype: str) -> str:
    """Return the type that stands for all that are read alike."""
    return _FAMILY.get(datatype, datatype)


def convertible(datatype: str, target: str) -> bool:
    """Whether there is a converter."""
    return _chosen(datatype, target) is not None or _is_coded(datatype, target)


def _natural(datatype: str, target: str) -> str:
    return _NATURAL.get(target, "ST") if datatype == "*" else family(datatype)


def _is_coded(datatype: str, target: str) -> bool:
    return target in CODED and _natural(datatype, target) in _CODED_SOURCES


def _chosen(datatype: str, target: str) -> Make | None:
    source = _natural(datatype, target)
    found = _TABLE.get((source, target))
    if found is not None:
        return found
    if target in _STRINGS:
        return plaintext.whole if source == "ST" or datatype == "*" else plaintext.first
    if source in _TEXT or source in _PLAINER.get(target, ()):
        return _PLAIN.get(target)
    return None


def converter(datatype: str, target: str, tools: Tools) -> Convert | None:
    """Return the converter of a pair without a code table, None when there is none."""
    make = _chosen(datatype, target)
    return make(tools) if make else None


def coded_converter(
    target: str, tools: Tools, table: Table | None, unmapped: str, binding: frozenset[str] | None
) -> Convert:
    """Return the converter to a coded type, by a table when there is one."""
    reader = coded.Coded(tools, table, unmapped)
    if target == "CodeableConcept":
        return coded.concept(reader)
    if target == "Coding":
        return coded.coding(reader)
    return coded.code(reader, binding)
