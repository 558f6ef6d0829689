"""Microseconds per message for reading HL7 v2: `python tests/benchmark/parse_hl7v2.py`, by hand.

Prints the best of several rounds, so that other work on the machine counts as little as possible.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from timeit import repeat

sys.path.insert(0, str(Path(__file__).parents[2]))

from engine.formats.hl7v2.ack import read_header, reply
from engine.formats.hl7v2.dictionary import structure
from engine.formats.hl7v2.groups import compile_binder
from engine.formats.hl7v2.parse import parse
from engine.formats.hl7v2.path import component, repetitions

_ADDRESS = "12 Mill Lane^^Northfield^MN^55057^USA^H~PO Box 7^^Northfield^MN^55057^USA^M"
_DOCTOR = "1^Birch^Ada^^^Dr^MD^^NPI^^^^NPI"

ADMISSION = "\r".join(
    [
        "MSH|^~\\&|ADT|MERCY|HUB|NORTH|20260102030405||ADT^A01^ADT_A01|M-1|P|2.5.1|||AL|NE",
        "EVN||20260102030405|||REG^Clerk^Cora",
        (
            f"PID|1||4711^^^MERCY^MR~900^^^NORTH^EPI||Alder^Ida^Q||19800101|F||2106-3|{_ADDRESS}||"
            "555-0100^PRN^PH~^NET^Internet^ida@mail.example|555-0101||M|||900-00-0001|||2186-5"
        ),
        f"PD1|||MERCY CLINIC^^10|{_DOCTOR}",
        f"NK1|1|Alder^Otto|SPO|{_ADDRESS}|555-0102||EC",
        f"PV1|1|I|4E^401^A^MERCY||||{_DOCTOR}|{_DOCTOR}||MED||||7|||{_DOCTOR}|IP|V-1^^^MERCY^VN"
        + "|" * 25
        + "20260102020000",
        "PV2||PRV|^chest pain",
        "AL1|1|DA|70618^Penicillin^RXNORM|SV|hives",
        "AL1|2|FA|^Peanut|MO|rash",
        "DG1|1||I10^Hypertension^I10||20260102|A",
        "GT1|1||Alder^Ida||" + _ADDRESS,
        "IN1|1|GOLD|77^^^PAYER|Payer of Invention|PO Box 1^^Northfield^MN^55057||555-0103|G1",
        "ZPD|1|own|fields",
        "",
    ]
).encode()
RESULT = "\r".join(
    [
        "MSH|^~\\&|LAB|MERCY|HUB|NORTH|20260102030405||ORU^R01^ORU_R01|M-2|P|2.5.1|||AL|NE",
        f"PID|1||4711^^^MERCY^MR||Alder^Ida^Q||19800101|F|||{_ADDRESS}",
        "PV1|1|I|4E^401^A^MERCY",
        f"ORC|RE|P-1^HUB|F-1^LAB|||||||||{_DOCTOR}",
        f"OBR|1|P-1^HUB|F-1^LAB|24323-8^Metabolic panel^LN|||20260102020000|||||||||{_DOCTOR}",
        *[
            f"OBX|{n}|NM|2951-{n}^Sodium [Moles/volume] in Serum or Plasma^LN||13{n}|mmol/L^^UCUM"
            "|136-145|L|||F|||20260102020000|MERCY^Laboratory||||20260102025500"
            for n in range(20)
        ],
        "",
    ]
).encode()
BOMB = b"MSH|^~\\&|A\rPID|1||" + b"~" * 20_000 + b"\r"
DOCUMENT = b"MSH|^~\\&|A\rOBX|1|ED|PDF||^AP^PDF^Base64^" + b"QUJD" * 2_600_000 + b"\r"


def measure(name: str, deed: Callable[[], object], number: int = 5_000) -> None:
    best_us = min(repeat(deed, number=number, repeat=7)) / number * 1e6
    print(f"{name:<44}{best_us:>12.2f} us")  # noqa: T201


def read_fields(body: bytes) -> list[str]:
    message = parse(body)
    d = message.delimiters
    patient, visit = message.first("PID"), message.first("PV1")
    assert patient is not None
    assert visit is not None
    read = [patient.field(number) for number in (3, 5, 7, 8, 10, 11, 13, 14, 16, 19)]
    read += [visit.field(number) for number in (2, 3, 7, 8, 10, 14, 17, 18, 19, 44)]
    return [component(part, 1, d) for value in read for part in repetitions(value, d)]


def refused(body: bytes) -> bool:
    try:
        parse(body)
    except Exception:  # noqa: BLE001
        return True
    return False


def main() -> None:
    admit = compile_binder(structure("2.5.1", "ADT_A01"))
    result = compile_binder(structure("2.5.1", "ORU_R01"))
    admission, results = parse(ADMISSION), parse(RESULT)
    header = read_header(ADMISSION)
    assert refused(BOMB)
    measure(f"parse ADT^A01, {len(ADMISSION)} bytes", lambda: parse(ADMISSION))
    measure("  and read 20 fields", lambda: read_fields(ADMISSION))
    measure("  bind", lambda: admit.bind(admission))
    measure(f"parse ORU^R01, {len(RESULT)} bytes, 20 OBX", lambda: parse(RESULT))
    measure("  bind", lambda: result.bind(results))
    measure("read a header", lambda: read_header(ADMISSION))
    measure("write an acknowledgement", lambda: reply(header, None, "R", 0))
    measure("refuse 20,000 repetitions", lambda: refused(BOMB), 50)
    measure("parse a document of 10 MB", lambda: parse(DOCUMENT), 3)


if __name__ == "__main__":
    main()
