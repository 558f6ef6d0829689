"""Acknowledgements: what the sender is told about one message, in its own delimiters and charset.

Follows HL7 v2.9.1, 2.8 (message processing rules), MSA and ERR. Knows no socket, no frame and no
store: the caller decides when a message is safe and hands in the outcome, an id and the time.

    MSH-15  MSH-16    mode and answer
    blank   blank     original: AA, AE or AR
    valued  any       enhanced, accept acknowledgement by MSH-15: CA, CE or CR
    NE      AL ER SU  application acknowledgement by MSH-16: AA, AE or AR. 2.8.3 calls the pair
                      (NE, AL) the same as original mode
    blank   AL ER SU  the same: a sender of one value alone waits for what it named
    blank   NE        CA, CE or CR: what was not declined is sent, for a sender left waiting hangs
    NE      NE/blank  nothing

Both codes for failure come from the fault's category, by `_CODES`. 2.8.3.1 keeps CR for MSH-9,
MSH-11 and MSH-12; AR has a second meaning, trouble that has nothing to do with the content (2.8.2).
A header that cannot be read gets AR: those three fields could not be accepted.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.core.fault import Category, Fault, FaultError
from engine.formats.hl7v2.charset import read_head
from engine.formats.hl7v2.encoding import STANDARD, Delimiters, escape, read_delimiters
from engine.formats.hl7v2.err import error_fields
from engine.formats.hl7v2.path import component

_MAX_HEADER = 16_384  # characters; what is longer is no MSH, and is not sent back

_CODES = {  # category -> original mode, enhanced mode
    Category.INVALID: ("AE", "CE"),
    Category.UNSUPPORTED: ("AR", "CR"),
    Category.FORBIDDEN: ("AR", "CE"),
    Category.NOT_FOUND: ("AE", "CE"),
    Category.CONFLICT: ("AE", "CE"),
    Category.BUSY: ("AR", "CE"),
    Category.UNAVAILABLE: ("AR", "CE"),
    Category.BUG: ("AR", "CE"),
}

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f]")
_CONDITIONS = {"NE": (), "ER": (False,), "SU": (True,)}  # which outcomes are told; else both


@dataclass(frozen=True, slots=True)
class Header:
    """What an answer needs of an MSH segment: raw values, in the sender's delimiters.

    `readable` is False when there was no usable MSH; the other values are defaults then.
    """

    delimiters: Delimiters = STANDARD
    application: str = ""  # MSH-3
    facility: str = ""  # MSH-4
    receiving_application: str = ""  # MSH-5
    receiving_facility: str = ""  # MSH-6
    code: str = ""  # MSH-9.1
    trigger: str = ""  # MSH-9.2
    control_id: str = ""  # MSH-10
    processing_id: str = "P"  # MSH-11
    version: str = "2.5.1"  # MSH-12
    accept: str = ""  # MSH-15
    confirm: str = ""  # MSH-16
    charset: str = ""  # MSH-18
    codec: str = "utf-8"
    readable: bool = False


def read_header(body: bytes) -> Header:
    """Read what can be read of the header; never raises."""
    line, codec = read_head(body)
    if line[:3].upper() != "MSH" or len(line) > _MAX_HEADER or _breaks_frame(line):
        return Header()
    try:
        delimiters = read_delimiters(line)
    except FaultError:
        return Header()
    fields = line.split(delimiters.field)
    fields += [""] * (20 - len(fields))
    return Header(
        delimiters=delimiters,
        application=fields[2],
        facility=fields[3],
        receiving_application=fields[4],
        receiving_facility=fields[5],
        code=component(fields[8], 1, delimiters).strip(),
        trigger=component(fields[8], 2, delimiters).strip(),
        control_id=fields[9],
        processing_id=fields[10],
        version=fields[11],
        accept=fields[14].strip().upper(),
        confirm=fields[15].strip().upper(),
        charset=fields[17],
        codec=codec,
        readable=True,
    )


def _breaks_frame(line: str) -> bool:
    """Control characters would end the answer's own frame early, or be no text at all."""
    return _CONTROL.search(line) is not None


def reply(header: Header, outcome: Fault | None, reply_id: str, now_us: int) -> bytes | None:
    """Return the acknowledgement message, or None when the sender wants none of this outcome.

    `outcome` is None for a message that is safe. `reply_id` becomes MSH-10; `now_us` is in
    microseconds since 1970.
    """
    code = _code(header, outcome)
    if code is None:
        return None
    segments = [_msh(header, reply_id, now_us), _msa(header, outcome, code)]
    if outcome is not None:
        fields = error_fields(outcome, header.delimiters, old=_before_2_5(header))
        segments.append(_joined(header, fields))
    return "".join([segment + "\r" for segment in segments]).encode(header.codec, "replace")


def _code(header: Header, outcome: Fault | None) -> str | None:
    if not header.readable:
        return "AR" if outcome is not None else "AA"
    commits, condition = _mode(header.accept, header.confirm)
    if (outcome is None) not in _CONDITIONS.get(condition, (True, False)):
        return None
    if outcome is None:
        return "CA" if commits else "AA"
    return _CODES[outcome.category][commits]


def _mode(accept: str, confirm: str) -> tuple[bool, str]:
    """Tell whether the answer is a commit, and which condition governs it."""
    if accept in {"", "NE"} and confirm not in {"", "NE"}:
        return False, confirm
    if accept:
        return True, accept
    return confirm == "NE", "AL"


def _joined(header: Header, fields: list[str]) -> str:
    return header.delimiters.field.join(fields).rstrip(header.delimiters.field)


def _msh(header: Header, reply_id: str, now_us: int) -> str:
    d = header.delimiters
    moment = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    kind = d.component.join(("ACK", header.trigger, "ACK")) if header.trigger else "ACK"
    fields = [
        "MSH",
        d.characters,
        header.receiving_application,
        header.receiving_facility,
        header.application,
        header.facility,
        f"{moment:%Y%m%d%H%M%S}.{now_us // 1000 % 1000:03d}+0000",
        "",
        kind,
        escape(reply_id, d),
        header.processing_id,
        header.version,
        *[""] * 5,
        header.charset,
    ]
    return _joined(header, fields)


def _msa(header: Header, outcome: Fault | None, code: str) -> str:
    text = ""
    if outcome is not None and _before_2_5(header):
        text = escape(outcome.message, header.delimiters)
    return _joined(header, ["MSA", code, header.control_id, text])


def _before_2_5(header: Header) -> bool:
    """Such receivers read MSA-3 and ERR-1, and no later field of ERR."""
    found = re.match(r"(\d)\.(\d+)", component(header.version, 1, header.delimiters).strip())
    return found is not None and (int(found[1]), int(found[2])) < (2, 5)
