"""Reading HL7 v2 is total, and writing is its inverse."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.fault import Category, Fault, FaultError
from engine.formats.hl7v2.ack import read_header, reply
from engine.formats.hl7v2.batch import split_batch
from engine.formats.hl7v2.charset import read_head
from engine.formats.hl7v2.encoding import Delimiters, escape, read_delimiters, unescape
from engine.formats.hl7v2.parse import Message, parse
from engine.formats.hl7v2.path import component, repetitions, subcomponent

# A field as a tree: repetitions of components of sub-components of text.
Field = list[list[list[str]]]

printable = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))
values = st.text(st.one_of(printable, st.sampled_from("|^~\\&#\r\n\t")), max_size=12)
fields = st.lists(
    st.lists(st.lists(values, min_size=1, max_size=3), min_size=1, max_size=4),
    min_size=1,
    max_size=3,
)
names = st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True).filter(
    lambda name: name not in {"MSH", "FHS", "BHS", "FTS", "BTS", "DSC", "ADD"}
)
segments = st.lists(st.tuples(names, st.lists(fields, max_size=5)), max_size=6)
delimiters = st.permutations(sorted("!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")).map(
    lambda found: Delimiters(*found[:6])
)
broken = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda tail: b"MSH|^~\\&|" + tail),
    st.text("MSHPIDOBX|^~\\&#\r\n\x0b\x1c\x00é 12", max_size=200).map(
        lambda text: b"MSH" + text.encode()
    ),
    st.text("|^~\\&AB\r", max_size=200).map(lambda text: text.encode("utf-16")),
)


def written(field: Field, d: Delimiters) -> str:
    return d.repetition.join(
        d.component.join(
            d.subcomponent.join(escape(value, d) for value in part) for part in repetition
        )
        for repetition in field
    )


def build(content: list[tuple[str, list[Field]]], d: Delimiters, end: str) -> bytes:
    lines = [f"MSH{d.field}{d.characters}{d.field}SENDER"]
    lines += [d.field.join([name, *(written(f, d) for f in fields)]) for name, fields in content]
    return end.join([*lines, ""]).encode()


def read_back(message: Message) -> list[tuple[str, list[Field]]]:
    d = message.delimiters
    return [
        (
            segment.name,
            [
                [
                    [
                        [
                            unescape(subcomponent(repetition, c + 1, s + 1, d), d)
                            for s in range(
                                component(repetition, c + 1, d).count(d.subcomponent) + 1
                            )
                        ]
                        for c in range(repetition.count(d.component) + 1)
                    ]
                    for repetition in repetitions(segment.field(number), d) or [""]
                ]
                for number in range(1, segment.count + 1)
            ],
        )
        for segment in message.segments[1:]
    ]


def attempt(body: bytes) -> Message | Fault:
    try:
        return parse(body)
    except FaultError as refused:
        return refused.fault


@given(values, delimiters)
@settings(max_examples=200, deadline=None)
def test_unescape_undoes_escape(text: str, d: Delimiters) -> None:
    coded = escape(text, d)
    assert unescape(coded, d) == text
    assert not {d.field, d.component, d.repetition, d.subcomponent, "\r", "\n"} & set(
        coded.replace(f"{d.escape}X0D{d.escape}", "").replace(f"{d.escape}X0A{d.escape}", "")
    )


@given(segments, delimiters, st.sampled_from(["\r", "\n", "\r\n"]))
@settings(max_examples=150, deadline=None)
def test_parse_undoes_build(
    content: list[tuple[str, list[Field]]], d: Delimiters, end: str
) -> None:
    message = parse(build(content, d, end))
    assert message.delimiters == d
    assert message.segments[0].field(3) == "SENDER"
    assert read_back(message) == content


@given(broken)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_message_or_a_fault(body: bytes) -> None:
    started = time.perf_counter()
    for piece in split_batch(body):
        read = attempt(piece)
        if isinstance(read, Fault):
            assert read.category in {Category.INVALID, Category.UNSUPPORTED}
        else:
            assert read.segments[0].name == "MSH"
            assert [s.index for s in read.segments] == list(range(len(read.segments)))
    assert time.perf_counter() - started < 0.5


@given(broken)
@settings(max_examples=200, deadline=None)
def test_any_bytes_can_be_answered(body: bytes) -> None:
    header = read_header(body)
    line, codec = read_head(body)
    assert line.encode(codec) in body
    fault = Fault(Category.INVALID, "no-header", "text", "PID-3")
    for outcome in (None, fault):
        answer = reply(header, outcome, "R-1", 0)
        if answer is None:
            assert header.accept
            continue
        assert parse(answer, header.codec).segments[1].field(2) == header.control_id
        assert not {0x0B, 0x1C} & set(answer) or header.codec.startswith("utf-16")


@given(broken)
@settings(max_examples=200, deadline=None)
def test_splitting_loses_no_message(body: bytes) -> None:
    pieces = split_batch(body)
    assert pieces
    assert sum(map(len, pieces)) <= len(body) + len(pieces) * 3
    assert [piece for piece in pieces if split_batch(piece) != [piece]] == []


@given(st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_delimiters_are_distinct_or_refused(text: str) -> None:
    try:
        d = read_delimiters("MSH" + text)
    except FaultError:
        return
    declared = d.field + d.characters
    assert len(set(declared)) == len(declared)
    assert not any(character.isalnum() or character.isspace() for character in declared)
