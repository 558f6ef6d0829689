"""Long messages to measure mapping with: an admission of 8.5 KB, a report of 10 KB with 28 results.

They are about the people of `tests/benchmark/traffic.py`; numbers, times and values differ.
"""

from random import Random

from engine.demo.hl7 import message, segment
from tests.benchmark.traffic import admission, report_of

_ORDER = ("MSH", "EVN", "PID", "PD1", "NK1", "PV1", "PV2", "OBX", "AL1", "DG1", "PR1", "GT1", "IN1")
_DOCTORS = [f"98000{n:05d}^FENWICK^DORIAN^{n}^^^MD^^NPI^^^^NPI" for n in range(40)]
_WORKPLACE = "ALDER FORK WORKS AND COMPANY OF INVENTION"
_LABORATORY = "ALDER FORK LABORATORY^L^^^^CLIA&2.16.840.1.113883.4.7&ISO^XX^^^52D0000000"
_DIRECTOR = "9800000133^FENWICK^DORIAN^R^^^MD^^NPI^L^^^NPI"


def long_admission(number: int, patient: int) -> bytes:
    """Return an ADT^A01 with many relatives, allergies, diagnoses, procedures and insurances."""
    lines = admission(number, patient).decode().rstrip("\r").split("\r")
    kin, allergy, insured = (_first(lines, name) for name in ("NK1", "AL1", "IN1"))
    home = kin.split("|")[4]
    lines += [_relative(kin, at, number) for at in range(3, 9)]
    lines += [_changed(allergy, {1: str(at), 3: f"{5600 + at}^Agent {at}"}) for at in range(2, 7)]
    lines += [_diagnosis(at, patient) for at in range(2, 15)]
    lines += [_procedure(at, number) for at in range(1, 11)]
    lines.append(segment("GT1", {1: "1", 3: f"GUARANTOR^{number}", 5: home, 11: "SEL"}))
    for at in range(2, 5):
        company = {2: f"{100 + at}^PLAN {at}", 4: f"PAYER OF INVENTION {at}", 36: f"M{number}{at}"}
        lines.append(_changed(insured, {1: str(at), **company}))
    return message(*sorted(lines, key=lambda line: _ORDER.index(line[:3])))


def _relative(kin: str, at: int, number: int) -> str:
    phones = f"(608)555-01{number % 100:02d}^PRN^PH~^NET^Internet^kin{at}.{number}@mail.example"
    work = {6: "(608)555-0177^WPN^PH", 8: "20200101", 13: f"{_WORKPLACE} {at}^L", 15: "F"}
    return _changed(kin, {1: str(at), 2: f"KIN{at}^{number}^Q^JR^DR^^L", 5: phones} | work)


def _diagnosis(at: int, patient: int) -> str:
    chance = Random(patient * 100 + at)
    code = f"E{chance.randrange(10, 90)}.9^Disorder of invention, not further specified^I10C"
    doctor, when = chance.choice(_DOCTORS), f"202610{at:02d}0812"
    fields = {1: str(at), 2: "I10C", 3: code, 4: "Disorder of invention", 5: when, 6: "W"}
    return segment("DG1", fields | {15: str(at), 16: doctor, 17: "C", 19: when})


def _procedure(at: int, number: int) -> str:
    code, when = f"{44950 + at}^Procedure of invention {at}^C4", f"202611{at:02d}1130"
    doctors = [_DOCTORS[(number + at * n) % len(_DOCTORS)] for n in (1, 2, 3)]
    fields = {1: str(at), 3: code, 4: f"Procedure of invention {at}, described", 5: when, 6: "D"}
    return segment("PR1", fields | {7: "45", 8: doctors[0], 11: doctors[1], 12: doctors[2]})


def long_report(number: int, patient: int) -> bytes:
    """Return an ORU^R01 with 28 results that name their laboratory and who answers for it."""
    head = report_of(number, patient).decode().split("OBX|")[0].rstrip("\r").split("\r")
    return message(*head, *(_result(at, number) for at in range(1, 29)))


def _result(at: int, number: int) -> str:
    when = f"2026111{number % 9}08{at // 10:02d}{number % 60:02d}"  # read by the analyser in turns
    fields = {1: str(at), 2: "NM", 3: f"{2000 + at}-{at % 10}^Analyte {at}^LN^A{at}^Local {at}^L"}
    fields |= {5: f"{Random(number * 100 + at).uniform(1, 200):.1f}", 6: "mmol/L^^UCUM"}
    fields |= {7: "3.5-5.1", 8: "N", 11: "F", 14: when, 16: _DOCTORS[number % 40], 19: when}
    address = "1 FORK ST^^ALDER FORK^WI^53099^US^B"
    return segment("OBX", fields | {23: _LABORATORY, 24: address, 25: _DIRECTOR})


def _first(lines: list[str], name: str) -> str:
    return next(line for line in lines if line.startswith(name))


def _changed(line: str, values: dict[int, str]) -> str:
    """Return a segment with other fields."""
    fields = line.split("|")
    for number, value in values.items():
        fields += [""] * (number + 1 - len(fields))
        fields[number] = value
    return "|".join(fields)
