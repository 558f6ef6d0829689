"""What senders may rely on: twice is once, `""` clears, the order of repetitions is free."""

from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.lexeme import encode
from engine.core.values import Contribution
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.store import registers

MAPPINGS = Path(__file__).parents[2] / "mappings"
PERSON = {
    3: "7^^^NORTH^MR~E9^^^NORTH^EPI~M4^^^PLAN^MC~D2^^^STATE^DL",
    5: "Quill^Tess^A^^^^L~Quill^Tessa^^^^^A",
    6: "Rook",
    7: "19800214",
    8: "F",
    10: "2106-3^White^CDCREC",
    11: "1 Elm St^^Alder^WI^53002^US^H~PO Box 9^^Alder^WI^53002^US^M",
    13: "^PRN^PH^^^608^5550101~^PRN^CP^^^608^5550102~^NET^Internet^tess@quill.example",
    14: "^WPN^PH^^^608^5550103",
    15: "en",
    16: "M",
    17: "CAT",
    22: "N^Not Hispanic^HL70189",
    26: "US",
}
CLEARED = {  # fields that may be emptied without another person or another resource coming of it
    5: "name",
    7: "birthDate",
    11: "address",
    13: "telecom",
    14: "telecom",
    15: "communication",
    16: "maritalStatus",
}
LISTS = {3: "identifier", 5: "name", 11: "address", 13: "telecom"}
SIDE_SEGMENTS = (
    "AL1|1|DA|70618^Penicillin^RXNORM|MO|Hives|20200101",
    "AL1|2|FA|256349002^Peanut^SCT|SV|Swelling|20210101",
    "DG1|1||E11.9^Type 2 diabetes^I10|||F",
    "DG1|2||I10^Hypertension^I10|||F",
    "NK1|1|Quill^Ann|MTH^Mother^HL70063||^PRN^PH^^^608^5550110",
    "NK1|2|Quill^Bo|BRO^Brother^HL70063||^PRN^PH^^^608^5550111",
)


@cache
def plan() -> Plan:
    site = SiteProfile("north", "America/Chicago", ("base", "us", "generic"), b"k" * 32)
    return compile_plan(read_library(MAPPINGS), site)


def message(person: dict[int, str], *segments: str, trigger: str = "A08") -> bytes:
    pid = "|".join(["PID", *(person.get(number, "") for number in range(1, 31))])
    head = f"MSH|^~\\&|A|NORTH|C|D|20260301120000||ADT^{trigger}|M1|P|2.5.1"
    return "\r".join(
        [head, "EVN||20260301120000", pid, "PV1|1|I||||||||||||||||||V9", *segments]
    ).encode()


def said(body: bytes) -> tuple[Contribution, ...]:
    return plan().map(parse(body), 1_772_000_000_000_000).contributions


def patient(*bodies: bytes) -> dict[str, Any]:
    """Return the Patient that is stored after these messages, one after the other."""
    state = None
    ids = set()
    for position, body in enumerate(bodies, 1):
        (one,) = [made for made in said(body) if made.type == "Patient"]
        state = registers.merge(state, one, position, position)
        ids.add(one.id)
    (ident,) = ids
    assert state is not None
    return registers.body_of(state, "Patient", ident)


def loose(value: Any) -> Any:
    """Return a value in which the order of lists does not count."""
    if isinstance(value, dict):
        return {name: loose(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return sorted((loose(item) for item in value), key=encode)
    return value


def bodies(contributions: tuple[Contribution, ...]) -> dict[tuple[str, str], Any]:
    return {(one.type, one.id): loose(one.body) for one in contributions}


people = st.sets(st.sampled_from(sorted(PERSON.keys() - {3}))).map(
    lambda gone: {number: text for number, text in PERSON.items() if number not in gone}
)


@settings(max_examples=40, deadline=None)
@given(people)
def test_a_message_twice_says_no_more_than_once(person: dict[int, str]) -> None:
    body = message(person, *SIDE_SEGMENTS)
    assert said(body) == said(body)
    assert patient(body, body) == patient(body)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(sorted(CLEARED)), min_size=1))
def test_a_null_leaves_nothing_of_what_was_said(fields: set[int]) -> None:
    emptied = PERSON | dict.fromkeys(fields, '""')
    blank = {number: text for number, text in PERSON.items() if number not in fields}
    whole, kept = message(PERSON), patient(message(PERSON), message(blank))
    cleared = patient(whole, message(emptied))
    assert cleared == patient(message(emptied))
    assert kept == patient(whole)
    for number in fields:
        name = CLEARED[number]
        others = {n for n, one in CLEARED.items() if one == name} - fields
        assert name in kept
        assert (name in cleared) == bool(others)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_order_of_repetitions_changes_no_content(data: st.DataObject) -> None:
    number = data.draw(st.sampled_from(sorted(LISTS)))
    shuffled = data.draw(st.permutations(PERSON[number].split("~")))
    other = PERSON | {number: "~".join(shuffled)}
    assert bodies(said(message(other))) == bodies(said(message(PERSON)))


@settings(max_examples=60, deadline=None)
@given(st.permutations(SIDE_SEGMENTS))
def test_the_order_of_repeated_segments_changes_no_content(segments: list[str]) -> None:
    kinds = sorted(
        segments,
        key=lambda one: SIDE_SEGMENTS.index(next(s for s in SIDE_SEGMENTS if s[:3] == one[:3])),
    )
    assert bodies(said(message(PERSON, *kinds))) == bodies(said(message(PERSON, *SIDE_SEGMENTS)))
