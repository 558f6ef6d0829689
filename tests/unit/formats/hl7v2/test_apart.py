"""Long base64 stands apart from the text of its message."""

import base64
import random

from engine.formats.hl7v2.apart import LEAST_BYTES, expanded, taken_apart
from engine.formats.hl7v2.parse import parse

HEAD = b"MSH|^~\\&|A\rOBX|1|ED|PDF||^AP^PDF^Base64^"
LONG = base64.b64encode(random.Random(7).randbytes(LEAST_BYTES))


def test_what_is_long_has_a_word_and_comes_back() -> None:
    body = HEAD + LONG + b"|note\rOBX|2|ED|PDF||^AP^PDF^Base64^" + LONG + b"\r"
    text, apart = taken_apart(body)
    assert len(text) < 300
    assert list(apart.values()) == [LONG]
    assert expanded(text.decode(), apart).encode() == body


def test_the_bytes_stay_where_they_are() -> None:
    body = HEAD + LONG
    (run,) = taken_apart(body)[1].values()
    assert run.obj is body


def test_short_base64_stays() -> None:
    body = HEAD + LONG[: LEAST_BYTES // 2] + b"|" + b"a b" * LEAST_BYTES
    assert taken_apart(body) == (body, {})


def test_delimiters_of_base64_and_wide_characters_leave_all_in_place() -> None:
    for body in (b"MSH|+=/&|A\rOBX|1|ED|" + LONG, (HEAD + LONG).decode().encode("utf-16")):
        assert taken_apart(body) == (body, {})


def test_a_word_that_stands_for_nothing_is_text() -> None:
    text, apart = taken_apart(HEAD + LONG)
    assert expanded(text.decode(), {}) == text.decode()
    other = next(iter(apart)).replace("a", "b", 1)
    assert expanded(f"{other}!", apart) == f"{other}!"


def test_messages_of_other_documents_are_other_texts() -> None:
    one, other = parse(HEAD + LONG), parse(HEAD + LONG[4:] + LONG[:4])
    assert one.segments[1].text != other.segments[1].text
