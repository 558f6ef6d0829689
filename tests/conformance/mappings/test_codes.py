"""The code tables: what the official sheets have wrong must not come back; words must be known."""

import csv
import re
from pathlib import Path

import pytest

from engine.mapping.library import read_library
from engine.mapping.problem import Problems
from engine.mapping.tables import HEADER, Table, read_csv

MAPPINGS = Path(__file__).parents[3] / "mappings"
TABLES = sorted(MAPPINGS.rglob("codes/*.csv"))
# mapping-language.md, section 11: errors of the guide that an import would carry along.
GUIDE_ERRORS = re.compile(
    r"us-ssn\.|unitsofmeasure\.org/|extension\?\?|[\u201c\u201d\u2018\u2019]|entered-in-errror"
)
SYSTEM = re.compile(r"(https?://[^\s/]+(/[^\s]*)?|urn:[a-z0-9]+:[^\s]+)?")


def rows(path: Path) -> list[dict[str, str]]:
    lines = path.read_text("utf-8").splitlines()
    start = 1 if lines[0].startswith("#") else 0
    return list(csv.DictReader(lines[start:]))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.relative_to(MAPPINGS).as_posix())
def test_table_is_read_whole_and_says_each_code_once(path: Path) -> None:
    table = Table(path.stem)
    problems = Problems()
    read_csv(table, path.name, path.read_text("utf-8"), problems)
    problems.raise_any()
    found = rows(path)
    assert tuple(found[0]) == HEADER
    assert len(table.rows) == len(found)
    assert table.unmapped in {"keep", "drop"}


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.relative_to(MAPPINGS).as_posix())
def test_systems_are_uris_without_a_tail(path: Path) -> None:
    for row in rows(path):
        names = [row["target_system"]]
        names += [row["target_code"]] if path.stem == "coding-system" else []
        assert all(SYSTEM.fullmatch(name) and name[-1:] != "." for name in names)


def test_errors_of_the_official_sheets_are_not_carried_along() -> None:
    found = [name for name, text in read_library(MAPPINGS).files if GUIDE_ERRORS.search(text)]
    assert found == []


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("LN", "http://loinc.org"),
        ("SCT", "http://snomed.info/sct"),
        ("I10C", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("I9C", "http://hl7.org/fhir/sid/icd-9-cm"),
        ("CVX", "http://hl7.org/fhir/sid/cvx"),
        ("NDC", "http://hl7.org/fhir/sid/ndc"),
        ("RXNORM", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("UCUM", "http://unitsofmeasure.org"),
        ("CDCREC", "urn:oid:2.16.840.1.113883.6.238"),
        ("2.16.840.1.113883.6.1", "http://loinc.org"),
        ("2.16.840.1.113883.6.96", "http://snomed.info/sct"),
        ("HL70203", "http://terminology.hl7.org/CodeSystem/v2-0203"),
        ("C4", "http://www.ama-assn.org/go/cpt"),
        ("HCPCS", "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"),
        ("2.16.840.1.113883.12.292", "http://hl7.org/fhir/sid/cvx"),
        ("2.16.840.1.113883.6.69", "http://hl7.org/fhir/sid/ndc"),
        ("2.16.840.1.113883.6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("NCIT", "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"),
        ("2.16.840.1.113883.5.4", "http://terminology.hl7.org/CodeSystem/v3-ActCode"),
        ("NULLFL", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"),
    ],
)
def test_coding_systems_by_name_and_oid(name: str, uri: str) -> None:
    table = {
        row["source_code"]: row["target_code"]
        for row in rows(MAPPINGS / "base" / "codes" / "coding-system.csv")
    }
    assert table[name] == uri
