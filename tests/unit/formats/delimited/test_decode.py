"""The character set of a file: the first agreed one that fits every byte."""

import pytest

from engine.core.fault import FaultError
from engine.formats.delimited.decode import EncodingChoice


def chosen(data: bytes, *encodings: str, size: int = 1) -> str:
    choice = EncodingChoice(encodings)
    for start in range(0, len(data), size):
        choice.feed(data[start : start + size])
    return choice.chosen()


def test_the_first_that_fits_is_taken_however_the_bytes_are_cut() -> None:
    text = "Zoë, José"
    assert chosen(text.encode(), "utf-8-sig", "cp1252") == "utf-8-sig"
    assert chosen(b"\xef\xbb\xbf" + text.encode(), "utf-8-sig", "cp1252") == "utf-8-sig"
    assert chosen(text.encode("cp1252"), "utf-8-sig", "cp1252") == "cp1252"
    assert chosen(b"", "utf-8-sig", "cp1252") == "utf-8-sig"


def test_a_character_cut_off_at_the_end_does_not_fit() -> None:
    with pytest.raises(FaultError) as caught:
        chosen("Zoë".encode()[:-1], "utf-8")
    assert caught.value.fault.code == "bad-encoding"


@pytest.mark.parametrize("data", [b"PK\x03\x04rest", b"\x1f\x8b\x08rest"])
def test_archives_are_not_unpacked(data: bytes) -> None:
    with pytest.raises(FaultError) as caught:
        chosen(data, "cp1252", size=64)
    assert caught.value.fault.code == "file-compressed"
