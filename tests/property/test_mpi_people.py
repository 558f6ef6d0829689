"""Matching, whatever is sent: total, symmetric, the same in any order."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mpi.blocking import keys
from mpi.decide import judge, rate
from mpi.gates import contradict
from mpi.model import load_model
from mpi.normalise_address import Address
from mpi.person import SSN_SYSTEM, Person, from_text, person_of, to_text

MODEL = load_model(
    (Path(__file__).parents[2] / "mpi" / "data" / "model-default.yaml").read_text("utf-8")
)
FIRST = ("", "MARY", "MARIA", "MARIE", "MAGGIE", "MARGARET", "IMANI", "AMANI", "M", "TRAN", "JOSE")
LAST = ("ASH", "SMITH", "GARCIA", "NUNEZ", "TRAN", "ASHE", "HALDANE", "MARY")
BIRTH = ("", "1958", "1958-03", "1958-03-09", "1958-09-03", "1985-03-09", "1931-12-24")

names = st.sampled_from(LAST)
sets = st.lists(names, max_size=2, unique=True).map(lambda x: tuple(sorted(x)))
places = st.builds(
    Address,
    st.sampled_from(("", "5", "77")),
    st.sampled_from(("", "LANTERN", "ORCHARDHILL")),
    st.sampled_from(("", "2", "3B")),
    st.sampled_from(("", "53099", "03777")),
    st.just("ALDERFORK"),
)
numbers = st.sampled_from(
    (("", ""), ("", "0309"), ("666120309", "0309"), ("666120308", "0308"), ("666998877", "8877"))
)


@st.composite
def people(draw: st.DrawFn) -> Person:
    nine, four = draw(numbers)
    return Person(
        first=draw(st.sampled_from(FIRST)),
        middle=draw(sets),
        surnames=draw(sets),
        suffix=draw(st.sampled_from(("", "", "JR", "SR", "II"))),
        other_firsts=draw(sets),
        other_surnames=draw(sets),
        birth=draw(st.sampled_from(BIRTH)),
        sex=draw(st.sampled_from(("", "F", "M"))),
        ssn=nine,
        ssn4=four,
        phones=draw(st.sampled_from(((), ("6085550142",), ("6085550142", "6085550143")))),
        emails=draw(st.sampled_from(((), ("a@mail.example",), ("b@mail.example",)))),
        addresses=draw(st.lists(places, max_size=2, unique=True).map(lambda x: tuple(sorted(x)))),
        birth_order=draw(st.sampled_from((0, 0, 1, 2))),
        multiple=draw(st.booleans()),
        newborn=draw(st.booleans()),
        identifiers=draw(st.sampled_from(((), ("urn:mbi|1EG4",)))),
    )


@given(people())
def test_text_is_lossless(person: Person) -> None:
    assert from_text(to_text(person)) == person


@given(people(), people())
def test_equal_text_means_equal_people(a: Person, b: Person) -> None:
    assert (to_text(a) == to_text(b)) == (a == b)


@settings(max_examples=400)
@given(people(), people())
def test_a_verdict_does_not_depend_on_who_is_asked_first(a: Person, b: Person) -> None:
    assert judge(a, b, MODEL) == judge(b, a, MODEL)


@given(people(), people())
def test_the_evidence_is_the_score(a: Person, b: Person) -> None:
    verdict = judge(a, b, MODEL)
    assert abs(sum(f.bits for f in verdict.fields) - verdict.bits) < 0.02
    assert verdict.outcome != "link" or (not verdict.gates and verdict.bits >= MODEL.link_bits)


@given(people(), people())
def test_keys_are_a_set_and_need_a_fact(a: Person, b: Person) -> None:
    assert all(-(2**63) <= key < 2**63 for key in keys(a))
    assert not keys(Person())
    if keys(a) and a == b:
        assert keys(a) == keys(b)


text = st.text(max_size=20)
json_names = st.fixed_dictionaries(
    {},
    optional={
        "use": st.sampled_from(("official", "old", "nickname", "x")),
        "family": text,
        "given": st.lists(text, max_size=3),
        "text": text,
        "suffix": st.lists(text, max_size=1),
    },
)
patients = st.fixed_dictionaries(
    {},
    optional={
        "name": st.lists(json_names, max_size=3),
        "birthDate": st.one_of(text, st.sampled_from(BIRTH), st.dates().map(str)),
        "gender": st.sampled_from(("male", "female", "unknown", "")),
        "telecom": st.lists(
            st.fixed_dictionaries(
                {}, optional={"system": st.sampled_from(("phone", "email", "fax")), "value": text}
            ),
            max_size=3,
        ),
        "address": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "line": st.lists(text, min_size=1, max_size=2),
                    "city": text,
                    "postalCode": text,
                },
            ),
            max_size=2,
        ),
        "identifier": st.lists(
            st.fixed_dictionaries({"system": st.just(SSN_SYSTEM)}, optional={"value": text}),
            max_size=2,
        ),
        "multipleBirthInteger": st.integers(1, 4),
    },
)


@settings(max_examples=300)
@given(patients)
def test_any_patient_can_be_read_and_judged(patient: dict[str, Any]) -> None:
    person = person_of(patient)
    assert from_text(to_text(person)) == person
    assert judge(person, person, MODEL).bits == judge(person, person, MODEL).bits
    assert all(isinstance(key, int) for key in keys(person))


@settings(max_examples=400)
@given(people(), people())
def test_a_rating_is_the_verdict_without_its_reasons(a: Person, b: Person) -> None:
    verdict = judge(a, b, MODEL)
    assert rate(a, b, MODEL) == (verdict.outcome, verdict.bits)
    assert contradict(a, b) == verdict.hard
