"""Units as senders write them, with the library's own table."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.formats.ucum.parse import is_valid
from engine.mapping.datatypes.tools import Tools
from engine.mapping.datatypes.units import Units
from engine.mapping.problem import Problems
from engine.mapping.tables import Table, read_csv

CODES = Path(__file__).parents[4] / "mappings" / "base" / "codes"


def table(name: str) -> Table:
    found = Table(name)
    read_csv(found, name, (CODES / f"{name}.csv").read_text("utf-8"), Problems())
    return found


@pytest.fixture(scope="module")
def units() -> Units:
    tables = {name: table(name) for name in ("units", "coding-system")}
    return Units(Tools("mercy", ZoneInfo("UTC"), tables))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mg/dL", "mg/dL"),
        ("MG/DL", "mg/dL"),
        ("PG/ML", "pg/mL"),  # as written a petagauss per megalitre
        ("K/uL", "10*3/uL"),  # as written kelvin per microlitre
        ("K/\u00b5L", "10*3/uL"),
        ("x10E3/uL", "10*3/uL"),
        ("M/cumm", "10*6/uL"),
        ("G/L", "g/L"),
        ("g/l", "g/L"),
        ("\u03bcg/dL", "ug/dL"),
        ("MCG/KG/HR", "ug/kg/h"),
        ("mg / dL", "mg/dL"),
        ("mL/min/1.73 m\u00b2", "mL/min/{1.73_m2}"),
        ("NG/ML FEU", "ng/mL{FEU}"),
        ("mmHg", "mm[Hg]"),
        ("cells/hpf", "{cells}/[HPF]"),
        ("m[iU]/L", "m[iU]/L"),
        ("nmol/h/mL", "nmol/h/mL"),
    ],
)
def test_spellings(units: Units, text: str, code: str) -> None:
    assert units.code(text) == code


@pytest.mark.parametrize(
    "text", ["", "idx", "pt", "C", "K", "BG", "EU", "units", "g/l-1", "43", "T"]
)
def test_what_may_mean_something_else_gets_no_code(units: Units, text: str) -> None:
    assert units.code(text) == ""


@pytest.mark.parametrize(
    "name", ["UCUM", "ucum", "2.16.840.1.113883.6.8", "http://unitsofmeasure.org"]
)
def test_a_sender_who_says_ucum_is_believed(units: Units, name: str) -> None:
    assert units.code("C/m", name) == "C/m"
    assert units.code("idx", name) == ""
    assert units.code("MG/DL", name) == "mg/dL"


def test_every_target_is_a_code(units: Units) -> None:
    for name in ("units", "time-units"):
        assert [target for target in table(name).rows.values() if not is_valid(target.code)] == []


def test_letter_case_alone_never_tells_two_units_apart() -> None:
    """Rows are found ignoring case, so `g/l` must not be what `G/l` was meant to be."""
    meant: dict[str, set[str]] = {}
    for (_, text), target in table("units").rows.items():
        meant.setdefault(text.casefold(), set()).add(target.code)
    assert {text: codes for text, codes in meant.items() if len(codes) > 1} == {}
