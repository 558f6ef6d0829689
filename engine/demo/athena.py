"""Lakeside Family Practice: HL7 v2.3.1 in the conventions of athenahealth.

The patient's number stands in PID-4, PID-3 is empty, times have minutes.
"""

from engine.demo.chart import Chart, Event
from engine.demo.hl7 import message, minute, segment, spelled, text

SITE = "lakeside"
_DOCTOR = "9800000133^FENWICK^DORIAN"


def render(chart: Chart, event: Event) -> bytes:
    """Write one event as Lakeside would."""
    evn = segment("EVN", {1: event.trigger.partition("^")[2], 2: minute(event.when)})
    first = "" if event.result or event.trigger.startswith("SIU") else evn
    schedule = _sch(event) if event.trigger.startswith("SIU") else ""
    return message(_msh(event), first, schedule, _pid(chart, event), *_rest(event))


def _msh(event: Event) -> str:
    return segment(
        "MSH",
        {
            2: "^~\\&",
            3: "ATHENANET",
            4: "888120^Lakeside Family Practice",
            5: "CONCORD",
            7: minute(event.when),
            9: event.trigger,
            10: event.control_id,
            11: "P",
            12: "2.3.1",
        },
    )


def _pid(chart: Chart, event: Event) -> str:
    known = chart.known
    phone = f"{spelled(known.phone)}^PRN^PH" if known.phone else ""
    mail = f"~{known.mail}^NET^^{known.mail}" if known.mail else ""
    suffix = f"^{known.suffix}" if known.suffix else ""
    return segment(
        "PID",
        {
            2: f"{chart.other_id}^^^Enterprise ID",
            4: f"{chart.local_id}^^^Patient ID",
            5: f"{text(known.family)}^{text(known.given)}^{known.middle}{suffix}",
            7: f"{known.born:%Y%m%d}",
            8: known.sex,
            11: f"{known.address.street}^^{known.address.town}^WI^{known.address.zip_code}",
            13: '""' if event.clears_phone else phone + mail,
            19: known.ssn,
            24: "Y" if known.twin_order else "",
            25: str(known.twin_order or ""),
        },
    )


def _sch(event: Event) -> str:
    return segment(
        "SCH",
        {
            1: event.visit,
            2: event.visit,
            7: "22^ANNUAL PHYSICAL",
            9: "30",
            10: "minutes",
            11: f"^^^{minute(event.when)}",
            25: "f",
        },
    )


def _rest(event: Event) -> list[str]:
    if event.merged:
        return [segment("MRG", {1: f"{event.merged.local_id}^^^Patient ID"})]
    visit = segment("PV1", {3: "12^LAKESIDE MAIN", 7: _DOCTOR, 19: event.visit})
    if event.result:
        return [visit, *_results(event)]
    return [visit]


def _results(event: Event) -> list[str]:
    result = event.result
    if result is None:
        return []
    when = minute(event.when)
    order = {
        1: "1",
        2: result.order,
        3: f"LS-{result.order}",
        4: "GLYCO^HEMOGLOBIN A1C",
        7: when,
        16: _DOCTOR,
        22: when,
        25: result.status,
    }
    values = [
        segment(
            "OBX",
            {
                1: str(number),
                2: "NM",
                3: f"L{code}^{name}^L^{code}^{name}^LN",
                5: value,
                6: unit,
                11: result.status,
                14: when,
            },
        )
        for number, (code, name, value, unit) in enumerate(result.values, 1)
    ]
    return [segment("OBR", order), *values]
