"""The acknowledgement rules of HL7 v2.9.1, chapter 2.8, one by one."""

import pytest

from engine.core.fault import Category, Fault
from engine.formats.hl7v2.ack import Header, read_header, reply
from engine.formats.hl7v2.parse import Message, parse

NOW_US = 1_767_323_045_678_900  # 2026-01-02T03:04:05.678900Z
CONTENT = Fault(Category.INVALID, "too-many-elements", "more than allowed", "PID-3[2].1")
TYPE = Fault(Category.UNSUPPORTED, "unknown-structure", "no such message structure", "MSH-9.3")
TROUBLE = Fault(Category.UNAVAILABLE, "journal-down", "the journal cannot be written")


def message(accept: str = "", confirm: str = "", **values: str) -> bytes:
    fields = {
        "kind": "ADT^A01^ADT_A01",
        "id": "M-1",
        "processing": "P",
        "version": "2.5.1",
        "charset": "",
    } | values
    return (
        (
            "MSH|^~\\&|ADT|MERCY|HUB|NORTH|20260102||{kind}|{id}|{processing}|{version}|||"
            "{accept}|{confirm}||{charset}\rPID|1||4711\r"
        )
        .format(accept=accept, confirm=confirm, **fields)
        .encode(values.get("codec", "utf-8"))
    )


def answer(body: bytes, outcome: Fault | None = None) -> Message:
    written = reply(read_header(body), outcome, "R-9", NOW_US)
    assert written is not None
    return parse(written)


def value(of: Message, segment: str, field: int) -> str:
    found = of.first(segment)
    return found.field(field) if found else "(no segment)"


def codes(accept: str, confirm: str) -> list[str | None]:
    told: list[str | None] = []
    for outcome in (None, CONTENT, TYPE, TROUBLE):
        written = reply(read_header(message(accept, confirm)), outcome, "R", NOW_US)
        told.append(value(parse(written), "MSA", 1) if written else None)
    return told


@pytest.mark.parametrize(
    ("accept", "confirm", "expected"),
    [
        ("", "", ["AA", "AE", "AR", "AR"]),
        ("AL", "NE", ["CA", "CE", "CR", "CE"]),
        ("AL", "AL", ["CA", "CE", "CR", "CE"]),
        ("AL", "", ["CA", "CE", "CR", "CE"]),
        ("al ", "ne", ["CA", "CE", "CR", "CE"]),
        ("ER", "NE", [None, "CE", "CR", "CE"]),
        ("ER", "", [None, "CE", "CR", "CE"]),
        ("SU", "NE", ["CA", None, None, None]),
        ("NE", "NE", [None, None, None, None]),
        ("NE", "", [None, None, None, None]),
        ("NE", "AL", ["AA", "AE", "AR", "AR"]),
        ("", "AL", ["AA", "AE", "AR", "AR"]),
        ("NE", "ER", [None, "AE", "AR", "AR"]),
        ("", "SU", ["AA", None, None, None]),
        ("", "NE", ["CA", "CE", "CR", "CE"]),
        ("XX", "", ["CA", "CE", "CR", "CE"]),
    ],
)
def test_mode_and_condition(accept: str, confirm: str, expected: list[str | None]) -> None:
    assert codes(accept, confirm) == expected


@pytest.mark.parametrize("category", Category)
def test_reject_is_kept_for_the_header_in_enhanced_mode(category: Category) -> None:
    told = answer(message("AL", "NE"), Fault(category, "some-code", "text"))
    expected = "CR" if category is Category.UNSUPPORTED else "CE"
    assert value(told, "MSA", 1) == expected


