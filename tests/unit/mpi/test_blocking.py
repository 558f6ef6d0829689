import subprocess
import sys

from mpi.blocking import key_texts, keys
from mpi.normalise_address import Address
from mpi.person import SSN_SYSTEM, Person, person_of

SOFIA = Person(
    first="SOFIA",
    surnames=("HALDANE",),
    birth="1993-11-02",
    ssn="666201102",
    ssn4="1102",
    phones=("6085550164",),
    emails=("sofia@mail.example",),
    addresses=(Address("77", "ORCHARDHILL", "", "53099", "ALDERFORK"),),
)


def meet(a: Person, b: Person) -> bool:
    return not set(keys(a)).isdisjoint(keys(b))


def test_keys_are_signed_64_bit_integers() -> None:
    found = keys(SOFIA)
    assert len(found) > 13
    assert all(-(2**63) <= key < 2**63 for key in found)
    assert any(key < 0 for key in found)


def test_keys_are_the_same_in_every_process() -> None:
    code = (
        "from mpi.blocking import keys; from mpi.person import Person;"
        "print(sorted(keys(Person(first='PEGGY', surnames=('ASH','ELM'), birth='1993-11-02'))))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    here = keys(Person(first="PEGGY", surnames=("ASH", "ELM"), birth="1993-11-02"))
    assert seen == {f"{sorted(here)}\n"}


def test_stand_ins_make_no_keys() -> None:
    nobody = person_of(
        {
            "name": [{"family": "Doe", "given": ["Jane"]}],
            "birthDate": "1900-01-01",
            "identifier": [{"system": SSN_SYSTEM, "value": "123-45-6789"}],
            "telecom": [{"system": "phone", "value": "9999999999"}],
            "address": [{"line": ["Homeless"], "city": "Alder Fork"}],
        }
    )
    assert not keys(nobody)


def test_each_of_these_alone_brings_records_together() -> None:
    assert meet(SOFIA, Person(ssn="666201102", ssn4="1102"))
    assert meet(SOFIA, Person(surnames=("HALDANE",), birth="1993-11-02"))
    assert meet(SOFIA, Person(first="SOFIA", birth="1993-11-02"))
    assert meet(SOFIA, Person(phones=("6085550164",), birth="1993-11-02"))
    assert meet(SOFIA, Person(emails=("sofia@mail.example",), first="SOFIA"))
    assert meet(SOFIA, Person(addresses=SOFIA.addresses, first="SOFIA"))
    assert meet(SOFIA, Person(ssn4="1102", birth="1993-11-02"))
    assert meet(SOFIA, Person(first="SUE", surnames=("HALDAINE",), birth="1993-11-02"))
    assert meet(SOFIA, Person(first="HALDANE", surnames=("SOFIA",), birth="1993-02-11"))
    assert meet(SOFIA, Person(surnames=("HALDANE",), phones=("6085550164",)))


def test_an_earlier_surname_meets_the_present_one() -> None:
    before = Person(first="X", surnames=("PETROVA",), birth="1993-11-02")
    now = Person(surnames=("HALDANE",), other_surnames=("PETROVA",), birth="1993-11-02")
    assert meet(before, now)


def test_a_nickname_meets_the_formal_name() -> None:
    assert meet(Person(first="PEPE", birth="1993-11-02"), Person(first="JOSE", birth="1993-11-02"))


def test_keys_can_be_read() -> None:
    assert "lb|HALDANE|1993-11-02" in key_texts(SOFIA)


def test_keys_about_the_same_thing_lie_together() -> None:
    places = {key >> 32 for key in keys(SOFIA)}
    assert len(places) < len(keys(SOFIA)) / 2
