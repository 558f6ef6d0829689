"""What documents are, and what their senders call them."""

import pytest

from engine.formats import media

CDA = b"<?xml version='1.0'?>\n<!-- made by us --><ClinicalDocument xmlns='urn:hl7-org:v3'>"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\n\n%PDF-1.4", "application/pdf"),
        (b"II*\x00\x08\x00", "image/tiff"),
        (b"MM\x00*\x00\x08", "image/tiff"),
        (b"\x89PNG\r\n\x1a\n\x00", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"{\\rtf1\\ansi", "application/rtf"),
        (bytes(128) + b"DICM", "application/dicom"),
        (CDA, "application/hl7-v3+xml"),
        (b"\xef\xbb\xbf<ClinicalDocument>", "application/hl7-v3+xml"),
        (b"<?xml version='1.0'?><note>", "application/xml"),
        (b"<!DOCTYPE html><p>", "text/html"),
        (b"<!-- x --><HTML><body>", "text/html"),
        (b"Discharged in good health.\r\n", "text/plain"),
        ("Entlassen: wohlauf, Größe 1,80".encode("cp1252"), "text/plain"),
        ("\ufeffwohlauf".encode("utf-16-le"), "text/plain"),
        (b"\x00\x01\x02\x03", ""),
        (b"", ""),
    ],
)
def test_a_beginning_tells_the_type(head: bytes, found: str) -> None:
    assert media.sniffed(head) == found


def test_a_text_may_end_within_a_character() -> None:
    assert media.sniffed("größer".encode()[:3]) == "text/plain"


def test_a_chain_of_comments_is_read_once() -> None:
    assert media.sniffed(b"<!---->" * 290 + b"<x>") == "text/plain"


@pytest.mark.parametrize(
    ("kind", "subtype", "claim"),
    [
        ("application", "pdf", "application/pdf"),
        ("AP", "PDF", "application/pdf"),
        ("PDF", "", "application/pdf"),
        ("", ".pdf", "application/pdf"),
        ("application/pdf", "", "application/pdf"),
        ("Application", "application/pdf", "application/pdf"),
        ("IM", "TIFF", "image/tiff"),
        ("image", "jpg", "image/jpeg"),
        ("SI", "FAX", "image/tiff"),
        ("TEXT", "RTF", "application/rtf"),
        ("text", "xml", "application/xml"),
        ("TX", "", "text/plain"),
        ("application", "vnd.ms-excel", "application/vnd.ms-excel"),
        ("multipart", "related", "multipart/related"),
        ("application", "x-hl7-cda-level-one", "application/hl7-v3+xml"),
        ("application", "octet-stream", ""),
        ("AP", "", ""),
        ("", "", ""),
        ("nonsense here", "more of it", ""),
    ],
)
def test_senders_name_types_in_many_ways(kind: str, subtype: str, claim: str) -> None:
    assert media.claimed(kind, subtype) == claim


@pytest.mark.parametrize(
    ("found", "claim", "agreed", "served"),
    [
        ("application/pdf", "text/plain", False, "application/pdf"),
        ("application/pdf", "", True, "application/pdf"),
        ("", "audio/basic", True, "audio/basic"),
        ("", "", True, "application/octet-stream"),
        ("text/plain", "application/json", True, "application/json"),
        ("text/plain", "application/pdf", False, "text/plain"),
        ("application/zip", "application/vnd.openxmlformats-officedocument.x", True,
         "application/vnd.openxmlformats-officedocument.x"),
        ("application/hl7-v3+xml", "application/xml", True, "application/hl7-v3+xml"),
    ],
)  # fmt: skip
def test_bytes_are_right_and_names_say_more(
    found: str, claim: str, agreed: bool, served: str
) -> None:
    assert media.agrees(found, claim) is agreed
    assert media.media_type(found, claim) == served