@pytest.mark.parametrize(
    ("category", "code"),
    [
        (Category.INVALID, "AE"),
        (Category.NOT_FOUND, "AE"),
        (Category.CONFLICT, "AE"),
        (Category.UNSUPPORTED, "AR"),
        (Category.FORBIDDEN, "AR"),
        (Category.BUSY, "AR"),
        (Category.UNAVAILABLE, "AR"),
        (Category.BUG, "AR"),
    ],
)
def test_error_speaks_of_content_in_original_mode(category: Category, code: str) -> None:
    assert value(answer(message(), Fault(category, "some-code", "text")), "MSA", 1) == code


def test_header_of_the_answer() -> None:
    told = answer(message("AL", "NE"))
    expected = ["HUB", "NORTH", "ADT", "MERCY", "20260102030405.678+0000", "", "ACK^A01^ACK"]
    assert [value(told, "MSH", number) for number in range(3, 10)] == expected
    assert [value(told, "MSH", number) for number in range(10, 19)] == [
        "R-9", "P", "2.5.1", "", "", "", "", "", "",
    ]  # fmt: skip
    assert [segment.name for segment in told.segments] == ["MSH", "MSA"]


@pytest.mark.parametrize(
    ("kind", "expected"), [("ORU^R01", "ACK^R01^ACK"), ("ADT", "ACK"), ("", "ACK")]
)
def test_names_the_event_it_answers(kind: str, expected: str) -> None:
    assert value(answer(message(kind=kind)), "MSH", 9) == expected


@pytest.mark.parametrize("control_id", ["M-1", "", " 7 ", "a\\T\\b", "x^y&z", "0" * 199])
def test_repeats_the_control_id_exactly(control_id: str) -> None:
    assert value(answer(message(id=control_id)), "MSA", 2) == control_id


@pytest.mark.parametrize("processing", ["P", "T", "D^A", ""])
def test_repeats_processing_id_and_version(processing: str) -> None:
    told = answer(message(processing=processing, version="2.4^DEU"))
    assert value(told, "MSH", 11) == processing
    assert value(told, "MSH", 12) == "2.4^DEU"


def test_a_failure_says_where_and_why() -> None:
    told = answer(message(), CONTENT)
    assert value(told, "ERR", 1) == ""
    assert value(told, "ERR", 2) == "PID^1^3^2^1"
    assert value(told, "ERR", 3) == "102^Data type error^HL70357"
    assert value(told, "ERR", 4) == "E"
    assert value(told, "ERR", 5) == "too-many-elements^^L"
    assert value(told, "ERR", 8) == "more than allowed"
    assert value(told, "MSA", 3) == ""


def test_older_receivers_are_told_where_they_look() -> None:
    told = answer(message(version="2.3.1"), CONTENT)
    assert value(told, "MSA", 3) == "more than allowed"
    assert value(told, "ERR", 1) == "PID^1^3^102&Data type error&HL70357"


@pytest.mark.parametrize(
    ("where", "location"),
    [
        ("PID-3", "PID^1^3^1"),
        ("PID-3.4.2", "PID^1^3^1^4^2"),
        ("OBX[12]-5", "OBX^12^5^1"),
        ("OBX[12]-5[3].1", "OBX^12^5^3^1"),
        ("MSH[2]", "MSH^2"),
        ("PV1", "PV1^1"),
        ("segment 7", ""),
        ("site.yaml:14:9", ""),
        ("", ""),
    ],
)
def test_places_are_written_as_locations(where: str, location: str) -> None:
    fault = Fault(Category.INVALID, "some-code", "text", where)
    assert value(answer(message(), fault), "ERR", 2) == location


