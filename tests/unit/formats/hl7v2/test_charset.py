"""The declared character set, and nothing else, decides how bytes are read."""

import pytest

from engine.core.fault import FaultError
from engine.formats.hl7v2.charset import charset_of, decode, is_beyond_ascii, read_head

NAME = "PID|1||1||Ñúñez^Zoë"


def header(charset: str = "") -> str:
    return "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5.1" + "|" * 6 + charset


def text(charset: str = "", name: str = NAME) -> str:
    return f"{header(charset)}\r{name}\r"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("", "cp1252"),
        ('""', "cp1252"),
        ("ASCII", "ascii"),
        ("8859/1", "iso8859-1"),
        ("8859/15", "iso8859-15"),
        ("ISO-8859-2", "iso8859-2"),
        ("ISO IR6", "ascii"),
        ("ISO IR87", "iso2022_jp_ext"),
        ("~ISO IR87", "iso2022_jp_ext"),
        ("ASCII~ISO  IR159", "iso2022_jp_ext"),
        ("~8859/1", "cp1252"),  # blank with an alternate
        ("GB 18030-2000", "gb18030"),
        ("KS X 1001", "euc_kr"),
        ("BIG-5", "big5"),
        ("UNICODE", "utf-8"),
        ("unicode utf-8", "utf-8"),
        ("UNICODE UTF-8~8859/1", "utf-8"),
        ("UNICODE UTF-8@8859/1", "utf-8"),  # redefined delimiters
        ("UTF-8", "utf-8"),
        ("UNICODE UTF-16", "utf-16"),
        ("UNICODE UTF-32", "utf-32"),
    ],
)
def test_names_the_codec(declared: str, codec: str) -> None:
    assert charset_of(declared, "cp1252") == codec
    assert "".encode(codec).decode(codec) == ""


@pytest.mark.parametrize("name", ["EBCDIC", "8859/12", "CNS 11643-1992"])
def test_refuses_an_unknown_name(name: str) -> None:
    with pytest.raises(FaultError) as refused:
        charset_of(name, "utf-8")
    assert refused.value.fault.code == "charset-unknown"
    assert refused.value.fault.where == "MSH-18"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("8859/1", "iso8859-1"),
        ("", "utf-8"),
        ("GB 18030-2000", "gb18030"),
    ],
)
def test_reads_the_text_as_declared(declared: str, codec: str) -> None:
    assert decode(text(declared).encode(codec), "utf-8") == (text(declared), codec)


def test_blank_means_the_fallback_of_the_channel() -> None:
    assert decode(text().encode("cp1252"), "cp1252") == (text(), "cp1252")


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UNICODE UTF-8", "iso8859-1"),
        ("ASCII", "iso8859-1"),
        ("ASCII", "cp1252"),
        ("", "iso8859-1"),
        ("8859/1", "utf-16"),
    ],
)
def test_never_guesses(declared: str, codec: str) -> None:
    with pytest.raises(FaultError) as refused:
        decode(text(declared).encode(codec), "utf-8")
    assert refused.value.fault.code == "charset-mismatch"


def test_utf8_under_a_declared_ascii_is_no_guess() -> None:
    assert decode(text("ASCII").encode(), "cp1252") == (text("ASCII"), "utf-8")
    assert is_beyond_ascii("ASCII", "utf-8")


def test_utf8_cut_short_under_a_declared_ascii_is_a_mismatch() -> None:
    with pytest.raises(FaultError):
        decode(text("ASCII").encode().replace("Ñ".encode(), "Ñ".encode()[:1]), "utf-8")


@pytest.mark.parametrize(
    ("declared", "codec"), [("ASCII", "ascii"), ("", "utf-8"), ("UNICODE UTF-8", "utf-8")]
)
def test_what_is_read_as_declared_is_not_beyond_ascii(declared: str, codec: str) -> None:
    assert not is_beyond_ascii(declared, codec)


def test_reads_japanese_names_in_their_three_forms() -> None:
    name = "PID|1||1||ヤマダ^タロウ^^^^^L^P~山田^太郎^^^^^L^I"
    body = text("~ISO IR87", name).encode("iso2022_jp")
    assert b"|" in body
    assert decode(body, "utf-8")[0] == text("~ISO IR87", name)


@pytest.mark.parametrize("declared", ["", "UNICODE UTF-8"])
def test_drops_a_byte_order_mark(declared: str) -> None:
    assert decode(text(declared).encode("utf-8-sig"), "cp1252")[0] == text(declared)


@pytest.mark.parametrize("declared", ["", "UNICODE UTF-16"])
@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_reads_sixteen_bits_by_mark_or_by_the_header_itself(declared: str, codec: str) -> None:
    assert decode(text(declared).encode(codec), "utf-8")[0] == text(declared)


@pytest.mark.parametrize("codec", ["utf-32", "utf-32-le", "utf-32-be"])
def test_reads_thirty_two_bits(codec: str) -> None:
    assert decode(text("UNICODE UTF-32").encode(codec), "utf-8")[0] == text("UNICODE UTF-32")


def test_half_a_wide_character_is_a_mismatch() -> None:
    with pytest.raises(FaultError):
        decode(text().encode("utf-16")[:-1], "utf-8")


def test_the_charset_is_looked_for_in_the_header_only() -> None:
    body = f"MSH|^~\\&|A\nPID|{'x|' * 17}8859/1\r".encode()
    assert decode(body, "utf-8")[1] == "utf-8"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"MSH|\xe9\xff",
        text("UNICODE UTF-8").encode("latin-1"),
        text("EBCDIC").encode(),
        text().encode("utf-16"),
        b"\xff\xfeM\x00\x00",
        bytes(range(256)),
    ],
)
def test_a_head_can_always_be_read_and_written_back(body: bytes) -> None:
    line, codec = read_head(body)
    assert line.encode(codec, "strict") in body
    assert "\r" not in line
