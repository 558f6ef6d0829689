"""Codes without a row, counted."""

from collections.abc import Callable

from engine.mapping.plan import Plan
from engine.survey.gaps import Asked, gaps
from engine.survey.given import Given
from tests.unit.survey.conftest import Send

PID = "PID|1||4711||Doe||19800401|{}"


def at(given: Given, when_us: int, channel: str) -> Given:
    return Given(given.name, given.value, when_us, "", channel)


def test_codes_are_counted_with_their_times_and_channels(plan: Plan, send: Send) -> None:
    traffic = [
        at(send(PID.format("Z")), 30, "b"),
        at(send(PID.format("Q")), 10, "a"),
        at(send(PID.format("Z")), 20, "a"),
        at(send(PID.format("F")), 40, "a"),
    ]
    first, second = gaps(plan, traffic)
    assert first.asked == Asked("sex", "", "", "Z")
    assert (first.count, first.first_us, first.last_us) == (2, 20, 30)
    assert (list(first.channels), list(first.elements)) == (["b", "a"], ["Patient.gender"])
    assert second.asked.code == "Q"


def test_a_code_with_system_and_text(plan: Plan, send: Send) -> None:
    (found,) = gaps(plan, [send(PID.format("Z^Zebra^L"))])
    assert (found.asked.code, found.text) == ("Z", "Zebra")
    assert found.asked.system == "urn:id:mercy:L"


def test_a_text_without_code_is_what_tables_are_asked_for(plan: Plan, send: Send) -> None:
    (found,) = gaps(plan, [send(PID.format("^Zebra"))])
    assert (found.asked.code, found.text) == ("Zebra", "")


def test_what_cannot_be_mapped_has_no_gaps(plan: Plan, send: Send) -> None:
    assert gaps(plan, [send("PID|1"), Given("torn", None)]) == []


def test_a_value_set_without_a_table(replaced: Callable[[str, str], Plan], send: Send) -> None:
    plan = replaced("gender: {from: PID-8, map: sex}", "gender: PID-8")
    (found,) = gaps(plan, [send(PID.format("Z"))])
    assert found.asked == Asked("", "Patient.gender", "", "Z")