@pytest.mark.parametrize(
    ("fault", "condition"),
    [
        (Fault(Category.UNSUPPORTED, "x", "t", "MSH-9.1"), "200"),
        (Fault(Category.UNSUPPORTED, "x", "t", "MSH-9.2"), "201"),
        (Fault(Category.UNSUPPORTED, "x", "t", "MSH-11"), "202"),
        (Fault(Category.UNSUPPORTED, "x", "t", "MSH-12"), "203"),
        (Fault(Category.INVALID, "bad-segment", "t"), "100"),
        (Fault(Category.INVALID, "missing-control-id", "t", "MSH-10"), "101"),
        (Fault(Category.INVALID, "x", "t"), "102"),
        (Fault(Category.NOT_FOUND, "x", "t"), "204"),
        (Fault(Category.BUSY, "x", "t"), "207"),
        (Fault(Category.BUG, "x", "t"), "207"),
    ],
)
def test_conditions_are_those_of_table_0357(fault: Fault, condition: str) -> None:
    assert value(answer(message(), fault), "ERR", 3).partition("^")[0] == condition


def test_answers_in_the_delimiters_of_the_sender() -> None:
    body = b"MSH#!@%*#ADT#MERCY#HUB#NORTH###ADT!A08#M-1#P#2.5.1\rPID#1"
    fault = Fault(Category.INVALID, "some-code", "100% wrong #1!", "PID-3")
    written = reply(read_header(body), fault, "R#9", NOW_US)
    assert written is not None
    assert written.startswith(b"MSH#!@%*#HUB#NORTH#ADT#MERCY#")
    told = parse(written)
    assert value(told, "MSH", 9) == "ACK!A08!ACK"
    assert value(told, "MSH", 10) == "R%F%9"
    assert value(told, "ERR", 2) == "PID!1!3!1"
    assert value(told, "ERR", 8) == "100%E% wrong %F%1%S%"


@pytest.mark.parametrize("separator", ["^~\\&#", "^~&", "^"])
def test_repeats_the_encoding_characters(separator: str) -> None:
    told = reply(read_header(f"MSH|{separator}|A|||||||7".encode()), CONTENT, "R", NOW_US)
    assert told is not None
    assert told.startswith(f"MSH|{separator}|".encode())
    assert b"\x00" not in told


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("UNICODE UTF-8", "utf-8"), ("8859/1", "latin-1"), ("", "utf-8"), ("", "latin-1")],
)
def test_answers_in_the_bytes_of_the_sender(charset: str, codec: str) -> None:
    body = message(charset=charset, id="Zoë", codec=codec)
    written = reply(read_header(body), None, "R", NOW_US)
    assert written is not None
    assert b"MSA|AA|" + "Zoë".encode(codec) + b"\r" in written
    assert value(parse(written, codec), "MSH", 18) == charset


def test_answers_in_sixteen_bits() -> None:
    body = message(id="Zoë", codec="utf-16-le", charset="UNICODE UTF-16")
    assert value(answer(body), "MSA", 2) == "Zoë"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"\x00\xff\xfe",
        b"PID|1||4711",
        b"MSH",
        b"MSH|^^^^|A",
        b"MSHx^~\\&x",
        b"MSH|^~\\&|A\x1c|B",
        b"MSH|^~\\&|" + b"A" * 20_000,
        b"MSH|^~\\&|" + b"A" * 200_000,
    ],
)
def test_an_unreadable_header_is_rejected_all_the_same(body: bytes) -> None:
    header = read_header(body)
    assert header == Header()
    fault = Fault(Category.INVALID, "no-header", "the message does not begin with MSH", "MSH")
    written = reply(header, fault, "R-9", NOW_US)
    assert written is not None
    told = parse(written)
    assert value(told, "MSA", 1) == "AR"
    assert value(told, "MSA", 2) == ""
    assert value(told, "MSH", 9) == "ACK"
    assert value(told, "MSH", 11) == "P"
    assert value(told, "MSH", 12) == "2.5.1"
    assert value(told, "ERR", 3) == "100^Segment sequence error^HL70357"


def test_leading_blank_lines_and_marks_do_not_hide_the_header() -> None:
    assert read_header(b"\xef\xbb\xbf" + message()).control_id == "M-1"
    assert read_header(b"\r\n" + message()).control_id == "M-1"
    assert read_header(message().replace(b"\r", b"\n")).control_id == "M-1"
