"""Laws of the mapping: total, pure, valid by construction, whatever a sender writes."""

import re
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.fault import FaultError
from engine.formats.hl7v2.parse import parse
from engine.mapping import syntax
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.validate import validate

MAPPINGS = Path(__file__).parents[2] / "mappings"
KINDS = ("ADT^A01", "ADT^A03", "ADT^A08", "ADT^A31", "ADT^A40", "ORU^R01", "SIU^S12", "MDM^T02")
NAMES = "EVN PID PD1 NK1 PV1 PV2 AL1 DG1 OBX IN1 GT1 MRG ORC OBR NTE SPM SCH AIS AIP AIL TXA ZPD"
SEGMENTS = tuple(re.findall(r"[A-Z0-9]{3}", NAMES))
ATOMS = (
    '""',
    "",
    "1",
    "13.10",
    "20260314",
    "20261101013000",
    "20260231",
    "Y",
    "F",
    "NM",
    "SN",
    "ED",
    "CWE",
    "EPI",
    "MR",
    "LN",
    "a\\T\\b",
    "\\X0D\\",
    "\\",
    "<",
    "x" * 70,
    "\u00e9",
    "QUILL, TESS",
)


def build(zone: str = "America/Chicago") -> Plan:
    layers = tuple(name for name in ("base", "us", "generic") if (MAPPINGS / name).is_dir())
    site = SiteProfile("mercy", zone, layers, b"k" * 32, processing=("", "P", "T", "D"))
    return compile_plan(read_library(MAPPINGS), site)


@cache
def plan() -> Plan:
    return build()


def joined(separator: str, parts: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    return st.lists(parts, max_size=most).map(separator.join)


atoms = st.sampled_from(ATOMS) | st.text(
    st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"]), max_size=6
)
components = joined("^", atoms | joined("&", atoms, 3), 6)
fields = st.just("") | joined("~", components, 2)
segments = st.tuples(st.sampled_from(SEGMENTS), st.lists(fields, max_size=30)).map(
    lambda parts: "|".join((parts[0], *parts[1]))
)
messages = st.tuples(
    st.sampled_from(KINDS), fields, st.lists(segments, max_size=12), st.booleans()
).map(
    lambda parts: "\r".join(
        [
            f"MSH|^~\\&|A|B|C|D|{parts[1]}||{parts[0]}|C1|P|2.5.1",
            *(["PID|1||7^^^H^MR~E9^^^EPI^EPI||QUILL^TESS"] if parts[3] else []),
            *parts[2],
        ]
    ).encode()
)


@settings(max_examples=120, deadline=None)
@given(messages)
def test_any_message_is_mapped_to_valid_resources_or_refused(body: bytes) -> None:
    try:
        mapped = plan().map(parse(body), 0)
    except FaultError:
        return
    known = {f"{made.type}/{made.id}" for made in mapped.contributions}
    for made in mapped.contributions:
        # Rules between elements (`invariant`) are the library's to keep, and tested there.
        assert [one for one in validate(made.body) if one.code != "invariant"] == []
        assert not set(references(made.body)) - known


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [found for item in value.values() for found in references(item)]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return []


@cache
def other_plan() -> Plan:
    return build()


@settings(max_examples=60, deadline=None)
@given(st.lists(messages, min_size=1, max_size=4))
def test_a_message_maps_the_same_whatever_was_mapped_before(bodies: list[bytes]) -> None:
    def outcome(of: Plan, body: bytes) -> object:
        try:
            return of.map(parse(body), 5)
        except FaultError as error:
            return error.fault

    forward = [outcome(plan(), body) for body in bodies]
    backward = [outcome(other_plan(), body) for body in reversed(bodies)]
    assert forward == backward[::-1]


@settings(max_examples=60, deadline=None)
@given(messages)
def test_tracing_changes_nothing(body: bytes) -> None:
    try:
        plain = plan().map(parse(body), 0)
    except FaultError:
        return
    assert plan().trace(parse(body), 0).mapped.contributions == plain.contributions


@settings(max_examples=60, deadline=None)
@given(messages)
def test_lane_is_total_and_agrees_with_the_patient(body: bytes) -> None:
    try:
        message = parse(body)
        lane = plan().lane(message)
        mapped = plan().map(message, 0)
    except FaultError:
        return
    if lane and mapped.patients:
        assert lane.partition(":")[2] == mapped.patients[0].local_id


WORDS = (
    "PID-3 PID-3.1 PID-5[1].2 $ $4 and or not = != < in matches starts with is valued null ( ) , |"
    ' "x" 12 count exists join lookup received PATIENT.PID-3 PID-3[ ] . [ * ~ { \u00e9'
)
words = st.sampled_from(WORDS.split(" "))


def fault_place(text: str) -> int:
    """Return where the text stops being an expression, -1 when it is one."""
    try:
        syntax.parse(text)
    except syntax.ExpressionError as error:
        return error.start
    return -1


@settings(max_examples=300, deadline=None)
@given(st.lists(words, max_size=12).map(" ".join) | st.text(max_size=30))
def test_any_text_is_an_expression_or_says_where_it_is_none(text: str) -> None:
    assert -1 <= fault_place(text) <= len(text)
