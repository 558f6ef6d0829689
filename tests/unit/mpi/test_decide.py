"""Verdicts on invented pairs: what must link, what must be asked, what must stay apart."""

import pytest

from mpi.decide import Verdict, judge
from mpi.model import Model
from mpi.normalise_address import Address
from mpi.person import Person

HOME = Address("412", "TAMARACK", "3B", "53099", "ALDERFORK")
ANNA = Person(
    first="MARGUERITE",
    middle=("ANNE",),
    surnames=("DELACROIX", "WHITFIELD"),
    birth="1958-03-09",
    sex="F",
    ssn="666120309",
    ssn4="0309",
    phones=("6085550142",),
    addresses=(HOME,),
)
BARE = ANNA._replace(middle=(), ssn="", ssn4="")
CHILD = Person(
    first="IMANI",
    surnames=("OKAFOR", "REYES"),
    birth="2016-07-14",
    sex="F",
    phones=("6085550177",),
    addresses=(HOME,),
)
NEWBORN = Person(surnames=("OKAFOR",), birth="2026-01-02", sex="M", newborn=True, addresses=(HOME,))


@pytest.mark.parametrize(
    "other",
    [
        ANNA,
        BARE,
        ANNA._replace(first="MAGGIE", surnames=("WHITFIELD",), middle=("A",)),
        ANNA._replace(first="MARGARET", middle=("A",), phones=()),
        ANNA._replace(surnames=("MERRIWEATHER",), addresses=()),
        BARE._replace(first="DELACROIX", surnames=("MARGUERITE",)),
        ANNA._replace(birth="1958-09-03"),
        ANNA._replace(birth="", phones=(), addresses=()),
        BARE._replace(phones=("6085550199",), addresses=()),
        BARE._replace(first="MARGEURITE"),
    ],
)
def test_one_person_is_linked(other: Person, model: Model) -> None:
    assert judge(ANNA, other, model).outcome == "link"


def test_an_earlier_surname_counts(model: Model) -> None:
    before = BARE._replace(surnames=("PETROVA",))
    now = BARE._replace(surnames=("HALDANE",), other_surnames=("PETROVA",))
    verdict = judge(before, now, model)
    assert verdict.outcome == "link"
    assert "alias" in {f.level for f in verdict.fields if f.field == "last"}


def gated(a: Person, b: Person, model: Model, gate: str) -> Verdict:
    verdict = judge(a, b, model)
    assert gate in verdict.gates
    assert verdict.outcome != "link"
    return verdict


def test_twins_with_names_alike(model: Model) -> None:
    verdict = judge(CHILD, CHILD._replace(first="AMANI"), model)
    assert verdict.outcome == "review"
    assert verdict.fields[-1].level == "twin"


def test_twins_in_two_spellings_of_a_name(model: Model) -> None:
    boy = CHILD._replace(first="BRIAN", sex="M", ssn="666004485", ssn4="4485")
    assert judge(boy, boy._replace(first="BRYAN", ssn="666004484", ssn4="4484"), model).outcome in {
        "review",
        "apart",
    }


def test_known_twins_with_other_names_are_apart(model: Model) -> None:
    one = CHILD._replace(multiple=True)
    assert gated(one, one._replace(first="ZURI"), model, "multiple-birth").outcome == "apart"


def test_birth_order_is_a_hard_conflict(model: Model) -> None:
    one = CHILD._replace(birth_order=1, multiple=True)
    verdict = gated(one, one._replace(birth_order=2), model, "birth-order")
    assert verdict.outcome == "apart"
    assert verdict.hard


def test_newborns_under_a_generic_name_are_never_linked_alone(model: Model) -> None:
    gated(NEWBORN, NEWBORN, model, "newborn-name")
    gated(NEWBORN, NEWBORN._replace(first="THEO", newborn=False), model, "newborn-name")


def test_junior_and_senior(model: Model) -> None:
    junior = BARE._replace(first="THEODORE", sex="M", suffix="JR", birth="1979-05-02")
    senior = junior._replace(suffix="", birth="1949-05-02")
    assert gated(junior, senior, model, "generation").outcome == "apart"
    same_day = junior._replace(suffix="SR")
    assert gated(junior, same_day, model, "generation").outcome == "apart"


