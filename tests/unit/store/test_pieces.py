"""Registers with parts: what a later message takes, and what it leaves."""

from typing import Any

import pytest

from engine.core.values import Contribution, Parts
from engine.store import registers, stamps
from engine.store.registers import State

NUMBERS = ("list", "national")
MRN, EPI, SSN = ({"value": word} for word in ("mrn", "epi", "ssn"))


def told(
    said: dict[str, Any] | None = None,
    labels: tuple[str, ...] = NUMBERS,
    element: str = "identifier",
    **options: Any,
) -> Contribution:
    body = {"meta": {"source": "urn:a"}, **options.pop("body", {})}
    parts = {} if said is None else {element: Parts(labels, said)}
    mode = options.pop("mode", "merge")
    return Contribution("Encounter", "e", body, "p", mode, **options, parts=parts)


def fold(*messages: Contribution) -> State:
    """Lay messages over each other, the first at time 1; what is stored is read again."""
    state: State | None = None
    for at, message in enumerate(messages, 1):
        state = registers.merge(state, message, at, at)
        body = registers.body_of(state, "Encounter", "e")
        state = stamps.from_text(stamps.to_text(state), "Encounter", body)
    assert state is not None
    return state


def shown(*messages: Contribution, element: str = "identifier") -> Any:
    return registers.body_of(fold(*messages), "Encounter", "e").get(element)


def test_a_part_that_is_not_mentioned_stays() -> None:
    first = told({"list": [MRN, EPI], "national": [SSN]})
    assert shown(first, told({"list": [MRN]})) == [MRN, SSN]


def test_an_emptied_part_takes_only_itself() -> None:
    first = told({"list": [MRN], "national": [SSN]})
    assert shown(first, told({"national": None})) == [MRN]
    assert shown(first, told({"national": None}), told({"national": [SSN]})) == [MRN, SSN]
    assert shown(first, told({"national": None, "list": None})) is None


def test_parts_stand_in_the_order_of_the_mapping() -> None:
    assert shown(told({"national": [SSN]}), told({"list": [MRN]})) == [MRN, SSN]


def test_equal_items_show_once_and_are_held_by_both_parts() -> None:
    both = told({"list": [MRN, MRN], "national": [MRN, SSN]})
    assert shown(both) == [MRN, SSN]
    assert shown(both, told({"list": [EPI]})) == [EPI, MRN, SSN]


def test_a_weak_part_fills_a_gap_of_its_own() -> None:
    strong = told({"list": [MRN]})
    weak = told({"list": [EPI], "national": [SSN]}, weak=frozenset({"identifier"}))
    one = told({"list": [EPI], "national": [MRN]}, weak=frozenset({"identifier/list"}))
    assert shown(strong, weak) == [MRN, SSN]
    assert shown(weak, strong) == [MRN, SSN]
    assert shown(weak, strong, one) == [MRN]
    assert shown(weak, strong, told({"national": [EPI]})) == [MRN, EPI]


def test_whole_and_part_statements_make_one_another_go() -> None:
    parts, whole = told({"list": [MRN], "national": [SSN]}), told(body={"identifier": [EPI]})
    assert shown(parts, whole) == [EPI]
    assert shown(whole, parts) == [MRN, SSN]
    assert shown(parts, whole, told({"national": [SSN]})) == [SSN]
    assert shown(parts, told(clears=("identifier",))) is None
    assert shown(parts, told(body={"status": "finished"}, mode="replace")) is None


def test_an_object_said_as_a_whole_says_its_members() -> None:
    whole = told(body={"period": {"start": "2024-05-01", "end": "2024-05-02"}})
    ended = told({"end": "2024-05-03"}, ("start", "end"), "period")
    both = {"start": "2024-05-01", "end": "2024-05-03"}
    assert shown(whole, ended, element="period") == both
    assert shown(ended, told(body={"period": {"start": "x"}}), element="period") == {"start": "x"}
    late = registers.merge(registers.merge(None, ended, 5, 5), whole, 3, 3)
    assert registers.body_of(late, "Encounter", "e")["period"] == both
    replaced = told(body={"period": {"start": "2024-05-01"}}, mode="replace")
    late = registers.merge(registers.merge(None, ended, 5, 5), replaced, 3, 3)
    assert registers.body_of(late, "Encounter", "e")["period"] == both


def test_an_older_whole_statement_hides_behind_newer_parts() -> None:
    parts, whole = told({"list": [MRN]}), told(body={"identifier": [EPI]})
    state = registers.merge(registers.merge(None, parts, 5, 5), whole, 3, 3)
    assert registers.body_of(state, "Encounter", "e")["identifier"] == [MRN]
    late = registers.merge(state, told({"national": [SSN]}), 2, 2)
    assert late is state


def test_a_part_whose_rule_is_gone_goes_with_the_next_statement() -> None:
    old = told({"list": [MRN], "ssn": [SSN]}, ("list", "ssn"))
    assert shown(old, told({"list": [MRN]})) == [MRN]
    assert shown(old, told(body={"status": "finished"})) == [MRN, SSN]


def test_an_end_before_the_start_is_held_but_not_shown() -> None:
    def period(**said: str) -> Contribution:
        return told(said, ("start", "end"), "period")

    began, ended, moved = period(start="2024-05-02"), period(end="2024-05-03"), "2024-05-09"
    assert shown(began, ended, element="period") == {"start": "2024-05-02", "end": "2024-05-03"}
    assert shown(began, ended, period(start=moved), element="period") == {"start": moved}
    again = (began, ended, period(start=moved), began)
    assert shown(*again, element="period") == {"start": "2024-05-02", "end": "2024-05-03"}


def test_the_text_says_which_items_are_of_which_part() -> None:
    one = fold(told({"list": [MRN, EPI], "national": [SSN]}, body={"status": "finished"}))
    assert stamps.to_text(one) == ";1.1.1*#identifier/list:2,national"
    both = fold(told({"list": [MRN], "national": [SSN, MRN]}), told({"national": None}))
    assert stamps.to_text(both) == ";1.1.1*;1.2.2:identifier/national#identifier/list"
    equal = fold(told({"list": [MRN], "national": [SSN, MRN]}))
    assert stamps.to_text(equal) == ";1.1.1*#identifier/list,national!1+0"
    odd = fold(told({"a;b,c": [MRN]}, ("a;b,c",)))
    assert stamps.to_text(odd) == ";1.1.1*#identifier/a%00003bb%00002cc"


def test_the_time_of_an_element_is_that_of_its_newest_part() -> None:
    state = fold(
        told({"list": [MRN], "national": [SSN]}), told({"list": [EPI]}), told({"national": None})
    )
    body = registers.body_of(state, "Encounter", "e")
    assert stamps.times(stamps.to_text(state), "Encounter", body) == {"identifier": 2}


@pytest.mark.parametrize("text", ["1.5.6", ";1.5.6*", ";1.5.6:identifier;1.7.7*@9.9"])
def test_stamps_without_parts_are_written_as_before(text: str) -> None:
    state = stamps.from_text(text, "Encounter", {"identifier": [MRN], "status": "finished"})
    assert stamps.to_text(state) == text
    assert state.pieces == {}
