"""Batches and several messages in one delivery."""

import codecs

from engine.formats.hl7v2.batch import is_batch, pieces, split_batch
from engine.formats.hl7v2.parse import parse

ONE = b"MSH|^~\\&|A\rPID|1\r"
TWO = b"MSH|^~\\&|B\rPID|2\r"


def test_a_single_message_stays_as_it_is() -> None:
    for body in (ONE, b"\r\n" + ONE, ONE.replace(b"\r", b"\n"), codecs.BOM_UTF8 + ONE):
        assert split_batch(body) == [body]


def test_what_holds_no_message_stays_as_it_is() -> None:
    for body in (
        b"",
        b"garbage",
        b"FHS|^~\\&|\rBHS|^~\\&|\rBTS|0\rFTS|0\r",
        ONE.decode().encode("utf-16"),
    ):
        assert split_batch(body) == [body]


def test_drops_the_envelope() -> None:
    body = b"FHS|^~\\&|X\rBHS|^~\\&|X\r" + ONE + TWO + b"BTS|2\rFTS|1\r"
    assert split_batch(body) == [ONE, TWO]
    assert split_batch(body.replace(b"\r", b"\r\n")) == [
        ONE.replace(b"\r", b"\r\n"),
        TWO.replace(b"\r", b"\r\n"),
    ]


def test_splits_messages_that_follow_each_other() -> None:
    assert split_batch(ONE + TWO + ONE) == [ONE, TWO, ONE]


def test_a_name_inside_a_field_is_no_header() -> None:
    body = b"MSH|^~\\&|A\rNTE|1||see MSH|here\rMSHX|1\r"
    assert split_batch(body) == [body]


def test_each_message_keeps_the_byte_order_mark() -> None:
    pieces = split_batch(codecs.BOM_UTF8 + b"BHS|^~\\&|\r" + ONE + TWO)
    assert pieces == [codecs.BOM_UTF8 + ONE, codecs.BOM_UTF8 + TWO]
    assert [parse(piece).segments[0].field(3) for piece in pieces] == ["A", "B"]


def test_what_stands_before_the_first_message_is_not_lost() -> None:
    assert split_batch(b"stray\r" + ONE + TWO) == [b"stray\r" + ONE, TWO]
    assert split_batch(b"stray\r" + ONE) == [b"stray\r" + ONE]


def test_one_message_in_an_envelope_is_taken_out() -> None:
    assert split_batch(b"BHS|^~\\&|\r" + ONE + b"BTS|1\r") == [ONE]


def test_a_large_delivery_is_passed_on_at_once() -> None:
    body = ONE + b"OBX|1|ED|PDF||^AP^PDF^Base64^" + b"QUJD" * 2_600_000
    assert split_batch(body)[0] is body


def test_a_batch_is_more_than_one_message_or_has_an_envelope() -> None:
    for body in (ONE + TWO, b"BHS|^~\\&|\r" + ONE, ONE + b"BTS|1\r", b"BHS|^~\\&|\rBTS|0\r"):
        assert is_batch(body)
        assert is_batch(codecs.BOM_UTF8 + body)
        assert is_batch(body.replace(b"\r", b"\n"))
    for body in (
        ONE,
        b"stray\r" + ONE,
        b"",
        b"MSHX|1",
        ONE + b"NTE|1||BHS|MSH\r",
        b"garbage\rPID|1",
    ):
        assert not is_batch(body)


def test_pieces_come_one_by_one() -> None:
    found = pieces(b"FHS|1\r\n BHS|2\r" + ONE + b"BTS")
    assert next(found) == (b"FHS", b"FHS|1\r\n")
    assert list(found) == [(b"BHS", b"BHS|2\r"), (b"MSH", ONE), (b"BTS", b"BTS")]
