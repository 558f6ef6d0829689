"""The grammar of UCUM by example: codes of its own tables, and what comes near."""

import pytest

from engine.formats.ucum.atoms import METRIC, PLAIN, PREFIXES
from engine.formats.ucum.parse import MAX_LENGTH, Unit, is_valid, units_of


@pytest.mark.parametrize(
    "code",
    [
        *(
            "%",
            "1",
            "mg/dL",
            "mmol/L",
            "10*3/uL",
            "10^9/L",
            "m[iU]/mL",
            "mm[Hg]",
            "cm[H2O]",
            "kg/m2",
        ),
        *(
            "mL/min/{1.73_m2}",
            "/min",
            "/100{WBCs}",
            "{cells}/uL",
            "ng/mL{FEU}",
            "g/(12.h)",
            "/(10*9)",
        ),
        *("[iU]/(24.h)", "(8.h){shift}", "10*-6.U/L", "U/(10.g){feces}", "[in_i'H2O]", "B[10.nV]"),
        *("[m/s2/Hz^(1/2)]", "[Amb'a'1'U]", "Cel", "[degF]", "dag", "Kibit", "m2.4", "''", "s-1"),
    ],
)
def test_codes_of_ucum(code: str) -> None:
    assert is_valid(code)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "MG/DL",
            "mg/",
            "/",
            "mg//dL",
            "(mg",
            "mg)",
            "()",
            "mmHg",
            "mL/min/1.73m2",
            "idx",
            "IU/L",
        ),
        *(
            "kd",
            "kkg",
            "mg dL",
            "-1",
            "mg{a b}",
            "mg{a{b}}",
            "mg}",
            "[iu]/L",
            "10*3 /uL",
            "µg/dL",
            "m+",
        ),
        *("Torr", "mg{ü}", "." * 3, "mg" * 200),
    ],
)
def test_what_is_no_code(text: str) -> None:
    assert not is_valid(text)


def test_units_are_taken_apart() -> None:
    assert units_of("10*3.mg/dL{x}") == (Unit("", "10*"), Unit("m", "g"), Unit("d", "L"))
    assert units_of("cd/Pa") == (Unit("", "cd"), Unit("", "Pa"))  # atoms before prefixes
    assert units_of("{score}") == ()


def test_the_atoms_are_those_of_the_standard() -> None:
    """UCUM 2.2 has 24 prefixes and 312 units, 96 of them metric; no unit is both."""
    assert (len(PREFIXES), len(METRIC), len(PLAIN)) == (24, 96, 216)
    assert not METRIC & PLAIN


def test_nothing_deep_or_long_is_followed() -> None:
    assert is_valid("(" * 20 + "m" + ")" * 20)
    assert not is_valid("(" * 50 + "m" + ")" * 50)
    assert not is_valid("m" + ".m" * MAX_LENGTH)
