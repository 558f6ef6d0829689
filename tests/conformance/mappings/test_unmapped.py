"""Each table's rule for codes it has no row for: kept and reported, or dropped and reported.

Where an element's value set is required (R4), a foreign code cannot be kept; where it is not, what
the sender said is worth more than nothing. The rules of the library's tables follow from that.
"""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.mapping.datatypes import coded
from engine.mapping.datatypes.coded import Coded
from engine.mapping.datatypes.tools import Flawed, Tools
from engine.mapping.problem import Problems
from engine.mapping.tables import Table, read_csv

MAPPINGS = Path(__file__).parents[3] / "mappings"
FILES = sorted(MAPPINGS.rglob("codes/*.csv"))
SENT = "ZZ-LOCAL^What the site calls it^L"
# Of R4's own code systems that required value sets are made of; the rest may be extended.
REQUIRED = (
    "address-use",
    "address-type",
    "administrative-gender",
    "allergy-intolerance",
    "appointmentstatus",
    "composition-status",
    "contact-point",
    "diagnostic-report-status",
    "document-reference-status",
    "encounter-status",
    "event-status",
    "goal-status",
    "medicationrequest-status",
    "name-use",
    "observation-status",
    "reaction-event-severity",
    "request-",
    "specimen-status",
)


def read(path: Path) -> Table:
    table = Table(path.stem)
    read_csv(table, path.name, path.read_text("utf-8"), Problems())
    return table


@pytest.fixture(params=FILES, ids=lambda path: path.relative_to(MAPPINGS).as_posix())
def table(request: pytest.FixtureRequest) -> Table:
    return read(request.param)


def values(table: Table) -> tuple[object, object, object]:
    """Return what an unknown code becomes as a concept, as a coding, and as a bound code."""
    reader = Coded(Tools("mercy", ZoneInfo("UTC"), {table.name: table}), table)
    found = [
        coded.concept(reader)(SENT),
        coded.coding(reader)(SENT),
        coded.code(reader, frozenset({"x"}))(SENT),
    ]
    assert all(isinstance(one, Flawed) and one.code == "unmapped-code" for one in found)
    one, other, bound = found
    return one.value, other.value, bound.value


def test_an_unknown_code_follows_the_tables_rule(table: Table) -> None:
    concept, coding, bound = values(table)
    assert bound is None, "a required value set takes no foreign code"
    if table.unmapped == "drop":
        assert (concept, coding) == (None, None)
        return
    assert table.unmapped == "keep"
    sent = {"system": "urn:id:mercy:L", "code": "ZZ-LOCAL", "display": "What the site calls it"}
    assert concept == {"coding": [sent], "text": "What the site calls it"}
    assert coding == sent


def test_what_a_required_value_set_is_made_of_is_dropped(table: Table) -> None:
    systems = {row.system for row in table.rows.values()}
    core = all(system.startswith("http://hl7.org/fhir/") for system in systems)
    if core and any(system.rpartition("/")[2].startswith(REQUIRED) for system in systems):
        assert table.unmapped == "drop"


def test_a_rule_may_name_a_code() -> None:
    table = read(MAPPINGS / "base/codes/administrative-sex.csv")
    reader = Coded(Tools("mercy", ZoneInfo("UTC"), {}), table, "=unknown")
    found = coded.code(reader, frozenset({"unknown"}))(SENT)
    assert isinstance(found, Flawed)
    assert (found.code, found.value) == ("unmapped-code", "unknown")
