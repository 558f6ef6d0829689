"""Each invariant of R4 that is enforced: a value that keeps it and one that breaks it."""

from typing import Any

import pytest

from engine.core.lexeme import Number
from engine.r4.invariants import RULES

Json = dict[str, Any]
ERROR = {"coding": [{"code": "entered-in-error"}]}
CODE = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}

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
