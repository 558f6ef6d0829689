"""Messages to measure with: our own, the same for the same seed, or a file of framed ones.

adt   ADT^A01 of about 1.5 KB, as Epic sends them; three in ten are about somebody known
oru   ORU^R01 with 20 results, one order each, about those people
mix   a day of three sites, the demo's
PATH  messages framed by VT and FS CR, of senders called EPIC or Beaker, ATHENANET and ECW
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from engine.demo.hl7 import message, segment
from engine.demo.traffic import generate

SEED = 20261120
_SITES = {b"EPIC": "mercy", b"Beaker": "mercy", b"ATHENANET": "lakeside", b"ECW": "hilltop"}
_SOUNDS = ["ba", "cor", "del", "fen", "gar", "hol", "jen", "kal", "lor", "mar", "nor", "os"]
_SOUNDS += ["pel", "quin", "ros", "sel", "tam", "ul", "ver", "wes", "yor", "zan"]
_TESTS = ["2951-2^Sodium", "2823-3^Potassium", "2075-0^Chloride", "2345-7^Glucose", "3094-0^BUN"]
_TESTS += ["2160-0^Creatinine", "17861-6^Calcium", "2885-2^Protein", "1751-7^Albumin", "1742-6^ALT"]
_TESTS += ["1920-8^AST", "6768-6^ALP", "1975-2^Bilirubin", "718-7^Hemoglobin", "4544-3^Hematocrit"]
_TESTS += ["6690-2^Leukocytes", "777-3^Platelets", "789-8^Erythrocytes", "787-2^MCV", "785-6^MCH"]
_MEASURED = ["8302-2^Body height^LN", "29463-7^Body weight^LN"]
_DOCTOR = "9800000117^RUNDQUIST^HELEN^M^^^MD^^NPI^^^^NPI"
_DAY = date(1931, 1, 1)


@dataclass(frozen=True, slots=True)
class Sent:
    """One message, with the site whose channel it goes to."""

    site: str
    body: bytes

    @property
    def kind(self) -> str:
        """MSH-9 as `ADT^A01`."""
        return b"^".join(self.body.split(b"|", 9)[8].split(b"^")[:2]).decode()


def stream(name: str, count: int, kind: str = "") -> list[Sent]:
    """Return up to `count` messages of a stream, of one kind if that is given."""
    made = {"adt": _admissions, "oru": _reports, "mix": _day}.get(name)
    several = made(count) if made else _read(Path(name))
    found: list[Sent] = []
    for one in several:
        if kind in {"", one.kind}:
            found.append(one)
        if len(found) == count:
            break
    return found


def _read(path: Path) -> Iterator[Sent]:
    for frame in path.read_bytes().split(b"\x1c\r"):
        body = frame.lstrip(b"\x0b\r\n")
        if body:
            yield Sent(_SITES[body.split(b"|", 3)[2]], body)


def _day(count: int) -> Iterator[Sent]:
    for one in generate(SEED, count).deliveries:
        if not one.refused:
            yield Sent(one.site, one.body)


def _admissions(count: int) -> Iterator[Sent]:
    chance = Random(SEED)
    known = 0
    for number in range(count):
        again = known and chance.random() < 0.3
        patient = chance.randrange(known) if again else known
        known += not again
        yield Sent("mercy", admission(number, patient))


def _reports(count: int) -> Iterator[Sent]:
    chance = Random(SEED)
    for number in range(count):
        yield Sent("mercy", report_of(number, chance.randrange(1 + number // 4)))


@dataclass(frozen=True, slots=True)
class _Patient:
    mrn: str
    name: str
    born: str
    sex: str
    street: str
    phone: str
    ssn: str
    mail: str


def _patient(number: int) -> _Patient:
    chance = Random(number)
    family = "".join(chance.choices(_SOUNDS, k=3))
    given = "".join(chance.choices(_SOUNDS, k=2))
    return _Patient(
        mrn=f"E{100_000 + number}^^^MERCY^MR~{900_000_000 + number}^^^EPI^EPI",
        name=f"{family}^{given}^{chance.choice('ABCDEFGHJKLM')}^^^^L".upper(),
        born=f"{_DAY + timedelta(days=chance.randrange(34_000)):%Y%m%d}",
        sex=chance.choice("FM"),
        street=f"{chance.randrange(1, 9900)} {chance.choice(_SOUNDS)}er Lane".upper(),
        phone=f"({chance.randrange(201, 990)})555-01{chance.randrange(100):02d}",
        ssn=f"666-{number // 10_000 % 90 + 10:02d}-{number % 10_000:04d}",
        mail=f"{given}.{family}{number}@mail.example",
    )


def _msh(number: int, sender: str, kind: str, second: int) -> str:
    when = f"202611{1 + second // 86_400 % 28:02d}{second // 3600 % 24:02d}"
    when += f"{second // 60 % 60:02d}{second % 60:02d}"
    head = {2: "^~\\&", 3: sender, 4: "MERCY", 5: "CONCORD", 6: "NORTH", 7: when, 9: kind}
    head |= {10: f"{sender[:1]}{number:09d}", 11: "P", 12: "2.5.1", 15: "AL", 16: "NE"}
    return segment("MSH", head | {18: "UNICODE UTF-8"})


def _pid(who: _Patient) -> str:
    phones = f"{who.phone}^PRN^PH~^NET^Internet^{who.mail}"
    home = f"{who.street}^APT 7^ALDER FORK^WI^53099^US^P"
    fields = {1: "1", 3: who.mrn, 5: who.name, 7: who.born, 8: who.sex, 10: "2106-3^White^CDCREC"}
    fields |= {11: home, 13: phones, 14: "(608)555-0199^WPN^PH", 15: "eng^English^ISO639"}
    return segment(
        "PID",
        fields
        | {16: "M^Married", 17: "CAT", 18: f"{who.ssn[4:]}^^^MERCYHAR^HAR", 19: who.ssn, 30: "N"},
    )


def admission(number: int, patient: int) -> bytes:
    who = _patient(patient)
    family = who.name.partition("^")[0]
    when = f"2026110{1 + number % 9}0730{number % 60:02d}"
    visit = {1: "1", 2: "INPATIENT", 3: f"MRG5W^{number % 40:03d}^A^MERCY", 4: "E", 7: _DOCTOR}
    visit |= {8: _DOCTOR, 10: "MED", 17: _DOCTOR, 18: "IN", 19: f"VN{number:09d}^^^MERCY^VN"}
    kin = f"{who.street}^^ALDER FORK^WI^53099^US"
    plan = {
        1: "1",
        2: "101^PPO GOLD",
        3: "1001",
        4: "PAYER OF INVENTION",
        5: "PO BOX 7^^ALDER FORK^WI^53099",
        8: f"GRP{patient:05d}",
    }
    plan |= {12: "20260101", 13: "20261231", 16: who.name, 17: "SEL", 18: who.born}
    return message(
        _msh(number, "EPIC", "ADT^A01^ADT_A01", number),
        segment("EVN", {1: "A01", 2: when, 5: "RJONES^JONES^RITA^^^^^^MERCY"}),
        _pid(who),
        segment("PD1", {3: "MERCY PRIMARY CARE^^10101", 4: _DOCTOR}),
        segment(
            "NK1", {1: "1", 2: f"{family}^SPOUSE^Q", 3: "SPO^Spouse", 4: kin, 5: who.phone, 7: "EC"}
        ),
        segment(
            "NK1", {1: "2", 2: f"{family}^CHILD^Z", 3: "CHD^Child", 4: kin, 5: who.phone, 7: "NK"}
        ),
        segment("PV1", visit | {44: when}),
        segment("PV2", {3: "I21.9^Acute myocardial infarction^I10"}),
        *(_measured(at, test, patient) for at, test in enumerate(_MEASURED, 1)),
        segment("AL1", {1: "1", 2: "DA", 3: "5640^PENICILLINS^ELG", 4: "SV", 5: "HIVES"}),
        segment("DG1", {1: "1", 3: "I21.9^Acute myocardial infarction^I10", 5: when, 6: "A"}),
        segment("IN1", plan | {19: kin, 36: f"M{patient:08d}"}),
    )


def _measured(at: int, test: str, patient: int) -> str:
    value = str(50 + patient % 140)
    return segment(
        "OBX", {1: str(at), 2: "NM", 3: test, 5: value, 6: "cm", 11: "F", 14: "20261120"}
    )


def report_of(number: int, patient: int) -> bytes:
    chance, who = Random(number), _patient(patient)
    when = f"2026111{number % 9}0800{number % 60:02d}"
    order = {1: "1", 2: f"{number:08d}^EPC", 3: f"LR-{number:08d}^Beaker", 7: when, 16: _DOCTOR}
    order |= {4: "LAB17^METABOLIC PANEL^MERCYEAP^24323-8^Comprehensive panel^LN", 22: when, 25: "F"}
    results = [
        {1: str(at), 2: "NM", 3: f"{test}^LN", 5: f"{chance.uniform(1, 200):.1f}", 6: "mmol/L"}
        | {7: "3.5-5.1", 8: "N", 11: "F", 14: when}
        for at, test in enumerate(_TESTS, 1)
    ]
    return message(
        _msh(number, "Beaker", "ORU^R01^ORU_R01", 100_000 + number),
        _pid(who),
        segment("PV1", {1: "1", 2: "INPATIENT", 3: "MRG5W^512^A^MERCY", 7: _DOCTOR}),
        segment("OBR", order),
        *(segment("OBX", fields) for fields in results),
    )
