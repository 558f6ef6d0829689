"""The invariants of R4 worth their time, as plain functions instead of FHIRPath.

Each is keyed as in the definitions (`per-1`, `obs-6`) and written for a value whose elements were
found well-formed before. Chosen: ext-1, those of datatypes every feed uses, those of Bundle, and
those of the resources Concord writes. Elsewhere: ele-1 (`engine.r4.objects`), ref-1 and dom-2 to
dom-5 (`engine.r4.contained`). Left out: dom-6 and con-3 (warnings), txt-1 and txt-2 (narrative is
not parsed), and the invariants of definitional resources.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

UCUM = "http://unitsofmeasure.org"

Json = dict[str, Any]
Rule = Callable[[Json], bool]  # True when the invariant holds


def _has(value: Json, *names: str) -> bool:
    """Whether one of the elements is there, be it only as an extension of a primitive."""
    return any(name in value or f"_{name}" in value for name in names)


def _form(value: Json, prefix: str) -> bool:
    """Whether a choice is present in any form: `value` finds `valueQuantity`."""
    size = len(prefix)
    for key in value:
        name = key[1:] if key[0] == "_" else key
        if name.startswith(prefix) and name[size].isupper():
            return True
    return False


_leap_second = re.compile(r":60(?:\.[0-9]+)?")


def _moment(written: str) -> datetime:
    """A valid dateTime with a time. Python has no second 60; the last microsecond stands for it."""
    return datetime.fromisoformat(_leap_second.sub(":59.999999", written))


def _ordered(start: str, end: str) -> bool:
    """Whether start <= end as far as both say; what is written less exactly cannot contradict."""
    if "T" in start and "T" in end:
        return _moment(start) <= _moment(end)
    # a day has no zone and a time has, so the two compare by month only
    size = min(len(start), len(end)) if "T" not in start + end else 7
    size = min(size, len(start), len(end))
    return start[:size] <= end[:size]


def _period(value: Json) -> bool:
    start, end = value.get("start"), value.get("end")
    return start is None or end is None or _ordered(start, end)


def _amount(quantity: Json) -> Decimal | None:
    written = quantity.get("value")
    return None if written is None else _number(written)


def _number(written: Any) -> Decimal:
    """Exact for what was written exactly; a float by its shortest text."""
    return Decimal(str(written)) if type(written) is float else Decimal(written)


def _range(value: Json) -> bool:
    low, high = value.get("low"), value.get("high")
    if low is None or high is None or low.get("unit") != high.get("unit"):
        return True
    least, most = _amount(low), _amount(high)
    return least is None or most is None or least <= most


def _ratio(value: Json) -> bool:
    both = ("numerator" in value) == ("denominator" in value)
    return both and ("numerator" in value or "extension" in value)


def _coded(concept: Json | None, *codes: str) -> bool:
    return concept is not None and any(c.get("code") in codes for c in concept.get("coding", ()))


def _codings(concept: Json) -> set[tuple[str | None, str | None]]:
    return {(c.get("system"), c.get("code")) for c in concept.get("coding", ())}


def _positive(value: Json) -> bool:
    amount = _amount(value)
    return amount is None or amount > 0


def _not_negative(name: str) -> Rule:
    return lambda value: name not in value or _number(value[name]) >= 0


def _counted(value: Json) -> bool:
    return value.get("code", "1") == "1" and "." not in str(value.get("value", ""))


def _in_units_of(system: str) -> Rule:
    """A value has a code, and a system is this one."""
    return lambda value: (
        (_has(value, "code") or not _has(value, "value")) and value.get("system", system) == system
    )


def _duration(value: Json) -> bool:
    return "code" not in value or (value.get("system") == UCUM and _has(value, "value"))


def _event_offset(value: Json) -> bool:
    """tim-9: an offset needs an event, and a meal itself is none to be off from."""
    return not _has(value, "offset") or (
        _has(value, "when") and not {"C", "CM", "CD", "CV"} & set(value.get("when", ()))
    )


def _each(name: str, *types: str) -> Rule:
    """Every entry of a Bundle has the element exactly when the Bundle is of these types."""
    return lambda value: all(
        (name in entry) == (value.get("type") in types) for entry in value.get("entry", ())
    )


def _distinct(value: Json) -> bool:
    entries = [entry for entry in value.get("entry", ()) if "fullUrl" in entry]
    versions = [
        (entry["fullUrl"], entry.get("resource", {}).get("meta", {}).get("versionId"))
        for entry in entries
    ]
    return value.get("type") == "history" or len(set(versions)) == len(versions)


def _opens_with(bundle_type: str, resource_type: str) -> Rule:
    def rule(value: Json) -> bool:
        if value.get("type") != bundle_type:
            return True
        first: Json = next(iter(value.get("entry", ())), {})
        return bool(first.get("resource", {}).get("resourceType") == resource_type)

    return rule


def _document(value: Json) -> bool:
    """bdl-9, bdl-10: a document has an identifier and a time."""
    named = value.get("identifier", {})
    return value.get("type") != "document" or (
        _has(named, "system") and _has(named, "value") and _has(value, "timestamp")
    )


def _component_values(value: Json) -> bool:
    """obs-7: a component with the code of the observation takes the place of its value."""
    if "component" not in value or not _form(value, "value"):
        return True
    own = _codings(value["code"]) if "code" in value else set()
    return not any(own & _codings(c["code"]) for c in value["component"] if "code" in c)


def _clinical_status(value: Json) -> bool:
    """ait-1, ait-2: a clinical status, unless entered in error."""
    return ("clinicalStatus" in value) != _coded(
        value.get("verificationStatus"), "entered-in-error"
    )


def _abatement(value: Json) -> bool:
    return not _form(value, "abatement") or _coded(
        value.get("clinicalStatus"), "resolved", "remission", "inactive"
    )


def _scheduled(value: Json) -> bool:
    waiting = value.get("status") in {"proposed", "cancelled", "waitlist"}
    return waiting or (_has(value, "start") and _has(value, "end"))


def _names(*elements: str) -> frozenset[str]:
    return frozenset(form for name in elements for form in (name, f"_{name}"))


def _needs(name: str, *wanted: str) -> Rule:
    """When `name` is there, one of `wanted` has to be, too."""
    trigger, satisfying = _names(name), _names(*wanted)
    return lambda value: trigger.isdisjoint(value) or not satisfying.isdisjoint(value)


def _either(*names: str) -> Rule:
    satisfying = _names(*names)
    return lambda value: not satisfying.isdisjoint(value)


# Where the rule holds: a datatype, a resource or a backbone path. Key, rule.
_in_ucum = _in_units_of(UCUM)
_QTY_3 = _needs("code", "system")

RULES: dict[str, dict[str, Rule]] = {
    "Age": {"qty-3": _QTY_3, "age-1": lambda value: _in_ucum(value) and _positive(value)},
    "Count": {"qty-3": _QTY_3, "cnt-3": lambda value: _in_ucum(value) and _counted(value)},
    "Distance": {"qty-3": _QTY_3, "dis-1": _in_ucum},
    "Duration": {"qty-3": _QTY_3, "drt-1": _duration},
    "MoneyQuantity": {"qty-3": _QTY_3, "mqty-1": _in_units_of("urn:iso:std:iso:4217")},
    "Attachment": {"att-1": _needs("data", "contentType")},
    "ContactPoint": {"cpt-2": _needs("value", "system")},
    "Extension": {"ext-1": lambda value: ("extension" in value) != _form(value, "value")},
    "Period": {"per-1": _period},
    "Quantity": {"qty-3": _QTY_3},
    "SimpleQuantity": {"qty-3": _QTY_3},
    "Range": {"rng-2": _range},
    "Ratio": {"rat-1": _ratio},
    "Timing.repeat": {
        "tim-1": _needs("duration", "durationUnit"),
        "tim-2": _needs("period", "periodUnit"),
        "tim-4": _not_negative("duration"),
        "tim-5": _not_negative("period"),
        "tim-6": _needs("periodMax", "period"),
        "tim-7": _needs("durationMax", "duration"),
        "tim-8": _needs("countMax", "count"),
        "tim-9": _event_offset,
        "tim-10": lambda value: not (_has(value, "timeOfDay") and _has(value, "when")),
    },
    "AllergyIntolerance": {"ait-1": _clinical_status},
    "Appointment": {
        "app-2": lambda value: _has(value, "start") == _has(value, "end"),
        "app-3": _scheduled,
        "app-4": lambda value: (
            not _has(value, "cancelationReason") or value.get("status") in {"noshow", "cancelled"}
        ),
    },
    "Appointment.participant": {"app-1": _either("type", "actor")},
    "Bundle": {
        "bdl-1": lambda value: (
            not _has(value, "total") or value.get("type") in {"searchset", "history"}
        ),
        "bdl-2": lambda value: (
            value.get("type") == "searchset"
            or not any("search" in entry for entry in value.get("entry", ()))
        ),
        "bdl-3": _each("request", "batch", "transaction", "history"),
        "bdl-4": _each("response", "batch-response", "transaction-response", "history"),
        "bdl-7": _distinct,
        "bdl-9": _document,
        "bdl-11": _opens_with("document", "Composition"),
        "bdl-12": _opens_with("message", "MessageHeader"),
    },
    "Bundle.entry": {
        "bdl-5": _either("resource", "request", "response"),
        "bdl-8": lambda value: "/_history/" not in value.get("fullUrl", ""),
    },
    "Condition": {
        "con-4": _abatement,
        "con-5": lambda value: (
            not (
                "clinicalStatus" in value
                and _coded(value.get("verificationStatus"), "entered-in-error")
            )
        ),
    },
    "Condition.evidence": {"con-2": _either("code", "detail")},
    "Condition.stage": {"con-1": _either("summary", "assessment")},
    "Immunization.education": {"imm-1": _either("documentType", "reference")},
    "Observation": {
        "obs-6": lambda value: not (_has(value, "dataAbsentReason") and _form(value, "value")),
        "obs-7": _component_values,
    },
    "Observation.referenceRange": {"obs-3": _either("low", "high", "text")},
    "Patient.contact": {"pat-1": _either("name", "telecom", "address", "organization")},
}
