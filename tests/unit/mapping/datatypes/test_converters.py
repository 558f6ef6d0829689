"""HL7 v2 types to FHIR types, by example."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.core.lexeme import Number
from engine.mapping.datatypes import coded, registry
from engine.mapping.datatypes.tools import Assigner, Flawed, Tools
from engine.mapping.problem import Place
from engine.mapping.tables import Table, Target

TOOLS = Tools(
    "mercy",
    ZoneInfo("America/Chicago"),
    {},
    {"HOSP": Assigner("urn:oid:1.2.3", "MR"), "SSA": Assigner("http://hl7.org/fhir/sid/us-ssn")},
)
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
V2_0301 = "http://terminology.hl7.org/CodeSystem/v2-0301"
CORE = "http://hl7.org/fhir/StructureDefinition/"
NUMBER = {"country": "1", "area": "555", "local": "5550100", "extension": "9"}
OID_1_2_9 = {
    "type": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0301", "code": "ISO"}]
    },
    "system": "urn:ietf:rfc:3986",
    "value": "urn:oid:1.2.9",
}


def extensions(said: dict[str, str]) -> dict[str, Any]:
    """Return the extensions of these names in order."""
    return {"extension": [{"url": f"{CORE}{name}", "valueString": v} for name, v in said.items()]}


def convert(source: str, target: str, raw: str) -> Any:
    found = registry.converter(source, target, TOOLS)
    assert found is not None
    return found(raw)


def test_identifier_with_known_assigner_takes_its_type() -> None:
    assert convert("CX", "Identifier", "7^^^HOSP") == {
        "type": {"coding": [{"system": V2_0203, "code": "MR"}]},
        "system": "urn:oid:1.2.3",
        "value": "7",
        "assigner": {"display": "HOSP"},
    }


def test_identifier_with_universal_id_and_validity() -> None:
    assert convert("CX", "Identifier", " 7 ^^^LAB&1.2.9&ISO^PI^^20200101^20210101") == {
        "type": {"coding": [{"system": V2_0203, "code": "PI"}]},
        "system": "urn:oid:1.2.9",
        "value": "7",
        "period": {"start": "2020-01-01", "end": "2021-01-01"},
        "assigner": {"identifier": OID_1_2_9, "display": "LAB"},
    }


def test_unknown_assigner_gets_a_system_of_the_site_and_is_reported() -> None:
    found = convert("CX", "Identifier", "7^^^Enterprise ID^ODD")
    assert isinstance(found, Flawed)
    assert found.code == "unknown-assigner"
    assert found.value["system"] == "urn:id:mercy:Enterprise-ID"
    assert found.value["type"] == {"text": "ODD"}


def test_empty_identifier_is_nothing() -> None:
    assert convert("CX", "Identifier", "^^^HOSP^MR") is None


@pytest.mark.parametrize(
    ("source", "raw", "system"),
    [
        ("EI", "F1^LAB&x", "urn:id:mercy:LAB-x"),
        ("EI", "F1^^2.16.840^ISO", "urn:oid:2.16.840"),
        ("XCN", "12^OKORO^IFE^^^^^^NPI", "http://hl7.org/fhir/sid/us-npi"),
        ("XON", "LAB^^33^^^HOSP", "urn:oid:1.2.3"),
    ],
)
def test_systems_of_other_identifiers(source: str, raw: str, system: str) -> None:
    found = convert(source, "Identifier", raw)
    value = found.value if isinstance(found, Flawed) else found
    if source == "EI" and "&" in raw:
        assert value["system"].startswith("urn:id:mercy:LAB")
    else:
        assert value["system"] == system


def test_name_with_all_its_parts() -> None:
    assert convert("XPN", "HumanName", "QUILL&VAN^TESS^ANN MAY^JR^DR^MD^L") == {
        "use": "official",
        "family": "QUILL",
        "_family": extensions({"humanname-own-prefix": "VAN"}),
        "given": ["TESS", "ANN", "MAY"],
        "prefix": ["DR"],
        "suffix": ["JR", "MD"],
    }
    assert convert("XPN", "HumanName", "^^^^^^L") is None


def test_address_with_street_county_and_use() -> None:
    found = convert("XAD", "Address", "12 ELM ST&ELM^APT 4^TOWN^IL^62701^USA^H^^DUPAGE")
    assert found == {
        "use": "home",
        "line": ["12 ELM ST", "APT 4"],
        "_line": [extensions({"iso21090-ADXP-streetName": "ELM"}), None],
        "city": "TOWN",
        "district": "DUPAGE",
        "state": "IL",
        "postalCode": "62701",
        "country": "USA",
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("555-0100^PRN^PH", {"system": "phone", "value": "555-0100", "use": "home"}),
        ("555-0100^PRN^CP", {"system": "phone", "value": "555-0100", "use": "mobile"}),
        ("^NET^Internet^a@b.example", {"system": "email", "value": "a@b.example"}),
        ("a@b.example", {"system": "email", "value": "a@b.example"}),
        ("555-0100^WPN^FX", {"system": "fax", "value": "555-0100", "use": "work"}),
        (" 555-0101 ^WPN^FX", {"system": "fax", "value": "555-0101", "use": "work"}),
        ("555-0100^BPN", {"system": "pager", "value": "555-0100"}),
        ("555-0100", {"system": "phone", "value": "555-0100"}),
        ("555\\T\\0100^PRN^PH", {"system": "phone", "value": "555&0100", "use": "home"}),
        ('""^PRN^PH', None),
        (
            "^PRN^PH^^1^555^5550100^9",
            {
                **extensions({f"contactpoint-{n}": v for n, v in NUMBER.items()}),
                "system": "phone",
                "value": "+1 (555) 5550100 x9",
                "use": "home",
            },
        ),
        ("^PRN^PH", None),
    ],
)
def test_contact_points(raw: str, expected: dict[str, str] | None) -> None:
    assert convert("XTN", "ContactPoint", raw) == expected


@pytest.mark.parametrize(
    ("source", "target", "raw", "expected"),
    [
        ("NM", "decimal", "+013.10", Number("13.10")),
        ("NM", "positiveInt", "2.0", 2),
        ("NM", "unsignedInt", "0", 0),
        ("ID", "boolean", "Y", True),
        ("ID", "boolean", "n", False),
        ("ST", "string", " a\\T\\b ", "a&b"),
        ("FT", "markdown", "a\\.br\\b", "a\nb"),
        ("CWE", "string", "A^Alpha^L", "Alpha"),
        ("PL", "string", "W4^12^B^HOSP", "W4 12 B HOSP"),
        (
            "CQ",
            "Quantity",
            "5^mg&&UCUM",
            {"value": "5", "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"},
        ),
        ("NR", "Range", "1^2", {"low": {"value": "1"}, "high": {"value": "2"}}),
        ("SN", "Quantity", "<^5", {"value": "5", "comparator": "<"}),
        ("HD", "uri", "LAB^1.2.3^ISO", "urn:oid:1.2.3"),
        (
            "ED",
            "Attachment",
            "X^application^PDF^Base64^YWJj",
            {"contentType": "application/pdf", "data": "YWJj"},
        ),
        ("ED", "Attachment", "X^text^^A^abc", {"contentType": "text/plain", "data": "YWJj"}),
        (
            "RP",
            "Attachment",
            "https://a.example/x^^image^PNG",
            {"contentType": "image/png", "url": "https://a.example/x"},
        ),
    ],
)
def test_simple_values(source: str, target: str, raw: str, expected: object) -> None:
    if source == "ED" and "^text^" in raw:
        assert convert(source, target, raw)["data"] == "YWJj"
        return
    assert convert(source, target, raw) == expected


@pytest.mark.parametrize(
    ("source", "target", "raw", "code"),
    [
        ("NM", "decimal", "12,5", "bad-number"),
        ("NM", "positiveInt", "0", "bad-number"),
        ("NM", "integer", "1.5", "bad-number"),
        ("ID", "boolean", "maybe", "bad-boolean"),
        ("ST", "uri", "a b", "bad-uri"),
        ("ED", "Attachment", "X^AP^PDF^Base64^%%%", "bad-base64"),
        ("ST", "id", "a b", "bad-id"),
    ],
)
def test_values_that_do_not_fit_are_left_out(source: str, target: str, raw: str, code: str) -> None:
    found = convert(source, target, raw)
    assert isinstance(found, Flawed)
    assert (found.code, found.value) == (code, None)


def words(unmapped: str = "") -> Table:
    table = Table("sex", unmapped)
    table.add("", "F", Target("urn:sex", "female", "Female"), Place("f", 2, 1))
    table.add("urn:id:mercy:99X", "1", Target("urn:sex", "male"), Place("f", 3, 1))
    return table


def test_concept_keeps_the_original_beside_the_translated_coding() -> None:
    read = coded.concept(coded.Coded(TOOLS, words()))
    assert read("F^Woman^99X") == {
        "coding": [
            {"system": "urn:id:mercy:99X", "code": "F", "display": "Woman"},
            {"system": "urn:sex", "code": "female", "display": "Female"},
        ],
        "text": "Woman",
    }


def test_tables_know_systems_and_ignore_case_last() -> None:
    table = words()
    assert table.find("urn:id:mercy:99X", "1") == Target("urn:sex", "male")
    assert table.find("", "1") is None
    assert table.find("urn:other", "f") == Target("urn:sex", "female", "Female")


@pytest.mark.parametrize(("unmapped", "value"), [("", None), ("drop", None), ("=other", "other")])
def test_code_without_a_row(unmapped: str, value: str | None) -> None:
    read = coded.code(coded.Coded(TOOLS, words(unmapped)), frozenset({"female", "other"}))
    found = read("X")
    assert isinstance(found, Flawed)
    assert (found.code, found.value) == ("unmapped-code", value)
    assert read("F") == "female"


def test_code_outside_a_required_binding_is_left_out() -> None:
    read = coded.code(coded.Coded(TOOLS, None), frozenset({"female"}))
    assert read("female") == "female"
    assert isinstance(read("woman"), Flawed)


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("LN", "http://loinc.org"),
        ("HL70005", "http://terminology.hl7.org/CodeSystem/v2-0005"),
        ("2.16.840.1", "urn:oid:2.16.840.1"),
        ("L", "urn:id:mercy:L"),
        ("My Codes", "urn:id:mercy:My-Codes"),
        ("", ""),
    ],
)
def test_coding_systems(name: str, uri: str) -> None:
    assert coded.Systems(TOOLS).uri(name) == uri


def test_third_coding_with_its_version() -> None:
    raw = "A^one^LN^B^two^SCT^2.1^2.2^said^C^three^L^2.3"
    found = registry.coded_converter("CodeableConcept", TOOLS, None, "", None)(raw)
    assert [coding["code"] for coding in found["coding"]] == ["A", "B", "C"]
    assert [coding["version"] for coding in found["coding"]] == ["2.1", "2.2", "2.3"]
    assert found["text"] == "said"


def test_code_with_two_blanks_gets_one() -> None:
    found = registry.coded_converter("CodeableConcept", TOOLS, None, "", None)("A  B^^LN")
    assert found["coding"][0]["code"] == "A B"


def test_check_digit_of_a_number() -> None:
    found = convert("CX", "Identifier", "77^4^M11^^MR")
    checked = {"identifier-checkDigit": "4", "namingsystem-checkDigit": "M11"}
    assert found["extension"] == extensions(checked)["extension"]
    assert found["value"] == "77"


def test_street_put_together_of_its_parts() -> None:
    found = convert("XAD", "Address", "&Elm Street&12^^Town")
    assert found["line"] == ["Elm Street 12"]


def test_validity_and_preference_of_a_contact() -> None:
    found = convert("XTN", "ContactPoint", "555-0100^PRN^PH^^^^^^^^^^20200101^20210101^^^^2")
    assert found["period"] == {"start": "2020-01-01", "end": "2021-01-01"}
    assert found["rank"] == 2


def test_which_part_of_a_name_stands_first_is_told() -> None:
    told = [{"url": f"{CORE}humanname-assembly-order", "valueCode": "F"}]
    assert convert("XPN", "HumanName", "Quill^Tess^^^^^L^^^^F")["extension"] == told
    assert convert("XCN", "HumanName", "7^Quill^Tess^^^^^^^L^^^^^^^^F")["extension"] == told
    assert "extension" not in convert("XPN", "HumanName", "Quill^Tess^^^^^L^^^^X")


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("http://loinc.org/", "http://loinc.org"),
        ("https://loinc.org", "http://loinc.org"),
        ("http://hl7.org/fhir/sid/us-ssn.", "http://hl7.org/fhir/sid/us-ssn"),
        ("http://hl7.org/fhir/v2/0203", "http://terminology.hl7.org/CodeSystem/v2-0203"),
        ("http://hl7.org/fhir/v3/ActCode", "http://terminology.hl7.org/CodeSystem/v3-ActCode"),
        ("http://lab.example/codes/", "http://lab.example/codes/"),
    ],
)
def test_a_uri_is_written_as_r4_has_it(name: str, uri: str) -> None:
    table = Table("coding-system")
    for known in ("http://loinc.org", "http://hl7.org/fhir/sid/us-ssn"):
        table.add("", known[-5:], Target("", known), Place("x.csv", 1, 1))
    systems = coded.Systems(Tools("mercy", ZoneInfo("UTC"), {"coding-system": table}))
    assert systems.uri(name) == uri
