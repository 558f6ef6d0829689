"""Prints CPU microseconds per message from bytes to valid JSON. Run by hand: python FILE [FOLDER].

Each round maps a message whose control id, times and set ids differ, so that no memo of a whole
message can help; codes, people and places repeat as they do in real traffic.
"""

# ruff: noqa: E501, T201 - segments are long lines, and a script prints
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.core.lexeme import encode
from engine.core.values import Mapped
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import read_library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.r4.validate import validate

ROUNDS = 2000
SHARE = 200  # messages per round
_MAPPINGS = Path(__file__).parents[2] / "mappings"

ADT = "\r".join(
    [
        "MSH|^~\\&|EPIC|MERCY|CONCORD|NORTH|20260314{n:06d}||ADT^A01^ADT_A01|M{n}|P|2.5.1|||AL|NE",
        "EVN|A01|20260314{n:06d}|||REG^CLERK^ROBIN",
        (
            "PID|1||{n}^^^MERCYMRN^MR~E{n}^^^EPI^EPI||QUILL^TESS^AVA^JR^^^L||1980{m:02d}12|F|QUILL^TESSA"
            "|2106-3^White^CDCREC|12 ELM ST^APT {m}^SPRINGFIELD^IL^62701^USA^H^^SANGAMON"
            "||(555)555-01{m:02d}^PRN^PH~^NET^Internet^tess{n}@mail.example|(555)555-0199^WPN^PH"
            "|ENG^English|M^Married|CAT|A{n}^^^MERCYHAR^AN|666-12-{n:04d}|||N^Not Hispanic^CDCREC||N||||||N"
        ),
        "PD1|||MERCY CLINIC^^7788^^^MERCY^XX|1003^PATEL^ASHA^^^DR^MD^^NPI^L^^^NPI",
        "NK1|1|QUILL^PERCY^^^^^L|SPO^Spouse|12 ELM ST^^SPRINGFIELD^IL^62701|(555)555-0142",
        (
            "PV1|1|I|W4^412^B^MERCY^^^^^^^DEP44|E|||1001^OKORO^IFE^^^DR^MD^^NPI^L^^^NPI"
            "|1002^LIND^MAX^^^DR^MD^^NPI^L^^^NPI||MED||||7|||1001^OKORO^IFE^^^DR^MD^^NPI^L^^^NPI|IP"
            "|V{n}^^^MERCYCSN^VN|COM|||||||||||||||||||||||||20260314{n:06d}"
        ),
        "PV2|||R07.9^Chest pain^I10C",
        "AL1|1|DA|7980^Penicillin^RXNORM|SV|Hives|20010101",
        "AL1|2|FA|91935009^Peanut^SCT|MO|Rash",
        "DG1|1||R07.9^Chest pain^I10C||20260314|A",
        "DG1|2||I10^Hypertension^I10C||20260314|W",
        "GT1|1||QUILL^TESS",
        (
            "IN1|1|PPO1^Blue PPO|BC100|BLUE PLAN|1 PLAN WAY^^CHICAGO^IL^60601||(555)555-0177|GRP9|||"
            "|20260101|20261231||PPO|QUILL^TESS|SEL|19800112|12 ELM ST^^SPRINGFIELD^IL^62701|||||||||||||||||MEM{n}"
        ),
    ]
)
ORU_HEAD = "\r".join(
    [
        "MSH|^~\\&|BEAKER|MERCY|CONCORD|NORTH|20260314{n:06d}||ORU^R01^ORU_R01|L{n}|P|2.5.1",
        "PID|1||{n}^^^MERCYMRN^MR~E{n}^^^EPI^EPI||QUILL^TESS||19800112|F",
        "PV1|1|I|W4^412^B^MERCY|||||||||||||||||V{n}^^^MERCYCSN^VN",
        "ORC|RE|P{n}^EPC|F{n}^BEAKER||CM||||20260314|||1001^OKORO^IFE^^^DR^MD^^NPI",
        (
            "OBR|1|P{n}^EPC|F{n}^BEAKER|24323-8^CMP^LN|||20260314{n:06d}|||||||||1001^OKORO^IFE^^^DR^MD^^NPI"
            "||||||20260314{n:06d}||LAB|F"
        ),
    ]
)
SIU = "\r".join(
    [
        "MSH|^~\\&|ATHENANET|888120^Lakeside|CONCORD||20260314{n:06d}||SIU^S12|S{n}|P|2.3.1",
        (
            "SCH|{n}^ATH|{n}^ATH|||||CHECKUP^Check up|OFFICE^Office visit|30|MIN"
            "|^^30^20260401{m:02d}30^20260401{m:02d}50|||||9800000133^FENWICK^DORIAN"
        ),
        "PID|1||{n}^^^MERCYMRN^MR||QUILL^TESS^A||1980{m:02d}12|F|||12 ELM ST^^SPRINGFIELD^IL^62701",
        "PV1|1|O|W4^412^B^MERCY||||9800000133^FENWICK^DORIAN",
        "RGS|1",
        "AIS|1||CHK^Check up|20260401{m:02d}30|||30|MIN",
        "AIL|1||W4^412^B^MERCY",
        "AIP|1||9800000133^FENWICK^DORIAN|ATND",
    ]
)


