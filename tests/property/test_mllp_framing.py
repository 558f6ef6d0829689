"""MLLP framing as properties: the same frames however the bytes are cut, in bounded memory."""

from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels.mllp.framing import Frame, Framer, Item, wrap

MAX_BYTES = 40

pieces = st.sampled_from(
    [b"\x0b", b"\x1c", b"\r", b"\n", b"\x1c\r", b"MSH", b"FHS|", b"x", b"yy" * 15, wrap(b"MSH|1")]
)
streams = st.lists(pieces | st.binary(max_size=6), max_size=25).map(b"".join)
cuts = st.lists(st.integers(0, 200), max_size=12)


def run(stream: bytes, at: list[int]) -> list[Item]:
    framer = Framer(MAX_BYTES)
    places = sorted({0, len(stream), *(place for place in at if place < len(stream))})
    items: list[Item] = []
    for start, end in pairwise(places):
        items += framer.feed(stream[start:end])
        assert framer.held_bytes <= MAX_BYTES + 1  # one FS may wait for what follows it
    return items + framer.close()


@settings(max_examples=300)
@given(streams, cuts)
@example(b"\x0b" + b"x" * 40 + b"\x1c\x0bMSH\x1c\r", [41, 42])
@example(b"\r\njunk\r\x0ba\x1c", [1, 3, 6])
def test_cutting_changes_nothing(stream: bytes, at: list[int]) -> None:
    assert run(stream, at) == run(stream, [])


@given(st.lists(st.binary(max_size=MAX_BYTES), max_size=8), cuts)
def test_what_is_wrapped_comes_out(contents: list[bytes], at: list[int]) -> None:
    clean = [content.replace(b"\x0b", b"").replace(b"\x1c", b"") for content in contents]
    expected = [Frame(content) for content in clean]
    assert run(b"".join(wrap(content) for content in clean), at) == expected
