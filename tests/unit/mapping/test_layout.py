"""Layouts: made once for each sequence of names, without content, and in bounded number."""

from collections.abc import Callable

import pytest

from engine.formats.hl7v2.groups import Bound
from engine.formats.hl7v2.parse import Message
from engine.mapping.layout import LONGEST, ROOM
from engine.mapping.library import Library
from engine.mapping.program import Program, build
from engine.mapping.scope import NOTHING
from engine.mapping.site import SiteProfile
from engine.mapping.strata import Strata

Read = Callable[..., Message]
PID = "PID|1||{0}^^^HOSP^MR||QUILL^TESS"
ORDER = ("OBR|1||F{0}|P^Panel", "OBX|1|NM|A^x^LN||{0}", "NTE|1||of A", "OBX|2|NM|B^x^LN||{0}")


@pytest.fixture
def program(files: dict[str, str]) -> Program:
    site = SiteProfile("mercy", "America/Chicago", ("base",), b"k" * 32)
    return build(Strata(Library(tuple(sorted(files.items())))), site)


def results(read: Read, number: int, *more: str) -> Message:
    texts = [text.format(number) for text in (PID, *ORDER, *more)]
    return read(*texts, kind="ORU^R01")


def test_messages_with_the_same_names_share_a_layout(program: Program, read: Read) -> None:
    rules = program.messages["ORU^R01"]
    first = program.layouts.of(rules, results(read, 1))
    assert program.layouts.of(rules, results(read, 2)) is first
    assert program.layouts.of(rules, results(read, 1, "NTE|1||of B")) is not first


def test_each_resource_reads_its_own_segments(program: Program, read: Read) -> None:
    layout = program.layouts.of(program.messages["ORU^R01"], results(read, 1, *ORDER))
    made = [(spot.rule.map.type, spot.at.segment, spot.pid) for spot in layout.spots]
    assert made == [
        ("Patient", 1, 1),
        *(("Observation", index, 1) for index in (3, 5)),
        ("DiagnosticReport", 2, 1),
        *(("Observation", index, 1) for index in (7, 9)),
        ("DiagnosticReport", 6, 1),
    ]
    orders = [spot.at.slots for spot in layout.spots if spot.rule.map.type == "Observation"]
    none = NOTHING.index
    assert [slots[1:] for slots in orders] == [(4, 2), (none, 2), (8, 6), (none, 6)]  # NTE, OBR
    assert none not in layout.used


def test_a_layout_keeps_no_content(program: Program, read: Read) -> None:
    def texts(bound: Bound) -> set[str]:
        own = {segment.text for found in bound.segments.values() for segment in found}
        return own.union(*(texts(b) for found in bound.groups.values() for b in found))

    layout = program.layouts.of(program.messages["ORU^R01"], results(read, 1))
    assert texts(layout.frames[0][0]) == {""}


def test_what_is_kept_is_bounded(program: Program, read: Read) -> None:
    rules = program.messages["ORU^R01"]
    layouts = program.layouts
    for number in range(40):
        layouts.of(rules, results(read, 1, *(["NTE|1||x"] * number * 12)))
        assert layouts.size <= ROOM
    before = layouts.size
    layouts.of(rules, results(read, 1, *(["NTE|1||x"] * LONGEST)))
    assert layouts.size == before > 0
