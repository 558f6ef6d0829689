import pytest

from mpi.compare import address_level, birth_level, compare, first_level, last_level, ssn_level
from mpi.normalise_address import Address
from mpi.person import Person


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        (Person(first="SOFIA"), Person(first="SOFIA"), "exact"),
        (Person(first="MARY", middle=("ANN",)), Person(first="MARYANN"), "exact"),
        (Person(first="MAGGIE"), Person(first="MARGARET"), "nickname"),
        (Person(first="BRIAN"), Person(first="BRYAN"), "similar"),
        (Person(first="IMANI"), Person(first="AMANI"), "similar"),
        (Person(first="LORRAINE"), Person(first="1ORRAINE"), "near"),
        (Person(first="MICHAEL"), Person(first="MICHEAL"), "similar"),
        (Person(first="KANIA"), Person(first="KANOA"), "near"),
        (Person(first="M"), Person(first="MARY"), "initial"),
        (Person(first="J"), Person(first="MARY"), "different"),
        (Person(first="ANN", middle=("LEE",)), Person(first="LEE"), "middle"),
        (Person(first="X", other_firsts=("MAE",)), Person(first="MAE"), "alias"),
        (
            Person(first="LINH", surnames=("TRAN",)),
            Person(first="TRAN", surnames=("LINH",)),
            "swapped",
        ),
        (Person(first="AL"), Person(first="BO"), "different"),
        (Person(), Person(first="BO"), ""),
    ],
)
def test_first_names(a: Person, b: Person, level: str) -> None:
    assert first_level(a, b) == level
    assert first_level(b, a) == level


def last(*surnames: str, other: tuple[str, ...] = ()) -> Person:
    return Person(surnames=surnames, other_surnames=other)


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        (last("DELACROIX", "WHITFIELD"), last("WHITFIELD", "DELACROIX"), "exact"),
        (last("LA", "CHANCE"), last("LACHANCE"), "exact"),
        (last("DELACROIX", "WHITFIELD"), last("WHITFIELD"), "part"),
        (last("HALDANE", other=("PETROVA",)), last("PETROVA"), "alias"),
        (last("HALDANE"), last("HALDAINE"), "near"),
        (last("DELACROIX", "WHITFIELD"), last("WHITFEILD"), "near"),
        (last("TRAN"), last("NGUYEN"), "different"),
        (last(), last("NGUYEN"), ""),
    ],
)
def test_surnames(a: Person, b: Person, level: str) -> None:
    assert last_level(a, b) == level
    assert last_level(b, a) == level


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        ("1958-03-09", "1958-03-09", "exact"),
        ("1958-03-09", "1958-09-03", "swapped"),
        ("1958-03-09", "1958-03-08", "near"),
        ("1985-03-09", "1958-03-09", "near"),
        ("1958-03-09", "1958-03-21", "two-parts"),
        ("1958-03-09", "1958", "partial"),
        ("1958-03", "1958-03", "partial"),
        ("1958-03", "1959", "different"),
        ("1958-03-09", "1961-11-20", "different"),
        ("", "1961-11-20", ""),
    ],
)
def test_birth_dates(a: str, b: str, level: str) -> None:
    assert birth_level(Person(birth=a), Person(birth=b)) == level
    assert birth_level(Person(birth=b), Person(birth=a)) == level


def numbered(nine: str, four: str = "") -> Person:
    return Person(ssn=nine, ssn4=nine[5:] or four)


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        (numbered("666120309"), numbered("666120309"), "exact"),
        (numbered("666120309"), numbered("666120390"), "near"),
        (numbered("666120309"), numbered("666994444"), "different"),
        (numbered("666120309"), numbered("", "0309"), "last4"),
        (numbered("", "0308"), numbered("", "0309"), "last4-different"),
        (numbered(""), numbered("", "0309"), ""),
    ],
)
def test_numbers(a: Person, b: Person, level: str) -> None:
    assert ssn_level(a, b) == level
    assert ssn_level(b, a) == level


def home(number: str, street: str, unit: str = "", code: str = "53099") -> Person:
    return Person(addresses=(Address(number, street, unit, code, ""),))


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        (home("5", "LANTERN"), home("5", "LANTERN", "2"), "exact"),
        (home("5", "LANTERN"), home("5", "LANTREN"), "exact"),
        (home("5", "LANTERN", "1"), home("5", "LANTERN", "2"), "house"),
        (home("5", "LANTERN", code="53098"), home("5", "LANTERN"), "different"),
        (home("5", "LANTERN"), home("6", "LANTERN"), "zip"),
        (home("5", "LANTERN", code=""), home("6", "LANTERN"), "different"),
        (Person(), home("6", "LANTERN"), ""),
    ],
)
def test_addresses(a: Person, b: Person, level: str) -> None:
    assert address_level(a, b) == level
    assert address_level(b, a) == level


def test_what_one_side_does_not_know_is_no_evidence() -> None:
    whole = Person(
        first="A", surnames=("B",), birth="1958", sex="F", suffix="JR", birth_order=1, ssn4="0309"
    )
    assert compare(whole, Person(suffix="JR")) == {"suffix": "same"}
    assert compare(whole, whole._replace(suffix="")) == {
        "first": "exact",
        "last": "exact",
        "birth": "partial",
        "ssn": "last4",
        "sex": "same",
        "suffix": "one",
        "order": "same",
    }
