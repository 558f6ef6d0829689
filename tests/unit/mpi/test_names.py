import pytest

from mpi.names import (
    is_known,
    is_placeholder,
    may_be_nickname,
    name_root,
    newborn_order,
    surname_tokens,
)
from mpi.names_variants import COGNATES


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("Brzezicki Jr", (("BRZEZICKI",), "JR")),
        ("BRZEZICKI, III", (("BRZEZICKI",), "III")),
        ("de la Cruz-Núñez", (("CRUZ", "NUNEZ"), "")),
        ("Mc Donald", (("MCDONALD",), "")),
        ("St. John", (("STJOHN",), "")),
        ("Delacroix Whitfield", (("DELACROIX", "WHITFIELD"), "")),
        ("Junior", (("JUNIOR",), "")),
        ("La", (("LA",), "")),
        ("", ((), "")),
    ],
)
def test_surnames(family: str, expected: tuple[tuple[str, ...], str]) -> None:
    assert surname_tokens(family) == expected


@pytest.mark.parametrize(
    ("given", "order"),
    [
        (("BABYBOY",), 0),
        (("BABY", "GIRL"), 0),
        (("BABYBOY", "A"), 1),
        (("BABYGIRLB",), 2),
        (("TWIN", "2"), 2),
        (("GIRL", "LINDA"), 0),
        (("LINDASBOY",), 0),
        (("NEWBORN",), 0),
        (("INFANT", "BOY", "C"), 3),
    ],
)
def test_newborns_without_a_name(given: tuple[str, ...], order: int) -> None:
    assert newborn_order(given) == order


@pytest.mark.parametrize("given", [("LINDA",), ("MALEK",), ("BOYD",), ("TWINKLE", "A"), ()])
def test_real_names_are_no_stand_ins(given: tuple[str, ...]) -> None:
    assert newborn_order(given) is None


@pytest.mark.parametrize(
    ("first", "surnames"),
    [("JOHN", ("DOE",)), ("", ("DOE",)), ("UNKNOWN", ("SMITH",)), ("MARY", ("ZZTEST",))],
)
def test_stand_ins(first: str, surnames: tuple[str, ...]) -> None:
    assert is_placeholder(first, surnames)


def test_a_real_doe_is_a_person() -> None:
    assert not is_placeholder("ABIGAIL", ("DOE",))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("MAGGIE", "MARGARET"),
        ("BOB", "ROBERT"),
        ("BOB", "ROB"),
        ("PEPE", "JOSE"),
        ("MARGUERITE", "MARGARET"),
        ("LUPE", "GUADALUPE"),
    ],
)
def test_nicknames_both_ways(a: str, b: str) -> None:
    assert may_be_nickname(a, b)
    assert may_be_nickname(b, a)


def test_other_names_are_not_nicknames() -> None:
    assert not may_be_nickname("IMANI", "AMANI")
    assert not may_be_nickname("ROBERT", "WILLIAM")


def test_roots_meet_where_records_have_to() -> None:
    assert name_root("PEPE") == name_root("JOSE") == name_root("JOSEPH") == name_root("JOE")
    assert name_root("MAGGIE") == name_root("MARGARET") == name_root("MARGUERITE")
    assert name_root("ROBERT") != name_root("WILLIAM")
    assert name_root("XQZW") == "XQZW"
    assert is_known("ROBERT")
    assert not is_known("ROBRET")


def test_a_name_is_in_one_group_of_translations() -> None:
    every = [name for group in COGNATES for name in group]
    assert len(every) == len(set(every))
