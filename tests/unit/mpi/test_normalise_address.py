import pytest

from mpi.normalise_address import Address, address_of


def place(*lines: str) -> Address:
    found = address_of({"line": list(lines), "city": "Alder Fork", "postalCode": "53099"})
    assert found is not None
    return found


@pytest.mark.parametrize(
    "lines",
    [
        ("412 TAMARACK LN", "APT 3B"),
        ("412 Tamarack Lane", "#3B"),
        ("412 Tamarack Ln Apt 3B", ""),
        ("412 tamarack lane # 3b",),
        ("412 Tamarack", "Unit 3B"),
    ],
)
def test_one_home_in_many_spellings(lines: tuple[str, ...]) -> None:
    assert place(*lines) == Address("412", "TAMARACK", "3B", "53099", "ALDERFORK")


@pytest.mark.parametrize("line", ["1809 W FERRY ST", "1809 WEST FERRY STREET", "1809 W Ferry"])
def test_directions_and_types_do_not_tell_streets_apart(line: str) -> None:
    assert place(line)[:2] == ("1809", "FERRY")


def test_a_street_that_is_only_a_direction_keeps_its_name() -> None:
    assert place("12 North Ave")[:2] == ("12", "NORTHAVE")


def test_a_note_in_the_second_line_is_no_unit() -> None:
    assert place("77 Orchard Hill Rd", 'c/o "The Mill"\nrear entrance').unit == ""


def test_post_office_box() -> None:
    assert place("PO BOX 77")[:2] == ("77", "POBOX")
    assert place("P.O. Box 77")[:2] == ("77", "POBOX")


@pytest.mark.parametrize("line", ["General Delivery", "HOMELESS", "no fixed address"])
def test_no_home_is_no_street(line: str) -> None:
    assert place(line)[:3] == ("", "", "")


def test_nothing_to_compare() -> None:
    assert address_of({"state": "WI", "country": "US"}) is None
    assert address_of({"line": [""], "text": "somewhere"}) is None