def test_a_namesake_of_another_generation(model: Model) -> None:
    verdict = gated(BARE, BARE._replace(birth="1931-11-21"), model, "generation")
    assert verdict.outcome == "apart"


def test_a_mistyped_decade_is_asked(model: Model) -> None:
    verdict = gated(BARE, BARE._replace(birth="1985-03-09"), model, "generation")
    assert verdict.outcome == "review"


def test_both_numbers_differ(model: Model) -> None:
    other = ANNA._replace(ssn="666998877", ssn4="8877", birth="1962-12-30")
    verdict = gated(ANNA, other, model, "ssn-and-birth-date")
    assert verdict.outcome == "apart"
    assert verdict.hard


def test_a_mother_s_number_on_her_daughter(model: Model) -> None:
    daughter = ANNA._replace(first="HARRIET", middle=(), birth="1990-06-30")
    gated(ANNA, daughter, model, "first-name")


def test_a_surname_that_moved_into_the_given_name(model: Model) -> None:
    whole = BARE._replace(first="JOSE", surnames=("NUNEZ", "OCAMPO"), sex="M")
    moved = whole._replace(middle=("NUNEZ",), surnames=("OCAMPO",))
    assert gated(whole, moved, model, "surname-as-given-name").outcome == "review"


def test_brother_and_sister(model: Model) -> None:
    one = CHILD._replace(first="DANIEL", sex="M")
    gated(one, one._replace(first="DANIELA", sex="F"), model, "sex")


def test_first_name_shared_and_second_not(model: Model) -> None:
    one = CHILD._replace(first="MARIA", middle=("LUZ",))
    gated(one, one._replace(middle=("ANA",)), model, "middle-name")


def test_a_name_alone_is_not_enough(model: Model) -> None:
    person = Person(first="RENEE", surnames=("LACHANCE",))
    gated(person, person, model, "too-little")


def test_a_number_alone_is_not_enough(model: Model) -> None:
    person = Person(ssn="666120309", ssn4="0309")
    gated(person, person, model, "too-little")


def test_an_almost_equal_birth_date_needs_something_shared(model: Model) -> None:
    other = BARE._replace(birth="1958-03-19", phones=(), addresses=())
    gated(BARE._replace(middle=("A",)), other, model, "uncorroborated")


def test_sisters_who_share_a_middle_name_and_nearly_a_birthday(model: Model) -> None:
    gabriela = CHILD._replace(first="GABRIELA", middle=("MARIA",), birth="2012-07-03")
    maria = gabriela._replace(first="MARIA", middle=("M",), birth="2015-07-03")
    assert gated(gabriela, maria, model, "two-errors").outcome == "review"


def test_name_and_birth_date_alone_need_more_bits(model: Model) -> None:
    one = BARE._replace(first="JOSE", surnames=("FERNANDEZ",), birth="1972-05-04", sex="M")
    alone = judge(one, one._replace(addresses=(), phones=("6085550199",)), model)
    assert model.link_bits <= alone.bits < model.alone_bits
    assert (alone.outcome, alone.gates) == ("review", ())
    assert judge(one, one._replace(addresses=()), model).outcome == "link"


def test_common_namesakes_with_one_birth_date_are_asked(model: Model) -> None:
    one = Person(first="MARIA", surnames=("GARCIA",), birth="1980-05-05", sex="F")
    one = one._replace(phones=("6085550101",), addresses=(HOME,))
    other = one._replace(
        phones=("6085550102",), addresses=(Address("9", "MILLRACE", "", "53001", "X"),)
    )
    assert judge(one, other, model).outcome == "review"


def test_strangers_are_apart(model: Model) -> None:
    other = Person(first="LINH", surnames=("TRAN",), birth="1990-04-07", sex="F")
    verdict = judge(ANNA, other, model)
    assert verdict.outcome == "apart"
    assert not verdict.hard


def test_the_evidence_adds_up_and_speaks(model: Model) -> None:
    verdict = judge(ANNA, ANNA._replace(first="MAGGIE"), model)
    assert sum(f.bits for f in verdict.fields) == pytest.approx(verdict.bits, abs=0.01)
    assert verdict.fields[-1].field == "prior"
    assert all(f.words for f in verdict.fields)
    assert "one first name is short for the other" in {f.words for f in verdict.fields}
