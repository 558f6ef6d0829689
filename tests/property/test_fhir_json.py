"""The JSON reader against the interpreter's own: the same texts, but for what it refuses."""

import json
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from engine.core.fault import FaultError
from engine.core.lexeme import Number, decode, encode
from engine.formats.fhir_json import read_json

TEXTS = st.text(st.characters(codec="utf-8"))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
PIECES = (
    *(
        [
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            '"',
            "\\",
            "\\u",
            "d800",
            "dc00",
            "1",
            "-",
            ".",
            "e",
            "0",
            "99999999999999999999",
            "a",
            "NaN",
            "Infinity",
            "true",
            "null",
        ]
    ),
    *(" ", "\n", '"a":', '"b"', "\x00", "é"),
)
NEARLY_JSON = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


def plain(value: Any) -> Any:
    if isinstance(value, Number):
        return Decimal(value)
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def outcome(body: bytes) -> Any:
    try:
        return plain(read_json(body))
    except FaultError as error:
        return FaultError if error.fault.code.startswith("json-") else error.fault.code


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_reads_what_others_write(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    exact = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    assert outcome(text.encode()) == exact


@given(VALUES)
def test_agrees_with_the_stores_own_reader(value: Any) -> None:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    assert read_json(body) == decode(body)
    assert encode(read_json(body)) == encode(decode(body))


@given(st.binary(max_size=80) | NEARLY_JSON.map(str.encode))
def test_takes_nothing_that_a_strict_reader_refuses(body: bytes) -> None:
    read = outcome(body)
    try:
        strict: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        strict = FaultError
    if strict is FaultError:
        assert read is FaultError
    elif read is not FaultError:
        assert read == json.loads(body, parse_float=Decimal, parse_int=Decimal)


@given(VALUES, st.data())
def test_a_cut_text_is_refused(value: Any, data: st.DataObject) -> None:
    body = json.dumps([value]).encode()
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    assert outcome(cut) is FaultError
