"""Bytes to a message."""

import time

import pytest

from engine.core.fault import Category, Fault, FaultError
from engine.formats.hl7v2 import parse as parsing
from engine.formats.hl7v2.encoding import STANDARD
from engine.formats.hl7v2.parse import parse

ADMISSION = (
    "MSH|^~\\&|ADT|MERCY|HUB|NORTH|20260102030405||ADT^A01^ADT_A01|M-1 |P|2.5.1^USA\r"
    "EVN||20260102030405\r"
    'PID|1||4711^^^MERCY^MR~900^^^NORTH^EPI||Alder^Ida||19800101|""\r'
    "ZPD|1|own\r"
)


def refused(body: bytes) -> Fault:
    with pytest.raises(FaultError) as error:
        parse(body)
    return error.value.fault


def test_reads_the_header() -> None:
    message = parse(ADMISSION.encode())
    assert message.kind == "ADT^A01"
    assert message.structure == "ADT_A01"
    assert message.control_id == "M-1 "  # MSA-2 has to repeat it exactly
    assert message.version == "2.5.1"
    assert message.delimiters == STANDARD
    assert message.charset == "utf-8"


@pytest.mark.parametrize(
    ("msh9", "kind", "structure"),
    [
        ("ADT^A08", "ADT^A08", ""),
        ("ACK", "ACK^", ""),
        ("", "^", ""),
        ("^A01", "^A01", ""),
        ("ORU^^ORU_R01", "ORU^", "ORU_R01"),
        (" ADT ^ A01 ", "ADT^A01", ""),
    ],
)
def test_message_type_may_be_incomplete(msh9: str, kind: str, structure: str) -> None:
    message = parse(f"MSH|^~\\&|||||||{msh9}".encode())
    assert (message.kind, message.structure) == (kind, structure)
    assert (message.control_id, message.version) == ("", "")


def test_numbers_fields_as_hl7_does() -> None:
    message = parse(ADMISSION.encode())
    header = message.segments[0]
    assert [header.field(number) for number in range(5)] == ["", "|", "^~\\&", "ADT", "MERCY"]
    assert header.count == 12
    patient = message.first("PID")
    assert patient is not None
    assert patient.field(3) == "4711^^^MERCY^MR~900^^^NORTH^EPI"
    assert patient.field(8) == '""'
    assert patient.field(9) == ""
    assert patient.field(-1) == ""
    assert patient.count == 8


def test_segments_are_found_by_name_and_know_their_place() -> None:
    message = parse(b"MSH|^~\\&|\rOBX|1\rNTE|1\rOBX|2\r")
    assert [segment.field(1) for segment in message.all("OBX")] == ["1", "2"]
    assert [segment.index for segment in message.all("OBX")] == [1, 3]
    assert message.first("PID") is None
    assert message.all("PID") == ()


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r", "\n\n", "\r \r"])
def test_any_line_end_ends_a_segment(end: str) -> None:
    body = f"{end}MSH|^~\\&|A{end}PID|1{end}PV1|1|I{end}{end}".encode()
    assert [segment.name for segment in parse(body).segments] == ["MSH", "PID", "PV1"]


def test_the_last_segment_needs_no_end() -> None:
    assert parse(b"MSH|^~\\&|A\rPID|1|x ").segments[1].field(2) == "x "


def test_ids_in_lower_case_and_segments_of_the_site_are_taken() -> None:
    message = parse(b"msh|^~\\&|A\rpid|1\rzX9|1\rEVN\r")
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "ZX9", "EVN"]
    assert message.segments[0].field(3) == "A"
    assert message.segments[3].count == 0


