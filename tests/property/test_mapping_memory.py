"""A plan that remembers what rules made says the same as one that never does, and stays small."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.fault import FaultError
from engine.core.values import WHOLE, Mapped
from engine.formats.hl7v2.parse import Message, parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.compiled import proves
from engine.r4.validate import validate

ROOT = Path(__file__).parents[2]
SITES = {
    "mercy": "epic",
    "lakeside": "athena",
    "hilltop": "ecw",
    "glenhaven": "oracle",
    "riverbend": "nextgen",
}
SAMPLES = sorted((ROOT / "samples" / "messages").rglob("*.hl7"))
VALUES = (
    '""',
    "",
    "x^y^z",
    "20261101013000",
    "20260231",
    "7^^^A&1.2.3&ISO~8",
    "ED",
    "X",
    "P",
    "<5",
    "a  b^c  d^LN",
    "20260101000000+1430",
    "A^B^C^^^^L^^^20260101000000+1430",
    "7^^^A B&urn:x y&URI^M  R^^20260101000000+1430",
    "\\X0A\\^\\.br\\ ^ \\T\\",
    "\x7f^\u200b^ ^\x7f",
    "Z" * 30_000,
)


@cache
def plan(site: str) -> Plan:
    chain = ("base", "us", f"vendor/{SITES[site]}", f"site/{site}")
    profile = SiteProfile(site, "America/Chicago", chain, b"k" * 32, "cp1252")
    return compile_plan(read_library(ROOT / "mappings"), profile)


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, bytes]:
    """A sample with some of its fields changed, emptied or moved, and some segments repeated."""
    path = draw(st.sampled_from(SAMPLES))
    lines = re.split(rb"[\r\n]+", path.read_bytes().strip())
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        fields = lines[place].split(b"|")
        number = draw(st.integers(1 if place else 2, max(len(fields), 3)))
        fields += [b""] * (number + 1 - len(fields))
        fields[number] = draw(st.sampled_from([*(v.encode() for v in VALUES), *fields[1:]]))
        lines[place] = b"|".join(fields)
    if draw(st.booleans()):
        lines.insert(draw(st.integers(1, len(lines))), draw(st.sampled_from(lines[1:] or lines)))
    return path.parent.name, b"\r".join(lines)


def outcome(of: Plan, message: Message) -> object:
    try:
        return of.map(message, 5)
    except FaultError as error:
        return error.fault


def untouched(of: Plan, message: Message) -> object:
    """What a traced plan says: it remembers nothing between messages but converted values."""
    try:
        mapped: Mapped = of.trace(message, 5).mapped
    except FaultError as error:
        return error.fault
    return replace(mapped, lines=())


@settings(max_examples=150, deadline=None)
@given(changed())
def test_remembering_changes_nothing(given: tuple[str, bytes]) -> None:
    site, body = given
    try:
        message = parse(body, "cp1252")
    except FaultError:
        return
    fresh = untouched(plan(site), message)
    assert outcome(plan(site), message) == fresh
    assert outcome(plan(site), message) == fresh


@settings(max_examples=150, deadline=None)
@given(changed())
def test_what_is_proven_need_not_be_validated(given: tuple[str, bytes]) -> None:
    site, body = given
    try:
        mapped = plan(site).map(parse(body, "cp1252"), 5)
    except FaultError:
        return
    again = plan(site).map(parse(body, "cp1252"), 5)
    for made in (*mapped.contributions, *again.contributions):
        assert made.proven - {WHOLE} <= made.body.keys()
        assert validate(made.body, made.proven) == validate(made.body)
        assert all(proves(made.type, name, made.body[name]) for name in made.proven - {WHOLE})
