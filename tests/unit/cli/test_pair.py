"""`concord mpi explain`: what holds comes first, and no line reads as nonsense."""

from dataclasses import replace

import pytest

from engine.cli.pair import in_words
from mpi.decide import Verdict
from mpi.explain import Explanation, Known, SaidOf
from mpi.score import FieldEvidence

TWIN = FieldEvidence("prior", "twin", "most likely otherwise: a twin", 5.0)
ADDRESS = FieldEvidence("address", "exact", "same address", -0.4)
FIRST = FieldEvidence("first", "exact", "same first name", 8.8)
SSN = FieldEvidence("ssn", "different", "social security numbers differ", -9.0)
LINK = SaidOf(12, "link", "steward", "anna", "asked by phone", withdrawn=False)


def pair(
    *said: SaidOf, one: bool = True, verdict: Verdict | None = None, other: str = "p2"
) -> Explanation:
    known = Known("r1", "mercy", "1", "p1", "", "seen")
    person = "p1" if one else other
    return Explanation(
        known, replace(known, record="r2", local_id="2", person=person), verdict, said
    )


def judged(*fields: FieldEvidence, outcome: str = "link", gates: tuple[str, ...] = ()) -> Verdict:
    assert outcome in {"link", "review", "apart"}
    return Verdict(outcome, 13.4, fields, gates)  # type: ignore[arg-type]  # checked above


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (pair(LINK, verdict=judged(TWIN)), "one person: link stated by anna (steward), act 12"),
        (pair(verdict=judged(TWIN)), "one person: by the evidence"),
        (
            pair(replace(LINK, withdrawn=True), verdict=judged(TWIN, outcome="review")),
            "one person: through other records that belong to both",
        ),
        (
            pair(replace(LINK, kind="unlink"), one=False, verdict=judged(TWIN)),
            "two people: unlink stated by anna (steward), act 12",
        ),
        (
            pair(one=False, verdict=judged(TWIN, outcome="review")),
            "two people: the evidence leaves it open until somebody decides",
        ),
        (pair(one=False), "two people: nothing says otherwise"),
    ],
)
def test_what_holds_and_why_comes_first(found: Explanation, first: str) -> None:
    assert in_words(found).splitlines()[0] == first


def test_the_strongest_evidence_leads_and_the_prior_is_a_sentence() -> None:
    lines = in_words(pair(verdict=judged(ADDRESS, FIRST, SSN, TWIN))).splitlines()[4:]
    assert [line.split()[1].rstrip(":") for line in lines[:3]] == ["ssn", "first", "address"]
    assert lines[2].endswith("same address (counts little: also true of a twin)")
    prior = "before looking: 32 to 1 for one person and against a twin, the likeliest other case"
    assert lines[3] == f"     +5.0  {prior}"


def test_acts_are_shown_with_their_reason_and_the_newest_first() -> None:
    older = replace(LINK, position=7, kind="unlink", withdrawn=True, reason="")
    lines = in_words(pair(older, LINK)).splitlines()
    assert lines[3:5] == [
        "act 12: link by anna (steward): asked by phone",
        "act 7: unlink by anna (steward), undone",
    ]


def test_a_steward_is_named_before_a_newer_source() -> None:
    merge = SaidOf(40, "merge", "source", "mercy", "", withdrawn=False)
    first = in_words(pair(LINK, merge)).splitlines()[0]
    assert first == "one person: link stated by anna (steward), act 12"


def test_a_gate_is_shown_in_words() -> None:
    found = pair(one=False, verdict=judged(TWIN, outcome="review", gates=("birth-date",)))
    assert in_words(found).endswith(
        "held back by birth-date: the birth date is missing or another one"
    )