def _results(count: int) -> str:
    """Return an ORU of so many results; each value comes back after ten messages."""
    results = (
        f"OBX|{k}|NM|{2000 + k}-{k}^Analyte {k}^LN||{{m}}.{k}|mmol/L^^UCUM|3.5-5.1|N|||F|||20260314{{n:06d}}"
        for k in range(1, count + 1)
    )
    return "\r".join([ORU_HEAD, *results])


def _timed(name: str, work: Callable[[int], object]) -> None:
    """Print the best of several rounds: other work on the machine counts as little as possible."""
    spent = []
    for first in range(0, ROUNDS, SHARE):
        start = time.process_time()
        for number in range(first, first + SHARE):
            work(number)
        spent.append(time.process_time() - start)
    print(f"{name:34} {min(spent) / SHARE * 1e6:8.1f} us")


def _bodies(template: str) -> list[bytes]:
    return [template.format(n=n, m=n % 10 + 10).encode() for n in range(ROUNDS)]


def _parse(bodies: list[bytes], number: int) -> object:
    return parse(bodies[number])


def _lane(plan: Plan, bodies: list[bytes], number: int) -> object:
    return plan.lane(parse(bodies[number]))


def _map(plan: Plan, bodies: list[bytes], number: int) -> Mapped:
    return plan.map(parse(bodies[number]), 0)


def _written(plan: Plan, bodies: list[bytes], number: int) -> object:
    made = _map(plan, bodies, number).contributions
    assert not any(validate(one.body, one.proven) for one in made)
    return [encode(one.body) for one in made]


def main() -> None:
    """Measure on the base and the US layer."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _MAPPINGS
    chain = tuple(name for name in ("base", "us") if (folder / name).is_dir())
    site = SiteProfile("mercy", "America/Chicago", chain, b"k" * 32)
    start = time.process_time()
    plan = compile_plan(read_library(folder), site)
    print(f"{'compile, ' + '+'.join(chain):34} {(time.process_time() - start) * 1e3:8.1f} ms")
    templates = {
        "ADT^A01": ADT,
        "ORU^R01, 10 OBX": _results(10),
        "ORU^R01, 28 OBX": _results(28),
        "SIU^S12": SIU,
    }
    for name, template in templates.items():
        bodies = _bodies(template)
        size = len(bodies[0])
        print(f"{name}, {size} bytes, {len(plan.map(parse(bodies[0]), 0).contributions)} resources")
        _timed("  parse", partial(_parse, bodies))
        _timed("  parse, lane", partial(_lane, plan, bodies))
        _timed("  parse, map", partial(_map, plan, bodies))
        _timed("  parse, map, validate, encode", partial(_written, plan, bodies))


if __name__ == "__main__":
    main()