@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        (b"", "no-header", "MSH"),
        (b"\r\n", "no-header", "MSH"),
        (b"PID|1", "no-header", "MSH"),
        (b"GET / HTTP/1.1\r\n\r\n", "no-header", "MSH"),
        (b"\x16\x03\x01\x02\x00", "no-header", "MSH"),
        (b"MSH", "bad-delimiters", "MSH-2"),
        (b"MSH|aaaa|", "bad-delimiters", "MSH-2"),
        (b"MSH|^~\\&|A\rPIDX|1", "bad-segment", "segment 2"),
        (b"MSH|^~\\&|A\rPID|1\rPV|1", "bad-segment", "segment 3"),
        (b"MSH|^~\\&|A\rlost text", "bad-segment", "segment 2"),
        (b"MSH|^~\\&|A\r1ID|1", "bad-segment", "segment 2"),
        ("MSH|^~\\&|A\rÄÖÜ|1".encode(), "bad-segment", "segment 2"),
        (b"MSH|^~\\&|A\rPID|1\rMSH|^~\\&|B", "several-messages", "MSH[2]"),
        (b"MSH|^~\\&|A\rPID|a\x00b", "nul-character", ""),
        (b"MSH|^~\\&|A\rPID|\xff", "charset-mismatch", "MSH-18"),
    ],
)
def test_refuses_what_cannot_be_read(body: bytes, code: str, where: str) -> None:
    fault = refused(body)
    assert (fault.category, fault.code, fault.where) == (Category.INVALID, code, where)


@pytest.mark.parametrize(
    ("segments", "where"), [(b"DSC|17|F", "DSC-1"), (b"NTE|1\rADD|rest", "ADD-1")]
)
def test_refuses_a_message_that_is_continued(segments: bytes, where: str) -> None:
    fault = refused(b"MSH|^~\\&|A\rOBX|1\r" + segments)
    assert (fault.category, fault.code) == (Category.UNSUPPORTED, "continued-message")
    assert fault.where == where


def test_an_empty_continuation_pointer_means_nothing() -> None:
    assert len(parse(b"MSH|^~\\&|A\rOBX|1\rDSC||").segments) == 3


def test_a_fault_never_shows_the_content() -> None:
    fault = refused(b"MSH|^~\\&|A\rPID|1||4711||ALDER^IDA\rALDER IDA 4711")
    assert "ALDER" not in str(fault)
    assert "4711" not in str(fault)
    assert "Alder" not in repr(parse(ADMISSION.encode()).segments[2])
    assert "Alder" not in repr(parse(ADMISSION.encode()))


BOMBS = {
    "repetitions": (b"PID|1||" + b"~" * 20_000, "PID-3"),
    "components": (b"PID|1||" + b"a^" * 50_000, "PID-3"),
    "sub-components": (b"PID|1||" + b"&" * 100_000, "PID-3"),
    "fields": (b"PID|" + b"|" * 20_000, "PID"),
    "second of its kind": (b"OBX|1\rOBX|2|ST|||" + b"~" * 20_000, "OBX[2]-5"),
    "in the header": (b"", "MSH-3"),
    "segments": (b"ZZZ|\r" * 30_000, ""),
}


@pytest.mark.parametrize("name", BOMBS)
def test_refuses_a_bomb_quickly(name: str) -> None:
    line, where = BOMBS[name]
    head = b"MSH|^~\\&|" + (b"~" * 20_000 if not line else b"A")
    started = time.perf_counter()
    fault = refused(head + b"\r" + line)
    assert time.perf_counter() - started < 0.05
    assert (fault.category, fault.code, fault.where) == (
        Category.INVALID,
        "too-many-elements",
        where,
    )


def test_a_whole_message_has_a_budget_too() -> None:
    body = b"MSH|^~\\&|A\r" + b"OBX|||||" + b"^" * 9_000 + b"\r"
    assert len(parse(body).segments) == 2
    assert refused(body + (b"OBX|||||" + b"^" * 9_000 + b"\r") * 400).code == "too-many-elements"


def test_a_large_document_passes() -> None:
    document = b"QUJD" * 2_600_000
    message = parse(b"MSH|^~\\&|A\rOBX|1|ED|PDF||MERCY^AP^PDF^Base64^" + document + b"|\r")
    word = message.segments[1].field(5).rpartition("^")[2]
    assert message.apart[word] == document


def test_what_is_just_within_the_limits_passes() -> None:
    most = parsing.MAX_REPETITIONS
    assert parse(b"MSH|^~\\&|A\rPID|1||" + b"~" * (most - 1)).segments[1].count == 3
    assert refused(b"MSH|^~\\&|A\rPID|1||" + b"~" * most).where == "PID-3"


def test_many_repetitions_over_many_segments_pass() -> None:
    body = b"MSH|^~\\&|A\r" + b"OBX|1|TX|||a~b~c~d~e\r" * 2_000
    assert len(parse(body).segments) == 2_001
