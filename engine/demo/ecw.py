"""Hilltop Primary Care: HL7 v2.3 in the conventions of eClinicalWorks.

The account number stands in PID-2, words stand for codes, numbers come as text, some messages have
no control id.
"""

from engine.demo.chart import Chart, Event
from engine.demo.hl7 import message, segment, stamp, text

SITE = "hilltop"
_DOCTOR = "DRV1^Vasquez-Lindt, Perpetua R"


def render(chart: Chart, event: Event) -> bytes:
    """Write one event as Hilltop would."""
    evn = segment("EVN", {1: event.trigger.partition("^")[2], 2: stamp(event.when)})
    return message(_msh(event), "" if event.result else evn, _pid(chart, event), *_rest(event))


def _msh(event: Event) -> str:
    return segment(
        "MSH",
        {
            2: "^~\\&",
            3: "ECW",
            4: "HILLTOP",
            5: "CONCORD",
            6: "NORTH",
            7: stamp(event.when),
            9: event.trigger,
            10: event.control_id,
            11: "P",
            12: "2.3",
        },
    )


def _pid(chart: Chart, event: Event) -> str:
    known = chart.known
    family = f"{known.family} {known.suffix}" if known.suffix else known.family
    return segment(
        "PID",
        {
            1: "1",
            2: chart.local_id,
            4: chart.other_id,
            5: f"{text(family)}^{text(known.given)}^{known.middle}",
            7: f"{known.born:%Y%m%d}",
            8: "Female" if known.sex == "F" else "Male",
            11: f"{known.address.street}^^{known.address.town}^WI^{known.address.zip_code}",
            13: '""' if event.clears_phone else known.phone,
            19: known.ssn,
            24: "Y" if known.twin_order else "",
            25: str(known.twin_order or ""),
        },
    )


def _rest(event: Event) -> list[str]:
    if event.merged:
        return [segment("MRG", {1: event.merged.local_id})]
    visit = segment("PV1", {1: "1", 3: "HILLTOP MAIN", 7: _DOCTOR, 19: event.visit})
    if event.result is None:
        return [visit]
    result = event.result
    order = {1: "1", 2: result.order, 3: result.order, 4: "LIPID^Lipid Panel"}
    order |= {7: f"{event.when:%Y%m%d}", 16: _DOCTOR, 25: result.status}
    values = [
        segment(
            "OBX",
            {1: str(number), 2: "TX", 3: f"{code}^{name}", 5: value, 6: unit, 11: result.status},
        )
        for number, (code, name, value, unit) in enumerate(result.values, 1)
    ]
    return [visit, segment("OBR", order), *values]
