"""The laws the order-independence of the store rests on."""

import uuid
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.lexeme import Number, decode, encode
from engine.core.values import Contribution
from engine.store import registers, splice, stamps
from engine.store.proposal import propose
from engine.store.registers import State

ELEMENTS = ("gender", "birthDate", "_birthDate", "deceasedBoolean", "deceasedDateTime", "name")
RECORD = str(uuid.UUID(int=1))
Told = tuple[Contribution, int, int]


def value(name: str, number: int) -> Any:
    if name == "name":
        return [{"family": f"Quill{number}"}]
    return {"id": f"x{number}"} if name == "_birthDate" else f"{name}{number}"


@st.composite
def told(draw: st.DrawFn, position: int) -> Told:
    names = draw(st.lists(st.sampled_from(ELEMENTS), unique=True, max_size=4))
    # Few numbers, so that different messages often say the same.
    body = {name: value(name, draw(st.integers(0, 2))) for name in names}
    meta: dict[str, Any] = {"source": f"urn:{draw(st.integers(0, 1))}"}
    labels = draw(st.lists(st.sampled_from([{"code": "R"}, {"code": "N"}, {}]), max_size=2))
    meta |= {"security": labels} if labels else {}
    contribution = Contribution(
        "Patient",
        RECORD,
        {"resourceType": "Patient", "id": RECORD, "meta": meta, **body},
        RECORD,
        draw(st.sampled_from(["merge", "merge", "replace"])),
        tuple(draw(st.lists(st.sampled_from(["gender", "birthDate", "deceased[x]"]), max_size=2))),
        frozenset(draw(st.lists(st.sampled_from(ELEMENTS), max_size=2))),
        draw(st.integers(0, 2)),
    )
    return contribution, draw(st.integers(0, 3)), position


TIMES = st.tuples(st.integers(-(10**15), 10**16), st.integers(1, 10**9))
SETS = st.integers(1, 6).flatmap(lambda n: st.tuples(*(told(p) for p in range(1, n + 1))))


def fold(messages: list[Told]) -> State:
    state: State | None = None
    for contribution, source_us, position in messages:
        state = registers.merge(state, contribution, source_us, position)
    assert state is not None
    return state


def written(state: State) -> tuple[bytes, str]:
    return encode(registers.body_of(state, "Patient", RECORD)), stamps.to_text(state)


@settings(max_examples=200, deadline=None)
@given(messages=SETS, data=st.data())
def test_the_order_and_repetition_of_messages_make_no_difference(
    messages: tuple[Told, ...], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(messages))
    repeated = [*shuffled, *data.draw(st.lists(st.sampled_from(messages), max_size=3))]
    first = written(fold(list(messages)))
    assert written(fold(shuffled)) == first
    assert written(fold(repeated)) == first


@settings(max_examples=200, deadline=None)
@given(messages=SETS)
def test_a_state_survives_being_stored_after_each_message(messages: tuple[Told, ...]) -> None:
    state: State | None = None
    for contribution, source_us, position in messages:
        state = registers.merge(state, contribution, source_us, position)
        body, text = written(state)
        state = stamps.from_text(text, "Patient", decode(body))
        assert written(state) == (body, text)
    assert state is not None
    assert written(state) == written(fold(list(messages)))


@settings(max_examples=200, deadline=None)
@given(message=told(1), times=st.tuples(TIMES, TIMES))
def test_a_proposal_is_what_holds_when_it_alone_was_said_once_or_again(
    message: Told, times: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    proposal, (first, last) = propose(message[0]), sorted(times)
    state = registers.merge(None, message[0], *first)
    assert (proposal.text, proposal.stamped(*first)) == written(state)
    says = state.stamps or state.whole != registers.NEVER
    assert proposal.said_at(stamps.to_text(state)) == (first if says else None)
    again = registers.merge(state, message[0], *last)
    assert (proposal.text, proposal.stamped(*last)) == written(again)
    assert registers.merge(again, message[0], *first) is again


@given(messages=SETS)
def test_a_proposal_knows_stamps_that_are_not_its_own(messages: tuple[Told, ...]) -> None:
    body, text = written(fold(list(messages)))
    proposal = propose(messages[0][0])
    at = proposal.said_at(text)
    if at is not None and proposal.text == body:
        assert written(registers.merge(None, messages[0][0], *at)) == (body, text)


@given(messages=SETS)
def test_a_choice_has_one_value_at_most(messages: tuple[Told, ...]) -> None:
    one_each = [
        m for m in messages if len({"deceasedBoolean", "deceasedDateTime"} & set(m[0].body)) < 2
    ]
    if one_each:
        body = registers.body_of(fold(one_each), "Patient", RECORD)
        assert not {"deceasedBoolean", "deceasedDateTime"} <= set(body)


IDS = st.integers(0, 5).map(lambda n: str(uuid.UUID(int=n)))
REFERENCES = st.one_of(
    IDS.map(lambda i: {"reference": f"Patient/{i}"}),
    IDS.map(lambda i: {"reference": f"Encounter/{i}"}),
    IDS.map(lambda i: {"display": f'"reference":"Patient/{i}"'}),
    IDS.map(lambda i: {"reference": f"Patient/{i}/_history/2"}),
    st.just({"reference": "Patient/short"}),
)
VALUES = st.recursive(
    st.one_of(REFERENCES, st.text(), st.booleans(), st.just(Number("13.10"))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(min_size=1), inner, max_size=3)
    ),
    max_leaves=12,
)


def replaced(node: Any, persons: dict[str, str]) -> Any:
    """The same by parsing: what the splice has to equal."""
    if isinstance(node, list):
        return [replaced(item, persons) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {name: replaced(item, persons) for name, item in node.items()}
    kind, _, record = str(node.get("reference", "")).partition("/")
    if isinstance(node.get("reference"), str) and kind == "Patient" and record in persons:
        inner["reference"] = f"Patient/{persons[record]}"
    return inner


@settings(max_examples=200, deadline=None)
@given(
    content=st.dictionaries(st.sampled_from(["subject", "performer", "note"]), VALUES),
    meta=st.dictionaries(st.sampled_from(["source", "profile"]), st.text(), max_size=2),
    persons=st.dictionaries(IDS, IDS, max_size=4),
    version=st.integers(1, 10**6),
)
def test_a_spliced_body_equals_one_that_was_parsed_and_changed(
    content: dict[str, Any], meta: dict[str, str], persons: dict[str, str], version: int
) -> None:
    about = str(uuid.UUID(int=99))
    body = {"resourceType": "Observation", "id": about, "meta": meta, **content}
    text = splice.encoded(body)
    refs = splice.offsets("Observation", text)
    shown = splice.with_persons(text, refs, persons)
    head = splice.head_length("Observation", about)
    got = orjson.loads(splice.spliced(shown, head, version, 1_700_000_000_123_456))
    wanted = replaced(orjson.loads(text), persons)
    own = {"versionId": str(version), "lastUpdated": "2023-11-14T22:13:20.123Z"}
    assert got == {**wanted, "meta": {**own, **wanted["meta"]}}
    assert list(got)[:3] == ["resourceType", "id", "meta"]


@given(
    digits=st.from_regex(
        r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
    )
)
def test_numbers_keep_their_digits_through_the_store(digits: str) -> None:
    text = b'{"a":[%s],"b":%s}' % (digits.encode(), digits.encode())
    assert encode(decode(text)) == text
