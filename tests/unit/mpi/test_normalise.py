import pytest

from mpi.normalise import birth_date, email, fold, phone, postal_code, ssn, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Núñez", "NUNEZ"),
        ("O'Brien", "OBRIEN"),
        ("D\u2019Angelo", "DANGELO"),
        ("Łukasz", "LUKASZ"),
        ("Straße", "STRASSE"),
        ("Ægir Þór", "AEGIR THOR"),
    ],
)
def test_letters_are_folded(text: str, expected: str) -> None:
    assert fold(text) == expected


def test_words_are_split_at_anything_but_letters_and_digits() -> None:
    assert tokens(" Delacroix-Whitfield,  Anne ") == ("DELACROIX", "WHITFIELD", "ANNE")


def test_other_scripts_are_kept() -> None:
    assert tokens("Мария Петрова") == ("МАРИЯ", "ПЕТРОВА")


@pytest.mark.parametrize(
    "text", ["(608)555-0142", "6085550142", "+1 608.555.0142", "608-555-0142 x12", "1-608-555-0142"]
)
def test_phone_formats_are_one(text: str) -> None:
    assert phone(text) == "6085550142"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "555-0142",
        "0000000000",
        "9999999999",
        "5555555555",
        "1234567890",
        "608-000-0000",
        "none",
    ],
)
def test_phone_stand_ins_are_nothing(text: str) -> None:
    assert phone(text) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" MDW@Mail.Example ", "mdw@mail.example"),
        ("mailto:a.b@mail.example", "a.b@mail.example"),
        ("none@none.example", ""),
        ("no-email@clinic.example", ""),
        ("declined", ""),
    ],
)
def test_mailboxes(text: str, expected: str) -> None:
    assert email(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("666-12-0309", ("666120309", "0309")),
        ("900120309", ("900120309", "0309")),
        ("*****6789", ("", "6789")),
        ("XXX-XX-6789", ("", "6789")),
        ("999-99-9999", ("", "")),
        ("000-00-0000", ("", "")),
        ("123-45-6789", ("", "")),
        ("000-12-3456", ("", "")),
        ("666-00-3456", ("", "")),
        ("666-12-0000", ("", "")),
        ("12345678", ("", "")),
        ("66120309", ("066120309", "0309")),
        ("unknown", ("", "")),
    ],
)
def test_social_security_numbers(text: str, expected: tuple[str, str]) -> None:
    assert ssn(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1958-03-09", "1958-03-09"),
        ("1958-03", "1958-03"),
        ("1958", "1958"),
        ("1958-03-09T10:00:00Z", "1958-03-09"),
        ("1958-13-09", "1958"),
        ("1958-03-42", "1958-03"),
        ("1900-01-01", ""),
        ("0001-01-01", ""),
        ("03/09/1958", ""),
        ("", ""),
    ],
)
def test_birth_dates(text: str, expected: str) -> None:
    assert birth_date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("53099", "53099"),
        ("53099-4410", "53099"),
        ("530994410", "53099"),
        ("3777", "03777"),
        ("37774410", "03777"),
        ("00000", ""),
        ("K1A 0B1", ""),
    ],
)
def test_zip_codes(text: str, expected: str) -> None:
    assert postal_code(text) == expected
