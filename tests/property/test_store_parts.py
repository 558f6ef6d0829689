"""The laws of registers with parts: any order, any repetition, stored after each message or not."""

import uuid
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.lexeme import decode, encode
from engine.core.values import Contribution, Parts
from engine.r4.validate import validate
from engine.store import registers, stamps
from engine.store.proposal import propose
from engine.store.registers import State

VISIT = str(uuid.UUID(int=1))
LABELS = ("visit", "alternate", "a,b;c/d")
Told = tuple[Contribution, int, int]

NUMBERS = st.integers(0, 2).map(lambda n: {"system": "urn:visits", "value": str(n)})
ITEMS = st.lists(NUMBERS, min_size=1, max_size=3)
DAYS = st.integers(1, 4).map(lambda n: f"2024-01-0{n}")
SOURCES = st.sampled_from(["emd", "gp"]).map(lambda code: {"text": code})


def parts(labels: tuple[str, ...], values: dict[str, st.SearchStrategy[Any]]) -> Any:
    maybe = {label: st.none() | values[label] for label in labels}
    return st.fixed_dictionaries({}, optional=maybe).map(lambda said: Parts(labels, said))


IDENTIFIER = parts(LABELS, dict.fromkeys(LABELS, ITEMS))
PERIOD = parts(("start", "end"), {"start": DAYS, "end": DAYS})
HOSPITAL = parts(
    ("admitSource", "dietPreference", "id"),
    {"admitSource": SOURCES, "dietPreference": ITEMS, "id": st.sampled_from([False, ""])},
)
SPOKEN = {"identifier": IDENTIFIER, "period": PERIOD, "hospitalization": HOSPITAL}
WHOLE = {
    "identifier": ITEMS,
    "period": st.fixed_dictionaries({"start": DAYS}),
    "hospitalization": st.fixed_dictionaries({"admitSource": SOURCES}),
    "status": st.sampled_from(["planned", "finished"]),
}
WEAK = ["identifier", "identifier/visit", "period", "period/end", "status"]


@st.composite
def told(draw: st.DrawFn, position: int) -> Told:
    mode = draw(st.sampled_from(["merge", "merge", "merge", "replace"]))
    spoken = draw(st.fixed_dictionaries({}, optional=SPOKEN)) if mode == "merge" else {}
    whole = draw(st.fixed_dictionaries({}, optional=WHOLE))
    contribution = Contribution(
        "Encounter",
        VISIT,
        {"meta": {"source": "urn:a"}, **whole},
        "",
        mode,
        tuple(draw(st.sets(st.sampled_from(["identifier", "status"]), max_size=1))),
        frozenset(draw(st.sets(st.sampled_from(WEAK), max_size=2))),
        parts=spoken,
    )
    return contribution, draw(st.integers(0, 3)), position


SETS = st.integers(1, 6).flatmap(lambda n: st.tuples(*(told(p) for p in range(1, n + 1))))


def written(state: State) -> tuple[bytes, str]:
    return encode(registers.body_of(state, "Encounter", VISIT)), stamps.to_text(state)


def fold(messages: list[Told], *, storing: bool = False) -> State:
    state: State | None = None
    for message in messages:
        state = registers.merge(state, *message)
        if storing:
            body, text = written(state)
            state = stamps.from_text(text, "Encounter", decode(body))
    assert state is not None
    return state


@settings(max_examples=150, deadline=None)
@given(messages=SETS, data=st.data())
def test_order_repetition_and_storing_make_no_difference(
    messages: tuple[Told, ...], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(messages))
    repeated = [*shuffled, *data.draw(st.lists(st.sampled_from(messages), max_size=3))]
    first = written(fold(list(messages)))
    assert written(fold(shuffled)) == first
    assert written(fold(repeated, storing=True)) == first


@settings(max_examples=50, deadline=None)
@given(messages=SETS)
def test_a_message_seen_before_changes_nothing(messages: tuple[Told, ...]) -> None:
    state = fold(list(messages), storing=True)
    for message in messages:
        assert registers.merge(state, *message) is state


@settings(max_examples=100, deadline=None)
@given(message=told(1), later_us=st.integers(4, 9))
def test_a_statement_made_again_is_as_if_only_the_later_had_come(
    message: Told, later_us: int
) -> None:
    proposal = propose(message[0])
    state = registers.merge(None, *message)
    assert (proposal.text, proposal.stamped(*message[1:])) == written(state)
    again = registers.merge(state, message[0], later_us, 2)
    assert (proposal.text, proposal.stamped(later_us, 2)) == written(again)
    assert registers.merge(again, *message) is again


@settings(max_examples=50, deadline=None)
@given(messages=SETS)
def test_what_is_shown_is_sound(messages: tuple[Told, ...]) -> None:
    body = registers.body_of(fold(list(messages)), "Encounter", VISIT)
    assert not [issue for issue in validate(body) if issue.path.startswith("Encounter.period")]
    numbers = [number["value"] for number in body.get("identifier", [{"value": "none"}])]
    assert numbers


@settings(max_examples=50, deadline=None)
@given(messages=SETS)
def test_times_are_those_of_the_statements(messages: tuple[Told, ...]) -> None:
    state = fold(list(messages))
    body, text = written(state)
    known = {source_us for _, source_us, _ in messages}
    found = stamps.times(text, "Encounter", decode(body))
    assert found.keys() == decode(body).keys() - {"resourceType", "id", "meta"}
    assert set(found.values()) <= known
