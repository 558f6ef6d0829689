"""What is refused of JSON, with its code and place, and that numbers stay as they are written."""

import time

import pytest

from engine.core.fault import Category, FaultError
from engine.core.lexeme import Number, decode, encode
from engine.formats.fhir_json import MAX_DEPTH, MAX_VALUES, read_json

REFUSED = [
    (b"\xef\xbb\xbf{}", "json-encoding", "1:1"),
    (b'{"a":"\xff"}', "json-encoding", "1:7"),
    (b'{"a":"\xed\xa0\x80"}', "json-encoding", "1:7"),
    ('{"a":1}'.encode("utf-16-le"), "json-syntax", "1:2"),
    (b"", "json-syntax", "1:1"),
    (b"{", "json-syntax", "1:2"),
    (b'{"a":1} x', "json-syntax", "1:9"),
    (b'{"a":1}{"a":1}', "json-syntax", "1:8"),
    (b'{"a":1,}', "json-syntax", "1:8"),
    (b"{'a':1}", "json-syntax", "1:2"),
    (b'{"a":01}', "json-syntax", "1:7"),
    (b'{"a":"\x01"}', "json-syntax", "1:7"),
    (b'{"a":"\\x"}', "json-syntax", "1:7"),
    (b'{"a":"b', "json-syntax", "1:6"),
    (b'{\n "a": 1,\n "a": 2}', "json-duplicate-name", "3:2"),
    (b'{"a":1,"\\u0061":2}', "json-duplicate-name", "1:8"),
    (b'[{"a":[{"b":1},{"b":2,"c":3,"b":4}]}]', "json-duplicate-name", "1:29"),
    (b'{"a":NaN}', "json-number", "1:6"),
    (b'{"a":[1,-Infinity]}', "json-number", "1:9"),
    (b'{"a":1e999}', "json-number", "1:6"),
    (b"NaN\x00[0\x00", "json-number", "1:1"),
    (b"[1e999e5", "json-number", "1:2"),
    (b'["1",-Infinityx', "json-number", "1:6"),
    (b'{"a":-1e999}', "json-number", "1:6"),
    (b'{"a":1e-999}', "json-number", "1:6"),
    (b'{"a":' + b"9" * 5000 + b"}", "json-number", "1:6"),
    (b'{"a":"\\ud83d\\ude00","b":"\\ud83d"}', "json-surrogate", "1:25"),
    (b'{"\\udc00":1}', "json-surrogate", "1:2"),
    (b"[" * 65 + b"]" * 65, "json-too-deep", "1:65"),
    (b'{"a":' * 65 + b"1" + b"}" * 65, "json-too-deep", "1:321"),
    (b'[{"a":' * 33 + b"1" + b"}]" * 33, "json-too-deep", "1:193"),
    (b"[" * 100_000, "json-too-deep", "1:65"),
    (b"[" + b"[]," * MAX_VALUES + b"[]]", "json-too-many-values", ""),
]


@pytest.mark.parametrize(("body", "code", "where"), REFUSED)
def test_refused_with_code_and_place(body: bytes, code: str, where: str) -> None:
    with pytest.raises(FaultError) as caught:
        read_json(body)
    fault = caught.value.fault
    assert (fault.category, fault.code, fault.where) == (Category.INVALID, code, where)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":13.10,"b":1e2,"c":-0,"d":12345678901234567890,"e":0.0,"f":0E5,"g":-1}',
        b'{"a":[true,false,null,"",{}],"b":"\xf0\x9f\x98\x80","c":[[],[]]}',
        b'"\xc3\xa9"',
        b"1.50",
    ],
)
def test_written_form_is_kept(body: bytes) -> None:
    assert encode(read_json(body)) == body


def test_escapes_are_read() -> None:
    assert read_json(b' {"a" :\t"\\ud83d\\ude00\\\\ud83d\\n" }\r\n') == {"a": "\U0001f600\\ud83d\n"}


def test_whole_numbers_are_those_of_the_stores_reader() -> None:
    for text in (b"[-100000000000000]", b"[1.5,-100000000000000]", b"[-1000000000000000]"):
        assert [type(one) for one in read_json(text)] == [type(one) for one in decode(text)]


def test_decimals_are_numbers_and_not_text() -> None:
    found = read_json(b'{"a":1.0,"b":"1.0"}')
    assert isinstance(found["a"], Number)
    assert not isinstance(found["b"], Number)


def test_as_deep_as_allowed() -> None:
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert encode(read_json(deep)) == deep
    brackets_in_text = b'["' + b"[{" * 500 + b'"]'
    assert encode(read_json(brackets_in_text)) == brackets_in_text


def test_unclosed_brackets_of_allowed_depth_are_a_matter_of_syntax() -> None:
    body = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"]"
    with pytest.raises(FaultError) as caught:
        read_json(body)
    assert caught.value.fault.code == "json-syntax"


@pytest.mark.parametrize(
    "bomb",
    [
        b'"' + b'\\"' * 50_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"{}" * 100_000,
        b'["' + b"\\\\" * 50_000,
        b'{"a":' + b"1" * 100_000 + b"}",
        b'{"a":"\\ud800' + b"x" * 100_000 + b'"}',
        b'{"a":1,"a":1' + b',"b":1' * 20_000 + b"}",
    ],
)
def test_bombs_cost_what_their_length_costs(bomb: bytes) -> None:
    """Ten times the length may cost ten times the work, not a hundred: measured in CPU time."""

    def cost(body: bytes) -> float:
        began_s = time.process_time()
        with pytest.raises(FaultError):
            read_json(body)
        return time.process_time() - began_s

    assert cost(bomb) < 2.0
