"""Each invariant of R4 that is enforced: a value that keeps it and one that breaks it."""

from typing import Any

import pytest

from engine.core.lexeme import Number
from engine.r4.invariants import RULES

Json = dict[str, Any]
ERROR = {"coding": [{"code": "entered-in-error"}]}
CODE = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}

UCUM = "http://unitsofmeasure.org"
QUANTITIES = ("Age", "Count", "Distance", "Duration", "MoneyQuantity")
MARY = {"resource": {"resourceType": "Patient"}}

CASES: list[tuple[str, str, list[Json], list[Json]]] = [
    ("Attachment", "att-1", [{"data": "eA==", "contentType": "text/plain"}], [{"data": "eA=="}]),
    (
        "ContactPoint",
        "cpt-2",
        [{"system": "phone", "value": "555-0101"}, {"use": "home"}, {"value": "x", "_system": {}}],
        [{"value": "555-0101"}, {"_value": {}}],
    ),
    (
        "Extension",
        "ext-1",
        [{"url": "u", "valueCode": "x"}, {"url": "u", "extension": []}, {"_valueDate": {}}],
        [{"url": "u"}, {"url": "u", "valueCode": "x", "extension": []}],
    ),
    (
        "Period",
        "per-1",
        [
            {},
            {"start": "2024-02-01"},
            {"start": "2024-02-01", "end": "2024-02-01"},
            {"start": "2024-02-20", "end": "2024-02"},
            {"start": "2024-02-01T10:00:00+02:00", "end": "2024-02-01T09:00:00Z"},
            {"start": "2024-02-02T00:30:00+14:00", "end": "2024-02-01"},
            {"start": "2016-12-31T23:59:60Z", "end": "2017-01-01T00:00:00Z"},
            {"start": "2024-02-01T10:00:00.5Z", "end": "2024-02-01T10:00:00.25-01:00"},
        ],
        [
            {"start": "2024-02-02", "end": "2024-02-01"},
            {"start": "2024-03", "end": "2024-02-28"},
            {"start": "2025", "end": "2024-02-01T10:00:00Z"},
            {"start": "2024-02-01T10:00:00Z", "end": "2024-02-01T10:30:00+02:00"},
            {"start": "2017-01-01T00:00:00Z", "end": "2016-12-31T23:59:60Z"},
        ],
    ),
    ("Quantity", "qty-3", [{"code": "mg", "system": "u"}, {"unit": "mg"}], [{"code": "mg"}]),
    ("SimpleQuantity", "qty-3", [{"code": "mg", "system": "u"}], [{"code": "mg"}]),
    (
        "Range",
        "rng-2",
        [
            {"low": {"value": Number("9.9")}, "high": {"value": Number("10")}},
            {"low": {"value": 2}},
            {"low": {"value": 2, "unit": "g"}, "high": {"value": 1, "unit": "kg"}},
            {"low": {"unit": "g"}, "high": {"value": 1, "unit": "g"}},
        ],
        [{"low": {"value": Number("10")}, "high": {"value": Number("9.9")}}],
    ),
    (
        "Ratio",
        "rat-1",
        [{"numerator": {}, "denominator": {}}, {"extension": []}],
        [{"numerator": {}}, {"denominator": {}}, {}],
    ),
    *((t, "qty-3", [{"code": "mg", "system": "u"}], [{"code": "mg"}]) for t in QUANTITIES),
    (
        "Age",
        "age-1",
        [{"value": 3, "code": "a", "system": UCUM}, {"unit": "years"}, {"value": 1, "code": "a"}],
        [
            {"value": 3},
            {"value": 3, "code": "a", "system": "urn:x"},
            {"value": 0, "code": "a"},
            {"value": Number("-1"), "code": "a"},
        ],
    ),
    (
        "Count",
        "cnt-3",
        [{"value": 3, "code": "1", "system": UCUM}],
        [{"value": 3}, {"value": 3, "code": "g"}, {"value": Number("3.0"), "code": "1"}],
    ),
    ("Distance", "dis-1", [{"value": 3, "code": "m", "system": UCUM}], [{"value": 3}]),
    (
        "Duration",
        "drt-1",
        [{"value": 3, "code": "h", "system": UCUM}, {"value": 3}],
        [{"code": "h", "system": UCUM}, {"value": 3, "code": "h"}],
    ),
    (
        "MoneyQuantity",
        "mqty-1",
        [{"value": 3, "code": "USD", "system": "urn:iso:std:iso:4217"}],
        [{"value": 3}, {"value": 3, "code": "USD", "system": UCUM}],
    ),
    ("Timing.repeat", "tim-4", [{"duration": 0}, {}], [{"duration": Number("-0.1")}]),
    ("Timing.repeat", "tim-5", [{"period": 0}, {}], [{"period": -1}]),
    (
        "Timing.repeat",
        "tim-9",
        [{"offset": 5, "when": ["AC"]}, {"when": ["C"]}],
        [{"offset": 5}, {"offset": 5, "when": ["C"]}],
    ),
    ("Timing.repeat", "tim-1", [{"duration": 1, "durationUnit": "h"}], [{"duration": 1}]),
    ("Timing.repeat", "tim-2", [{"period": 1, "periodUnit": "h"}], [{"period": 1}]),
    ("Timing.repeat", "tim-6", [{"period": 1, "periodMax": 2}], [{"periodMax": 2}]),
    ("Timing.repeat", "tim-7", [{"duration": 1, "durationMax": 2}], [{"durationMax": 2}]),
    ("Timing.repeat", "tim-8", [{"count": 1, "countMax": 2}], [{"countMax": 2}]),
    (
        "Timing.repeat",
        "tim-10",
        [{"when": ["AC"]}, {"timeOfDay": ["08:00:00"]}],
        [{"when": ["AC"], "timeOfDay": ["08:00:00"]}],
    ),
    (
        "AllergyIntolerance",
        "ait-1",
        [{"clinicalStatus": {}}, {"verificationStatus": ERROR}],
        [{}, {"clinicalStatus": {}, "verificationStatus": ERROR}],
    ),
    ("Appointment", "app-2", [{"start": "x", "end": "y"}, {}], [{"start": "x"}]),
    (
        "Appointment",
        "app-3",
        [{"status": "proposed"}, {"status": "booked", "start": "x", "end": "y"}],
        [{"status": "booked"}],
    ),
    (
        "Appointment",
        "app-4",
        [{"status": "noshow", "cancelationReason": {}}, {"status": "booked"}],
        [{"status": "booked", "cancelationReason": {}}],
    ),
    ("Appointment.participant", "app-1", [{"actor": {}}, {"type": []}], [{"status": "accepted"}]),
    (
        "Bundle",
        "bdl-1",
        [{"type": "searchset", "total": 1}, {"type": "batch"}],
        [{"type": "batch", "total": 1}],
    ),
    (
        "Bundle",
        "bdl-2",
        [{"type": "searchset", "entry": [{"search": {}}]}, {"type": "batch", "entry": [{}]}],
        [{"type": "batch", "entry": [{}, {"search": {}}]}],
    ),
    (
        "Bundle",
        "bdl-3",
        [{"type": "batch", "entry": [{"request": {}}]}, {"type": "collection", "entry": [{}]}],
        [{"type": "batch", "entry": [{}]}, {"type": "collection", "entry": [{"request": {}}]}],
    ),
    (
        "Bundle",
        "bdl-4",
        [{"type": "batch-response", "entry": [{"response": {}}]}, {"type": "batch"}],
        [{"type": "batch-response", "entry": [{}]}, {"type": "batch", "entry": [{"response": 0}]}],
    ),
    (
        "Bundle",
        "bdl-7",
        [
            {"type": "batch", "entry": [{"fullUrl": "a"}, {"fullUrl": "b"}, {}, {}]},
            {"type": "history", "entry": [{"fullUrl": "a"}, {"fullUrl": "a"}]},
        ],
        [{"type": "batch", "entry": [{"fullUrl": "a"}, {"fullUrl": "a"}]}],
    ),
    (
        "Bundle",
        "bdl-9",
        [
            {"type": "document", "identifier": {"system": "s", "value": "v"}, "timestamp": "t"},
            {"type": "batch"},
        ],
        [
            {"type": "document", "identifier": {"system": "s", "value": "v"}},
            {"type": "document", "identifier": {"system": "s"}, "timestamp": "t"},
            {"type": "document", "timestamp": "t"},
        ],
    ),
    (
        "Bundle",
        "bdl-11",
        [
            {"type": "document", "entry": [{"resource": {"resourceType": "Composition"}}, MARY]},
            {"type": "batch", "entry": [MARY]},
        ],
        [{"type": "document", "entry": [MARY]}, {"type": "document"}],
    ),
    (
        "Bundle",
        "bdl-12",
        [{"type": "message", "entry": [{"resource": {"resourceType": "MessageHeader"}}]}],
        [{"type": "message", "entry": [MARY]}, {"type": "message", "entry": [{}]}],
    ),
    ("Bundle.entry", "bdl-5", [{"resource": {}}, {"request": {}}], [{"fullUrl": "u"}]),
    (
        "Bundle.entry",
        "bdl-8",
        [{"fullUrl": "http://x.example/Patient/1"}, {}],
        [{"fullUrl": "http://x.example/Patient/1/_history/1"}],
    ),
    (
        "Condition",
        "con-4",
        [
            {"abatementString": "x", "clinicalStatus": {"coding": [{"code": "resolved"}]}},
            {"clinicalStatus": {"coding": [{"code": "active"}]}},
        ],
        [
            {"abatementAge": {}},
            {"abatementString": "x", "clinicalStatus": {"coding": [{"code": "active"}]}},
        ],
    ),
    (
        "Condition",
        "con-5",
        [{"clinicalStatus": {}}, {"verificationStatus": ERROR}],
        [{"clinicalStatus": {}, "verificationStatus": ERROR}],
    ),
    ("Condition.evidence", "con-2", [{"code": []}, {"detail": []}], [{"id": "x"}]),
    ("Condition.stage", "con-1", [{"summary": {}}, {"assessment": []}], [{"type": {}}]),
    ("Immunization.education", "imm-1", [{"reference": "u"}], [{"publicationDate": "2024"}]),
    (
        "Observation",
        "obs-6",
        [{"dataAbsentReason": {}}, {"valueString": "x"}],
        [{"dataAbsentReason": {}, "valueString": "x"}, {"dataAbsentReason": {}, "_valueTime": {}}],
    ),
    (
        "Observation",
        "obs-7",
        [
            {"code": CODE, "valueString": "x"},
            {"code": CODE, "component": [{"code": CODE}]},
            {"code": CODE, "valueString": "x", "component": [{"code": {"text": "other"}}]},
        ],
        [{"code": CODE, "valueString": "x", "component": [{"code": CODE}]}],
    ),
    ("Observation.referenceRange", "obs-3", [{"low": {}}, {"text": "x"}], [{"type": {}}]),
    ("Patient.contact", "pat-1", [{"name": {}}, {"organization": {}}], [{"gender": "male"}]),
]


@pytest.mark.parametrize(("place", "key", "kept", "broken"), CASES)
def test_rule(place: str, key: str, kept: list[Json], broken: list[Json]) -> None:
    rule = RULES[place][key]
    assert [value for value in kept if not rule(value)] == []
    assert [value for value in broken if rule(value)] == []


def test_every_rule_is_tried() -> None:
    tried = {(place, key) for place, key, _, _ in CASES}
    assert tried == {(place, key) for place, rules in RULES.items() for key in rules}
