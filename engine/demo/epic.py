"""Mercy Regional Hospital: HL7 v2.5.1 in the conventions of Epic."""

from engine.demo.chart import Chart, Event
from engine.demo.hl7 import message, segment, spelled, stamp, text

SITE = "mercy"
_DOCTOR = "9800000117^RUNDQUIST^HELEN^M^^^MD^^NPI^^^^NPI"
_STRUCTURES = {"A08": "ADT_A01", "A03": "ADT_A03", "A40": "ADT_A39", "A31": "ADT_A05"}


def identifiers(chart: Chart) -> str:
    return f"{chart.other_id}^^^MERCY^MR~{chart.local_id}^^^EPI^EPI"


def render(chart: Chart, event: Event) -> bytes:
    """Write one event as Mercy would."""
    return message(_msh(event), _evn(event), _pid(chart, event), *_rest(chart, event))


def _msh(event: Event) -> str:
    trigger = event.trigger.partition("^")[2]
    structure = _STRUCTURES.get(trigger, event.trigger.replace("^", "_"))
    return segment(
        "MSH",
        {
            2: "^~\\&",
            3: "EPIC" if not event.result else "Beaker",
            4: "MERCY",
            5: "CONCORD",
            6: "NORTH",
            7: stamp(event.when),
            9: f"{event.trigger}^{structure}",
            10: event.control_id,
            11: "P",
            12: "2.5.1",
            15: "AL",
            16: "NE",
            18: "UNICODE UTF-8",
        },
    )


def _evn(event: Event) -> str:
    if event.result:
        return ""
    return segment("EVN", {1: event.trigger.partition("^")[2], 2: stamp(event.when)})


def _pid(chart: Chart, event: Event) -> str:
    known = chart.known
    phone = f"{spelled(known.phone)}^PRN^PH" if known.phone else ""
    family, given, where = text(known.family).upper(), text(known.given).upper(), known.address
    return segment(
        "PID",
        {
            1: "1",
            3: identifiers(chart),
            5: f"{family}^{given}^{known.middle}^{known.suffix}^^^L",
            7: f"{known.born:%Y%m%d}",
            8: known.sex,
            11: f"{where.street}^^{where.town}^WI^{where.zip_code}^US^P".upper(),
            13: '""' if event.clears_phone else phone,
            19: known.ssn and f"{known.ssn[:3]}-{known.ssn[3:5]}-{known.ssn[5:]}",
            24: "Y" if known.twin_order else "",
            25: str(known.twin_order or ""),
        },
    )


def _rest(chart: Chart, event: Event) -> list[str]:
    if event.merged:
        return [segment("MRG", {1: identifiers(event.merged)})]
    segments = [_pv1(event)] if event.visit else []
    if event.result:
        return [*segments, *_results(event)]
    if event.trigger == "ADT^A01":
        segments.append(segment("AL1", {1: "1", 2: "DA", 3: "5640^PENICILLINS^ELG", 5: "HIVES"}))
        segments.append(
            segment(
                "DG1", {1: "1", 3: "I50.23^Acute on chronic systolic heart failure^I10", 6: "A"}
            )
        )
        segments.append(
            segment(
                "IN1",
                {1: "1", 2: "101^MEDICARE PART A", 3: "1001", 4: "MEDICARE", 36: chart.other_id},
            )
        )
    return segments


def _pv1(event: Event) -> str:
    leaving = event.trigger == "ADT^A03"
    return segment(
        "PV1",
        {
            1: "1",
            2: "INPATIENT",
            3: "MRG5W^512^512-A^MERCY",
            7: _DOCTOR,
            19: event.visit,
            44: stamp(event.when) if event.trigger == "ADT^A01" else "",
            45: stamp(event.when) if leaving else "",
        },
    )


def _results(event: Event) -> list[str]:
    result = event.result
    if result is None:
        return []
    when = stamp(event.when)
    order = segment(
        "OBR",
        {
            1: "1",
            2: f"{result.order}^EPC",
            3: f"LR-{result.order}^Beaker",
            4: "LAB17^METABOLIC PANEL^MERCYEAP^24323-8^Comprehensive metabolic panel^LN",
            7: when,
            16: _DOCTOR,
            22: when,
            25: result.status,
        },
    )
    values = [
        segment(
            "OBX",
            {
                1: str(number),
                2: "NM",
                3: f"{code}^{name}^LN",
                5: value,
                6: unit,
                11: result.status,
                14: when,
            },
        )
        for number, (code, name, value, unit) in enumerate(result.values, 1)
    ]
    return [order, *values]
