"""The acknowledgement of a batch: its form, its counts, and what is said when they do not match."""

from collections.abc import Callable
from itertools import count

import pytest

from engine.formats.hl7v2.batch_ack import BatchDelivery

NOW_US = 1_795_170_600_000_000  # 2026-11-20T10:30Z
FHS = b"FHS|^~\\&|SEND|MERCY|ENGINE|NORTH|20261120||adt.hl7||F-7\r"
BHS = b"BHS|^~\\&|SEND|MERCY|ENGINE|NORTH|20261120||||B-7\r"
ONE = b"MSH|^~\\&|A\rPID|1\r"


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"R{next(numbers)}"


def answer(body: bytes, skip: tuple[int, ...] = ()) -> tuple[list[str], list[str]]:
    """Return the segments of the answer, and the complaints."""
    delivery = BatchDelivery(body)
    place = 0
    while delivery.next_message() is not None:
        delivery.answered(place, b"" if place in skip else b"MSA|AA|%d\r" % place)
        place += 1
    assert delivery.given == place
    segments = delivery.write(ids(), NOW_US).decode().split("\r")
    assert segments.pop() == ""
    return segments, delivery.complaints


def test_a_batch_is_answered_by_a_batch() -> None:
    segments, complaints = answer(BHS + ONE + ONE + b"BTS|2\r")
    assert segments == [
        "BHS|^~\\&|ENGINE|NORTH|SEND|MERCY|20261120103000+0000||||R1|B-7",
        "MSA|AA|0",
        "MSA|AA|1",
        "BTS|2",
    ]
    assert complaints == []


def test_a_file_is_answered_by_a_file() -> None:
    batch = BHS + ONE + b"BTS|1\r"
    segments, complaints = answer(FHS + batch + batch.replace(b"B-7", b"B-8") + b"FTS|2\r")
    assert [one.split("|")[0] for one in segments] == [
        *("FHS", "BHS", "MSA", "BTS", "BHS", "MSA", "BTS", "FTS")
    ]
    assert [one.split("|")[-1] for one in segments if one[1:3] == "HS"] == ["F-7", "B-7", "B-8"]
    assert segments[-1] == "FTS|2"
    assert complaints == []


@pytest.mark.parametrize("declared", [b"", b"2", b"0002", b" 2 ", b"2|and a comment"])
def test_counts_that_match(declared: bytes) -> None:
    segments, complaints = answer(BHS + ONE + ONE + b"BTS|" + declared + b"\r")
    assert segments[-1] == "BTS|2"
    assert complaints == []


@pytest.mark.parametrize("declared", [b"3", b"0", b"1", b"two", b"-2"])
def test_a_count_that_does_not_match_is_told_and_costs_no_message(declared: bytes) -> None:
    segments, complaints = answer(BHS + ONE + ONE + b"BTS|" + declared + b"\r")
    assert segments[1:] == [
        "MSA|AA|0",
        "MSA|AA|1",
        "BTS|2|2 messages received, the trailer says otherwise",
    ]
    assert complaints == ["batch-count-mismatch"]


def test_a_file_with_another_number_of_batches() -> None:
    segments, complaints = answer(FHS + BHS + ONE + b"BTS|1\rFTS|2\r")
    assert segments[-1] == "FTS|1|1 batches received, the trailer says otherwise"
    assert complaints == ["file-count-mismatch"]


@pytest.mark.parametrize(
    ("body", "given", "names"),
    [
        (BHS + ONE, 1, ["BHS", "MSA", "BTS"]),
        (BHS + b"BTS|0\r", 0, ["BHS", "BTS"]),
        (FHS + b"FTS|0\r", 0, ["FHS", "FTS"]),
        (FHS + ONE + ONE + b"FTS|1\r", 2, ["FHS", "MSA", "MSA", "FTS"]),
        (FHS + BHS + ONE + BHS + ONE, 2, ["FHS", "BHS", "MSA", "BTS", "BHS", "MSA", "BTS", "FTS"]),
        (BHS + ONE + b"BTS|1\r" + ONE, 2, ["BHS", "MSA", "BTS", "MSA"]),
    ],
)
def test_every_part_may_be_missing(body: bytes, given: int, names: list[str]) -> None:
    segments, complaints = answer(body)
    assert [one.split("|")[0] for one in segments] == names
    assert names.count("MSA") == given
    assert complaints == []


def test_only_the_answers_due_are_counted() -> None:
    segments, _ = answer(BHS + ONE * 3 + b"BTS|3\r", skip=(0, 2))
    assert segments[1:] == ["MSA|AA|1", "BTS|1"]


def test_answers_stand_in_the_order_of_the_messages() -> None:
    delivery = BatchDelivery(BHS + ONE * 3)
    while delivery.next_message():
        pass
    for place in (2, 0, 1):
        delivery.answered(place, b"MSA|AA|%d\r" % place)
    segments = delivery.write(ids(), NOW_US).decode().split("\r")
    assert segments[1:4] == ["MSA|AA|0", "MSA|AA|1", "MSA|AA|2"]


def test_the_sender_s_delimiters_and_bytes_come_back() -> None:
    header = b"BHS#*~\\&#SEND#M\xfcnchen#ENGINE#NORTH#20261120####B*7\x0b\r"
    delivery = BatchDelivery(header + ONE + b"BTS#9\r")
    delivery.next_message()
    assert delivery.next_message() is None
    assert delivery.write(ids(), NOW_US).split(b"\r") == [
        b"BHS#*~\\&#ENGINE#NORTH#SEND#M\xfcnchen#20261120103000+0000####R1#B*7",
        b"BTS#0#1 messages received, the trailer says otherwise",
        b"",
    ]


def test_messages_side_by_side_have_no_envelope() -> None:
    delivery = BatchDelivery(ONE + ONE + b"BTS|2\r")
    assert delivery.next_message() == ONE
    assert not delivery.enveloped
    delivery.answered(0, b"x")
    assert list(delivery.singly()) == [b"x"]


@pytest.mark.parametrize("header", [b"BHS", b"BHS|", b"BHSx", b"BHS\x00|~", b"BHS|||||||"])
def test_a_header_that_cannot_be_read_is_answered_all_the_same(header: bytes) -> None:
    delivery = BatchDelivery(header + b"\r" + ONE + b"BTS|1\r")
    while delivery.next_message():
        pass
    delivery.answered(0, b"MSA|AA|0\r")
    assert b"MSA|AA|0\r" in delivery.write(ids(), NOW_US)
