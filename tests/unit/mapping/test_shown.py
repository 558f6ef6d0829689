"""The effective mapping as text: it says the same as the tree, and where each row was written."""

from pathlib import Path

import pytest

from engine.core import strict_yaml
from engine.mapping import shown
from engine.mapping.documents import Effective
from engine.mapping.library import read_library
from engine.mapping.node import Fields, Items, Node, Scalar
from engine.mapping.problem import Problems
from engine.mapping.strata import assemble
from engine.mapping.tables import Table

CHAIN = ("base", "us", "vendor/epic", "site/mercy")


@pytest.fixture(scope="module")
def effective() -> Effective:
    problems = Problems()
    found = assemble(read_library(Path(__file__).parents[3] / "mappings"), CHAIN, problems)
    problems.raise_any()
    return found


def plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key.text: plain(value) for key, value in node.entries}


def text(effective: Effective, name: str) -> str:
    found = shown.find(effective, name)
    assert isinstance(found, Fields | Items | Scalar), name
    return "\n".join(row.text for row in shown.rows(found))


def test_all_that_is_shown_reads_as_what_it_is(effective: Effective) -> None:
    names = [entry.name for entry in shown.entries(effective) if entry.kind != "table"]
    assert len(names) > 60
    for name in names:
        found = shown.find(effective, name)
        assert isinstance(found, Fields)
        (root,) = strict_yaml.read_many(text(effective, name), name).roots
        assert strict_yaml.plain(root) == plain(found), name


def test_a_row_an_overlay_changed_shows_the_overlay(effective: Effective) -> None:
    found = shown.find(effective, "PID-Patient.identifier.national.set")
    assert isinstance(found, Fields)
    (row,) = shown.rows(found.get("system") or found)
    assert row.text == '"=http://hl7.org/fhir/sid/us-ssn"'
    assert row.file == "us/overlay.yaml"


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("PID-Patient.identifier.list", "label: list"),
        ("PID-Patient.identifier.licence.type", "=DL"),
        ("PID-Patient.$from", "PID"),
        ("OBX-Observation.value.SN", "recipe: structured-numeric"),
        ("ADT_A39.triggers", "- ADT^A40"),
        ("identity.missing", "refuse"),
        ("ADT_A01.make.Encounter.map", "PV1-Encounter"),
        ("ADT_A01.make.AllergyIntolerance", "map: AL1-AllergyIntolerance"),
    ],
)
def test_paths_walk_as_those_of_overlays(effective: Effective, name: str, start: str) -> None:
    assert text(effective, name).startswith(start)


@pytest.mark.parametrize("name", ["PID-Nobody", "PID-Patient.nmae", "administrative-sex.F", "ADT"])
def test_what_is_not_there_is_not_found(effective: Effective, name: str) -> None:
    assert shown.find(effective, name) is None


def test_tables_show_their_rows(effective: Effective) -> None:
    found = shown.find(effective, "administrative-sex")
    assert isinstance(found, Table)
    rows = shown.table_rows(found)
    assert len(rows) == len(found.rows)
    assert rows[0].text == "F -> http://hl7.org/fhir/administrative-gender|female|Female"
    assert (rows[0].file, rows[0].line) == ("base/codes/administrative-sex.csv", 3)
