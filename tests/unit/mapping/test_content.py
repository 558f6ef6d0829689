"""What an ED holds, in the shapes senders give it."""

import base64
import hashlib

import pytest

from engine.core.lexeme import Ascii, encode
from engine.formats.hl7v2.apart import MARK
from engine.formats.hl7v2.parse import parse
from engine.mapping import content

PDF = b"%PDF-1.4\n" + bytes(range(256))
B64 = base64.b64encode(PDF).decode()
WORD, OTHER = f"{MARK}{'0' * 64}", f"{MARK}{'1' * 64}"


@pytest.mark.parametrize(
    "raw",
    [
        f"MERCY^application^pdf^Base64^{B64}",
        f"^AP^PDF^BASE64^{B64}",
        f"^PDF^^Base64^{B64}",
        f"^^^^{B64}",
        B64,
        f"^application/pdf^^base64^{B64[:76]}\\.br\\{B64[76:]}",
        f"^application/pdf^^base64^{B64[:76]}\\X0D0A\\{B64[76:]}",
        f"^application/pdf^^base64^{B64.rstrip('=')}",
        f"^AP^PDF^Hex^{PDF.hex()}",
        f"^AP^PDF^Hex^{WORD}",
        f"^AP^PDF^Base64^{B64[:80]}\\.br\\{OTHER}",
    ],
)
def test_one_document_in_all_shapes(raw: str) -> None:
    apart = {WORD: memoryview(PDF.hex().encode()), OTHER: memoryview(B64[80:].encode())}
    found = content.of_ed(raw, apart)
    assert found is not None
    assert (found.media, found.size_bytes, found.flaw) == ("application/pdf", len(PDF), None)
    assert base64.b64decode(found.data) == PDF
    assert base64.b64decode(found.sha1) == hashlib.sha1(PDF).digest()  # noqa: S324 - R4 says so
    assert found.digest == hashlib.sha256(PDF).hexdigest()


def test_the_bytes_win_over_what_they_are_called() -> None:
    found = content.of_ed(f"^TEXT^PLAIN^Base64^{B64}", {})
    assert found is not None
    assert found.media == "application/pdf"
    assert found.flaw is not None
    assert found.flaw[0] == "content-type-differs"


@pytest.mark.parametrize(
    "raw", ["^AP^PDF^Base64^@@@@", "^AP^PDF^Base64^QUJ=DQUJD", "^AP^PDF^Base64^QUJDD", "^^^Hex^XY"]
)
def test_what_cannot_be_read_is_a_flaw(raw: str) -> None:
    found = content.of_ed(raw, {})
    assert found is not None
    assert found.size_bytes == 0
    assert found.flaw is not None
    assert found.flaw[0].startswith("bad-")


@pytest.mark.parametrize("raw", ["^AP^PDF^Base64^", "^AP^PDF", '^AP^PDF^Base64^""', ""])
def test_nothing_is_nothing(raw: str) -> None:
    assert content.of_ed(raw, {}) is None


def test_text_is_text_although_it_could_be_base64() -> None:
    for raw in ("^TEXT^PLAIN^A^Good", "^TEXT^^^Goodbyes", "^^^^no change"):
        found = content.of_ed(raw, {})
        assert found is not None
        assert (found.media, found.flaw) == ("text/plain", None)
        assert base64.b64decode(found.data).decode() == raw.rpartition("^")[2]


def test_separators_in_a_text_are_of_the_text() -> None:
    found = content.of_ed("^TEXT^PLAIN^A^one^two \\T\\ three", {})
    assert found is not None
    assert base64.b64decode(found.data) == b"one^two & three"


def test_a_long_document_stays_where_it_lies() -> None:
    data = PDF * 8_000
    body = b"MSH|^~\\&|A\rOBX|1|ED|PDF||^AP^PDF^Base64^" + base64.b64encode(data)
    message = parse(body)
    found = content.of_ed(message.segments[1].field(5), message.apart)
    assert found is not None
    assert isinstance(found.data, Ascii)
    assert found.data.letters.obj is body
    assert (found.size_bytes, found.digest) == (len(data), hashlib.sha256(data).hexdigest())
    assert encode({"data": found.data}) == b'{"data":"' + base64.b64encode(data) + b'"}'


def test_padding_in_the_middle_of_a_long_document_is_a_flaw() -> None:
    piece = b"QUJD" * (1 << 18)
    raw = "^AP^PDF^Base64^" + (piece[:-4] + b"QUI=" + piece).decode()
    found = content.of_ed(raw, {})
    assert found is not None
    assert found.flaw == content.BAD
