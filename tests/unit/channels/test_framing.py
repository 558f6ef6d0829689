"""MLLP framing by example: what a block is, and what becomes of bytes that are none."""

import pytest

from channels.mllp.framing import MAX_JUNK_BYTES, Frame, Framer, FramingFault, Item, wrap

MESSAGE = b"MSH|^~\\&|A|B\rPID|1"


def fed(*pieces: bytes, max_bytes: int = 1000) -> list[Item]:
    framer = Framer(max_bytes)
    return [item for piece in pieces for item in framer.feed(piece)]


def short(items: list[Item]) -> list[bytes | tuple[str, int]]:
    return [one.body if isinstance(one, Frame) else (one.fault.code, one.dropped) for one in items]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (wrap(MESSAGE), [MESSAGE]),
        (wrap(b"a") + wrap(b"b"), [b"a", b"b"]),
        (wrap(b""), [b""]),
        (b"\r\n" + wrap(b"a") + b"\n\r" + wrap(b"b") + b"\n", [b"a", b"b"]),
        (b"xyz" + wrap(b"a"), [("bytes-outside-frame", 3), b"a"]),
        (b"\x0ba\x1c" + wrap(b"b"), [b"a", b"b"]),
        (b"\x0ba\x1c\n" + wrap(b"b"), [b"a", b"b"]),
        (wrap(b"a\x1cb"), [b"a\x1cb"]),
        (wrap(b"line\x0bline"), [b"line\x0bline"]),
        (b"\x0bMSH|cut" + wrap(MESSAGE), [("frame-incomplete", 7), MESSAGE]),
        (b"\x0bMSH|1\x0bFHS|2" + wrap(b"BHS"), [("frame-incomplete", 5)] * 2 + [b"BHS"]),
        (b"\x0bunfinished", []),
        (b"\x0bwaits for CR\x1c", []),
        (b"", []),
    ],
)
def test_what_a_stream_holds(data: bytes, expected: list[object]) -> None:
    assert short(fed(data)) == expected
    assert short(fed(*(data[at : at + 1] for at in range(len(data))))) == expected


def test_a_frame_of_the_limit_is_taken_and_one_byte_more_is_fatal() -> None:
    assert short(fed(wrap(b"x" * 10), max_bytes=10)) == [b"x" * 10]
    (item,) = fed(wrap(b"x" * 11) + wrap(b"next"), max_bytes=10)
    assert isinstance(item, FramingFault)
    assert (item.fault.code, item.fatal) == ("frame-too-large", True)


def test_a_frame_without_end_is_held_only_up_to_the_limit() -> None:
    framer = Framer(1000)
    items = [*framer.feed(b"\x0b" + MESSAGE)]
    for _ in range(100):
        items += framer.feed(b"y" * 500)
        assert framer.held_bytes <= 1000
    assert [(isinstance(one, FramingFault) and one.sample[:3]) for one in items] == [b"MSH"]
    assert not framer.pending


def test_endless_junk_is_fatal_and_keeps_a_beginning() -> None:
    framer = Framer(1000)
    items = [item for _ in range(30) for item in framer.feed(b"MSH|" * 1000)]
    (item,) = items
    assert isinstance(item, FramingFault)
    assert (item.fault.code, item.fatal, item.dropped) == ("frame-missing", True, MAX_JUNK_BYTES)
    assert item.sample.startswith(b"MSH|MSH|")


def test_settle_ends_a_frame_whose_cr_never_came() -> None:
    framer = Framer(1000)
    assert framer.feed(b"\x0ba\x1c") == []
    assert framer.settle() == [Frame(b"a")]
    assert framer.feed(b"\r" + wrap(b"b")) == [Frame(b"b")]


def test_settle_leaves_an_open_frame_alone() -> None:
    framer = Framer(1000)
    framer.feed(b"\x0bab")
    assert framer.settle() == []
    assert framer.feed(b"c\x1c\r") == [Frame(b"abc")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x0ba\x1c", [b"a"]),
        (b"\x0bhalf", [("frame-incomplete", 4)]),
        (b"MSH|no frame", [("frame-missing", 12)]),
        (wrap(b"a"), [b"a"]),
        (b"\r\n", []),
    ],
)
def test_the_end_of_a_stream(data: bytes, expected: list[object]) -> None:
    framer = Framer(1000)
    assert short(framer.feed(data) + framer.close()) == expected
    assert framer.feed(wrap(b"late")) == []


def test_many_end_bytes_in_a_large_frame_cost_no_time_squared() -> None:
    framer = Framer(4_000_000)
    framer.feed(b"\x0b")
    for _ in range(30):
        framer.feed(b"\x1c." * 50_000)
    (item,) = framer.feed(b"\x1c\r")
    assert isinstance(item, Frame)
    assert len(item.body) == 3_000_000
