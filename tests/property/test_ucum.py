"""UCUM: whatever its grammar builds is a code, and nothing breaks the reader of units."""

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from engine.formats.ucum.atoms import METRIC, PLAIN, PREFIXES
from engine.formats.ucum.parse import is_valid, units_of
from engine.mapping.datatypes.tools import Tools
from engine.mapping.datatypes.units import UCUM, Units

UNITS = Units(Tools("mercy", ZoneInfo("UTC")))
SIMPLE = st.one_of(
    st.sampled_from(sorted(METRIC | PLAIN)),
    st.builds(str.__add__, st.sampled_from(sorted(PREFIXES)), st.sampled_from(sorted(METRIC))),
)
EXPONENT = st.sampled_from(["", "2", "-1", "+3", "12"])
ANNOTATION = st.sampled_from(["", "{x}", "{24'h}", "{}"])
COMPONENT = st.one_of(
    st.builds(lambda unit, power, note: unit + power + note, SIMPLE, EXPONENT, ANNOTATION),
    st.integers(0, 999).map(str),
    st.just("{cells}"),
)
CODES = st.recursive(
    COMPONENT,
    lambda inner: st.builds(
        lambda left, sign, right: f"{left}{sign}({right})",
        inner,
        st.sampled_from(["/", "."]),
        inner,
    ),
    max_leaves=5,
)
TEXTS = st.text(alphabet="mgdLKuUiH/[]{}()10*^.-+ \u00b5\u00b2\n'\"%", max_size=20)


@given(CODES, st.booleans())
def test_what_the_grammar_builds_is_a_code(code: str, leading: bool) -> None:
    assert is_valid(f"/{code}" if leading else code)


@given(TEXTS)
def test_a_unit_is_a_code_or_nothing(text: str) -> None:
    for system in ("", "L", UCUM):
        code = UNITS.code(text, system)
        assert not code or is_valid(code)
        assert UNITS.code(text, system) == code


@given(TEXTS)
def test_who_says_ucum_is_believed_where_it_is(text: str) -> None:
    if units_of(text) is not None:
        assert UNITS.code(text, UCUM) == text
