"""Deliveries are deduplicated, not content: which second delivery counts, and which does not."""

import pytest

from tests.chaos.message import Person, control_id, hilltop_adt, mercy_adt
from tests.chaos.place import Daemon
from tests.chaos.reckoning import settled
from tests.chaos.wire import Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_the_same_bytes_again_are_a_duplicate_of_the_first(steady: Daemon, mercy: Line) -> None:
    body = mercy_adt(Person("920000001"), control_id())
    assert [mercy.exchange(body).code for _ in range(3)] == ["AA"] * 3
    first, *again = settled(steady.region).of(body)
    assert first.state == "written"
    assert [(one.state, one.of) for one in again] == [("duplicate", first.position)] * 2


def test_the_same_control_id_with_another_body_is_another_message(
    steady: Daemon, mercy: Line
) -> None:
    control = control_id()
    bodies = [mercy_adt(Person("920000002", given=name), control) for name in ("ADA", "IDA")]
    assert [mercy.exchange(body).code for body in bodies] == ["AA", "AA"]
    found = settled(steady.region)
    assert [found.of(body)[0].state for body in bodies] == ["written", "written"]


def test_unnumbered_and_repeated_at_once_is_a_duplicate(steady: Daemon, hilltop: Line) -> None:
    body = hilltop_adt(Person("93001"), "")
    assert [hilltop.exchange(body).code for _ in range(2)] == ["AA", "AA"]
    first, again = settled(steady.region).of(body)
    assert (first.state, again.state, again.of) == ("written", "duplicate", first.position)


def test_unnumbered_and_repeated_after_another_message_counts(
    steady: Daemon, hilltop: Line
) -> None:
    """The sender may mean it: the patient went back to what was said before."""
    said = hilltop_adt(Person("93002"), "")
    other = hilltop_adt(Person("93002", street="4 MILL LANE"), "", at="20260914090000")
    assert [hilltop.exchange(body).code for body in (said, other, said)] == ["AA"] * 3
    first, again = settled(steady.region).of(said)
    assert first.state == "written"
    assert again.of == 0
    assert (again.state, again.code) in {("written", ""), ("filtered", "older")}


def test_unnumbered_messages_of_others_do_not_come_between(steady: Daemon, hilltop: Line) -> None:
    body = hilltop_adt(Person("93003"), "")
    between = hilltop_adt(Person("93004"), "")
    assert [hilltop.exchange(one).code for one in (body, between, body)] == ["AA"] * 3
    first, again = settled(steady.region).of(body)
    assert (again.state, again.of) == ("duplicate", first.position)
