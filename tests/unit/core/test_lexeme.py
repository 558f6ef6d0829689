import math

import pytest

from engine.core.lexeme import Number, decode, encode, number


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("13.10", "13.10"),
        ("13", "13"),
        ("+1", "1"),
        ("-2.50", "-2.50"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("007", "7"),
        ("000", "0"),
        ("0.00", "0.00"),
        ("-0", "-0"),
        (" 98.6 ", "98.6"),
        ("123456789012345678901234567890.10", "123456789012345678901234567890.10"),
    ],
)
def test_a_number_keeps_the_digits_it_was_sent_with(sent: str, kept: str) -> None:
    assert number(sent) == kept
    assert isinstance(number(sent), Number)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        " ",
        ".",
        "+",
        "-",
        "-.",
        "1.2.3",
        "1,5",
        "1e5",
        "0x1",
        "--1",
        "+-1",
        "<5",
        "NaN",
        "inf",
        "1 000",
        "\u0663",
        "\u00bd",
        "1_000",
        "1-",
    ],
)
def test_what_is_no_plain_number_is_none(sent: str) -> None:
    assert number(sent) is None


def test_a_decimal_is_written_as_it_was() -> None:
    value = {"value": Number("13.10"), "list": [Number("0.00"), 1, True, None, "é"]}
    assert encode(value) == '{"value":13.10,"list":[0.00,1,true,null,"é"]}'.encode()


def test_keys_keep_their_order() -> None:
    assert encode({"b": 1, "a": 2}) == b'{"b":1,"a":2}'


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", {"a": {"b": object()}}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"value":13.10}',
        b"[0.10,1.0,100.00]",
        b"[-0,0,-1]",
        b"[1e3]",
        b"[123456789012345678901234567890]",
        b"[18446744073709551616,9223372036854775808]",
        b'{"text":"a : 1.0 , [2.50] and \\" 1e5"}',
        b'{"a":1,"b":[true,false,null,"x"]}',
        b'{"system":"urn:oid:2.16.840","list":[1,2.50],"text":"a,1.5","n":-0.10}',
        b"13.10",
        b"-0",
        b"[]",
    ],
)
def test_reading_and_writing_gives_the_same_bytes(text: bytes) -> None:
    assert encode(decode(text)) == text


def test_whole_numbers_that_fit_are_integers() -> None:
    assert decode(b"[1,-20,1.50]") == [1, -20, "1.50"]
    assert type(decode(b"[1.50,7]")[1]) is int


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1.0,]", b"[1,]", b'{"a":1.0', b"\xff", b"[1.5,NaN]"]
)
def test_what_is_no_json_cannot_be_read(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - both readers' errors are ValueErrors
        decode(text)


def test_a_float_that_is_no_number_is_not_written_as_one() -> None:
    assert encode([math.nan]) == b"[null]"
