"""Properties of the R4 validator: total, silent about values, and agreed with the tables."""

import base64
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.lexeme import Number
from engine.r4 import elements
from engine.r4.invariants import RULES
from engine.r4.primitives import CHECKS
from engine.r4.problem import Scope
from engine.r4.validate import validate

Json = dict[str, Any]
PLANTED = "Zebediah"  # stands for a patient's data: may appear nowhere in an issue

TYPES = ("Patient", "Observation", "Encounter", "Bundle", "AllergyIntolerance", "Questionnaire")
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([Number("1.0"), 10**1200, Decimal("-1e99999")])
    | st.sampled_from(["", " ", "#x", "Patient/1", "2024-02-30", "final", PLANTED, f"{PLANTED}/1"])
    | st.text(max_size=8)
)


def _names() -> st.SearchStrategy[str]:
    known = sorted(
        {n for t in TYPES for n in elements.children(t)} | {"low", "high", "value", "coding"}
    )
    return st.sampled_from([*known, *(f"_{n}" for n in known), "resourceType", f"{PLANTED} Q"])


values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names(), inner, max_size=5),
    max_leaves=25,
)


@relaxed
@given(st.sampled_from(TYPES), st.dictionaries(_names(), values, max_size=8))
def test_any_content_gets_a_verdict_without_its_values(type_name: str, content: Json) -> None:
    for issue in validate({**content, "resourceType": type_name}):
        assert issue.code
        assert issue.path.startswith(type_name)
        assert PLANTED not in issue.path + issue.message


@relaxed
@given(values)
def test_anything_gets_a_verdict(value: Any) -> None:
    assert all(issue.code for issue in validate(value))


# A generator of valid resources that reads the tables, not the validator. Types under an invariant
# are always written the same, and backbones under one are left out.
SAMPLES: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, -(2**31), 2**31 - 1, Number("7")],
    "positiveInt": [1, 2**31 - 1],
    "unsignedInt": [0, 5],
    "decimal": [0, -1.5, Decimal("1.50"), Number("13.10")],
    "string": ["x", "a b\tc", "ß\u00a0é", "0"],
    "markdown": ["*x*\n"],
    "code": ["a", "a b", "final-1"],
    "id": ["A-1.b", "0" * 64],
    "uri": ["urn:oid:2.999.1", "http://x.example/a"],
    "url": ["http://x.example/a"],
    "canonical": ["http://x.example/a|1"],
    "oid": ["urn:oid:2.999.1"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "date": ["2024", "2024-02", "2024-02-29"],
    "dateTime": ["2024", "2024-02-29", "2024-02-29T10:00:00.5-05:00"],
    "instant": ["2024-02-29T10:00:00Z"],
    "time": ["23:59:59"],
    "base64Binary": [base64.b64encode(b"x" * n).decode() for n in range(1, 4)],
    "xhtml": ["<div>x</div>"],
    "Extension": [{"url": "http://x.example/e", "valueCode": "x"}],
    "Period": [{"start": "2024", "end": "2025-01"}],
    "ContactPoint": [{"system": "phone", "value": "555-0101"}],
    "Quantity": [{"value": 1}],
    "SimpleQuantity": [{"value": 1}],
    "Age": [{"value": 3, "code": "a"}],
    "Count": [{"value": 3, "code": "1"}],
    "Distance": [{"value": 3, "code": "m"}],
    "Duration": [{"value": 3}],
    "Range": [{"low": {"value": 1}}],
    "Ratio": [{"numerator": {"value": 1}, "denominator": {"value": 2}}],
    "Attachment": [{"title": "x"}],
    "Timing": [{"code": {"text": "x"}}],
    "Element": [{"extension": [{"url": "http://x.example/e", "valueCode": "x"}]}],
}
BUILT = ("Patient", "Encounter", "Coverage", "ServiceRequest", "Immunization", "DiagnosticReport")


def _one(pick: Random, element: elements.Element, depth: int) -> Any:
    name = element.profile or element.types[0]
    if element.binding is not None and name == "CodeableConcept":
        system, code = pick.choice(sorted(elements.members(element.value_set) or ()))
        return {"coding": [{"system": system, "code": code}]}
    if element.binding is not None:
        return pick.choice(sorted(element.binding))
    if name == "Reference":
        target = pick.choice(element.targets or ("Patient",)).replace("Resource", "Patient")
        return {"reference": f"{target}/1"}
    if name in SAMPLES:
        return pick.choice(SAMPLES[name])
    return _object(pick, element.path if name == "BackboneElement" else name, depth + 1)


def _object(pick: Random, path: str, depth: int = 0) -> Json:
    known = [e for e in elements.children(path).values() if e.types and e.path not in RULES]
    chosen = [e for e in known if e.types != ("Resource",)]
    pick.shuffle(chosen)
    built: Json = {}
    groups: set[str] = set()
    for element in chosen:
        wanted = element.min or (depth < 3 and pick.random() < 0.3)
        if wanted and element.group not in groups:
            groups |= {element.group} - {""}
            value = _one(pick, element, depth)
            built[element.name] = [value] if element.repeats else value
    if not built or built.keys() == {"id"}:
        built["extension"] = SAMPLES["Extension"]
    return built


@relaxed
@given(st.sampled_from(BUILT), st.randoms(use_true_random=False))
def test_what_the_tables_allow_is_valid(type_name: str, pick: Random) -> None:
    assert validate({"resourceType": type_name, **_object(pick, type_name)}) == []


@given(st.integers(1, 9999), st.integers(0, 13), st.integers(0, 32))
def test_days_are_those_of_the_calendar(year: int, month: int, day: int) -> None:
    written = f"{year:04d}-{month:02d}-{day:02d}"
    try:
        real = date.fromisoformat(written) is not None
    except ValueError:
        real = False
    assert (CHECKS["date"](written, Scope()) is None) == real
    assert (CHECKS["dateTime"](written, Scope()) is None) == real


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.sampled_from([4, 7, 10]),
    st.sampled_from([4, 7, 10]),
)
def test_a_period_in_order_is_never_refused(
    one: datetime, other: datetime, first: int, second: int
) -> None:
    start, end = sorted([one.isoformat(), other.isoformat()])
    assert RULES["Period"]["per-1"]({"start": start[:first], "end": end[:second]})
