"""What a document is: told from its first bytes, and what senders call it in HL7 v2.

The bytes are right and the name is a hint: ED.2 and ED.3 come as `application^pdf`, `AP^PDF`,
`^PDF` or say a fax is text. Magic numbers are those of the formats' own specifications; HL7 names
are tables 0191 and 0291 (V2.9.1, 2A.3.26). Knows no message and looks at no more than a beginning.
"""

import codecs
import re

HEAD_BYTES = 2_048  # of a beginning that is enough to tell
UNKNOWN = "application/octet-stream"
PDF, TIFF, RTF = "application/pdf", "image/tiff", "application/rtf"
XML, CDA, HTML, TEXT = "application/xml", "application/hl7-v3+xml", "text/html", "text/plain"
DICOM, ZIP, OLE = "application/dicom", "application/zip", "application/x-ole-storage"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"{\\rtf", RTF),
    (b"%!PS", "application/postscript"),
    (b"PK\x03\x04", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
)
_HTML = re.compile(r"<(!doctype\s+html|html)[\s>]", re.IGNORECASE)
_PROLOGUE = {"<?": "?>", "<!--": "-->"}  # what stands before the root of a document
_CDA = re.compile(r"<([\w.-]+:)?ClinicalDocument[\s>]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NAMES = {
    "PDF": PDF,
    "RTF": RTF,
    "XML": XML,
    "CDA": CDA,
    "CCD": CDA,
    "CCDA": CDA,
    "X-HL7-CDA-LEVEL-ONE": CDA,
    "HL7-V3+XML": CDA,
    "HTML": HTML,
    "HTM": HTML,
    "PLAIN": TEXT,
    "TXT": TEXT,
    "TEXT": TEXT,
    "TX": TEXT,
    "FT": TEXT,
    "TIFF": TIFF,
    "TIF": TIFF,
    "FAX": TIFF,
    "JPEG": "image/jpeg",
    "JPG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "DICOM": DICOM,
    "POSTSCRIPT": "application/postscript",
    "DOC": "application/msword",
    "MSWORD": "application/msword",
    "DOCX": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_MAIN = {"AP": "application", "AU": "audio", "IM": "image", "SI": "image", "TEXT": "text"}
_VAGUE = frozenset({"", "OCTET-STREAM", "OCTETSTREAM", "BINARY", "BASIC", "UNKNOWN"})
_MEDIA = re.compile(r"(application|audio|image|text|video|model|message|multipart)/[\w.+-]{1,100}")
_INSIDE = {  # what a container or a plain text may turn out to be, as its sender says
    ZIP: re.compile(r"application/(vnd\.openxmlformats|vnd\.oasis|zip|x-zip)"),
    OLE: re.compile(r"application/(msword|vnd\.ms-|x-ole)"),
    TEXT: re.compile(r"text/|message/|application/([\w.-]+\+)?(xml|json)|application/(edi|hl7)"),
    XML: re.compile(r"(application|text)/([\w.-]+\+)?xml|image/svg"),
    CDA: re.compile(r"(application|text)/([\w.-]+\+)?xml"),
    RTF: re.compile(r"text/(rtf|richtext)"),
    HTML: re.compile(r"application/xhtml\+xml"),
}


def claimed(kind: str, subtype: str) -> str:
    """Return the media type that ED.2 and ED.3 (or RP.3 and RP.4) mean, empty if they say none."""
    kind, subtype = (text.strip().lstrip(".").upper() for text in (kind, subtype))
    for text in (subtype, kind, f"{_MAIN.get(kind, kind)}/{subtype}"):
        name = text.partition("/")[2]
        if name not in _VAGUE and _MEDIA.fullmatch(text.lower()):
            return _NAMES.get(name, text.lower())
    return _NAMES.get(subtype) or _NAMES.get(kind, "")


def sniffed(head: bytes) -> str:
    """Return the media type of a document by its beginning, empty when it cannot be told."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if b"%PDF-" in head[:1_024]:  # ISO 32000-1, annex H: readers allow some bytes before it
        return PDF
    if head[128:132] == b"DICM":
        return DICOM
    text = _text(head)
    return _marked_up(text) if text is not None else ""


def agrees(found: str, claim: str) -> bool:
    """Whether what a sender calls a document can be what it was found to be."""
    if not found or not claim or found == claim:
        return True
    inside = _INSIDE.get(found)
    return inside is not None and inside.match(claim) is not None


def media_type(found: str, claim: str) -> str:
    """Return what a document is served as: what it is, else what its sender calls it.

    Of a container or a text the sender knows more than its beginning shows.
    """
    if not found:
        return claim or UNKNOWN
    vague = found in {ZIP, OLE, TEXT, XML}
    return claim if vague and claim and agrees(found, claim) else found


def _text(head: bytes) -> str | None:
    """Decode a beginning that is text; None when it is not."""
    if head[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        return head.decode("utf-16", errors="ignore").strip()
    head = head.removeprefix(codecs.BOM_UTF8)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # it may end within a character
    except UnicodeDecodeError:
        text = head.decode("cp1252", errors="replace")
        if "\ufffd" in text:
            return None
    return text.strip() if text.strip() and not _CONTROL.search(text) else None


def _marked_up(text: str) -> str:
    if not text.startswith("<"):
        return TEXT
    if _HTML.match(_root(text)):
        return HTML
    if _CDA.match(_root(text)):
        return CDA
    return XML if text.startswith("<?xml") else TEXT


def _root(text: str) -> str:
    """Return a text from where instructions and comments end."""
    while (opening := next((mark for mark in _PROLOGUE if text.startswith(mark)), "")) != "":
        text = text.partition(_PROLOGUE[opening])[2].lstrip()
    return text
