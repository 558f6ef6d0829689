"""What a message says of the parts of an element, and what it does not speak of."""

from typing import Any

import pytest

from engine.core.values import Contribution, Parts
from engine.formats.hl7v2.parse import parse
from engine.mapping.library import Library
from engine.mapping.plan import Plan, compile_plan
from engine.mapping.site import SiteProfile
from engine.mapping.twice import merged

BASE = """map: v1
kind: message
structure: ADT_A01
triggers: [ADT^A01]
make:
  - Patient: {map: PID-Patient, from: PID}
  - Encounter: {map: PV1-Encounter, from: PV1}
---
map: v1
kind: message
structure: ADT_A03
triggers: [ADT^A03]
make:
  - Patient: {map: PID-Patient, from: PID, weak: true}
---
map: v1
kind: resource
from: PID
to: Patient
Patient:
  identifier:
    - {label: mrn, each: PID-3, if: $5 = "MR"}
    - {label: epi, from: 'PID-3[$5 = "EPI"]'}
    - {label: other, when: PID-8 = "M", from: 'PID-2[$5 = "X"]'}
    - PID-4
    - {label: kept, from: PID-18, on_null: keep}
  name: PID-5
  address: [{label: home, from: PID-11}]
  telecom:
    - {label: home, from: PID-13}
    - {label: home, from: PID-14}
    - {label: fixed, when: PID-8 = "N", set: {value: "=none"}}
    - {label: mail, from: PID-40, default: {value: PID-1}}
  extension:
    - {label: born, ext: "urn:born", valueString: PID-23}
    - {label: lost, ext: "urn:lost", valueString: PID-6.1}
---
map: v1
kind: resource
from: PV1
to: Encounter
key: [PV1-19]
Encounter:
  status: "=finished"
  class: "=AMB"
  period: {start: PV1-44, end: PV1-45, when: PV1-2 = "I"}
  length: {value: PV1-4.1, unit: "=days"}
  hospitalization: {admitSource: PV1-14, dietPreference: [PV1-38]}
  location:
    - {label: now, when: PV1-3 valued, set: {location: {ref: {Location: PV1-3}}}}
    - {label: before, when: PV1-6 valued, set: {location: {ref: {Location: PV1-6}}}}
---
map: v1
kind: identity
patient:
  - {label: MR, from: PID-1}
"""
SITE = """map: v1
kind: overlay
change:
  PID-Patient: {name: [{label: legal, from: PID-5}, {label: alias, from: PID-9}]}
"""


def plan_of(*texts: str) -> Plan:
    files = tuple((f"layer{n}/a.yaml", text) for n, text in enumerate(texts))
    chain = tuple(f"layer{n}" for n in range(len(texts)))
    return compile_plan(Library(files), SiteProfile("mercy", "America/Chicago", chain, b"k" * 32))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(BASE)


def segment(name: str, fields: dict[int, str]) -> str:
    return "|".join([name, *(fields.get(n, "") for n in range(1, max(fields) + 1))])


def made(plan: Plan, kind: str, fields: dict[int, str], trigger: str = "A01") -> Contribution:
    name = "PID" if kind == "Patient" else "PV1"
    given = {"PID": {1: "1"}, "PV1": {19: "9"}}
    given[name] |= fields
    head = f"MSH|^~\\&|A|B|C|D|20261005||ADT^{trigger}|1|P|2.5.1"
    text = "\r".join([head, *(segment(*pair) for pair in given.items())])
    mapped = plan.map(parse(text.encode()), 0)
    return next(one for one in mapped.contributions if one.type == kind)


def said(plan: Plan, name: str, fields: dict[int, str], kind: str = "Patient") -> dict[str, Any]:
    """Return which parts were said, with how many items or what member."""
    told = made(plan, kind, fields).parts.get(name)
    found = told.said if told else {}
    return {n: len(value) if isinstance(value, list) else value for n, value in found.items()}


def test_only_populated_fields_speak(plan: Plan) -> None:
    assert said(plan, "identifier", {3: "1^^^^MR~2^^^^EPI~3^^^^EPI"}) == {"mrn": 1, "epi": 2}
    assert said(plan, "identifier", {4: "7"}) == {"4": 1}
    assert said(plan, "identifier", {2: ""}) == {}
    assert made(plan, "Patient", {4: "7"}).parts["identifier"].labels == (
        "mrn",
        "epi",
        "other",
        "4",
        "kept",
    )


def test_repetitions_that_are_not_sent_are_gone(plan: Plan) -> None:
    assert said(plan, "identifier", {3: "1^^^^MR"}) == {"mrn": 1, "epi": None}
    assert said(plan, "identifier", {3: "2^^^^EPI"}) == {"mrn": None, "epi": 1}


def test_a_rule_that_does_not_apply_says_nothing(plan: Plan) -> None:
    assert said(plan, "identifier", {2: "5^^^^Y", 8: "F"}) == {}
    assert said(plan, "identifier", {2: "5^^^^Y", 8: "M"}) == {"other": None}


def test_a_null_empties_its_part(plan: Plan) -> None:
    assert said(plan, "identifier", {3: '""', 4: "7"}) == {"mrn": None, "epi": None, "4": 1}
    assert made(plan, "Patient", {3: '""', 4: "7"}).clears == ()
    assert said(plan, "extension", {23: "Bay", 6: '""'}) == {"born": 1, "lost": None}
    assert said(plan, "identifier", {18: '""'}) == {}


def test_rules_of_one_label_are_one_part(plan: Plan) -> None:
    phone = "^PRN^PH^^^608^5550121"
    assert said(plan, "telecom", {13: phone, 14: "^WPN^PH^^^608^5550122"})["home"] == 2
    assert said(plan, "telecom", {13: phone, 14: phone})["home"] == 1
    assert said(plan, "telecom", {13: phone, 14: '""'})["home"] == 1


def test_a_default_is_weak_in_its_part_only(plan: Plan) -> None:
    told = made(plan, "Patient", {13: "^PRN^PH^^^608^5550121"})
    assert told.weak == {"telecom/mail"}
    assert told.parts["telecom"].said["mail"] == [{"value": "1"}]


def test_an_element_of_one_rule_has_no_parts(plan: Plan) -> None:
    told = made(plan, "Patient", {5: "Quist^Roz", 11: "1 Heron Rd^^Marlow Bay"})
    assert not {"name", "address"} & told.parts.keys()
    assert {"name", "address"} < told.body.keys()
    parted = made(plan_of(BASE, SITE), "Patient", {5: "Quist^Roz"})
    assert parted.parts["name"].labels == ("legal", "alias")


def test_a_resource_that_only_identifies_empties_nothing(plan: Plan) -> None:
    told = made(plan, "Patient", {3: "1^^^^MR", 4: '""'}, "A03")
    assert told.parts["identifier"].said == {"mrn": told.body["identifier"]}
    assert "identifier" in told.weak


def test_members_of_a_period_are_parts_and_those_of_a_quantity_are_not(plan: Plan) -> None:
    assert said(plan, "period", {2: "I", 45: "20261005"}, "Encounter") == {"end": "2026-10-05"}
    assert said(plan, "period", {2: "I", 44: '""'}, "Encounter") == {"start": None}
    assert said(plan, "period", {2: "O", 44: '""'}, "Encounter") == {}
    assert said(plan, "period", {2: "I", 44: "20261009", 45: "20261005"}, "Encounter") == {
        "start": "2026-10-09"
    }
    assert said(plan, "length", {4: "3"}, "Encounter") == {}
    assert list(said(plan, "hospitalization", {14: "7", 38: "L"}, "Encounter")) == [
        "admitSource",
        "dietPreference",
    ]


def test_traced_and_remembered_plans_say_the_same(plan: Plan) -> None:
    fields = {3: "1^^^^MR", 4: '""', 13: "^PRN^PH^^^608^5550121"}
    first, again = made(plan, "Patient", fields), made(plan, "Patient", fields)
    assert first == again
    assert first.parts == again.parts


def statement(said: dict[str, Any], body: Any = None, **options: Any) -> Contribution:
    whole = body or [item for items in said.values() for item in items or ()]
    elements = {"identifier": whole} if whole else {}
    parts = {"identifier": Parts(("a", "b"), said)} if said else {}
    return Contribution("Patient", "p", elements, "p", "merge", **options, parts=parts)


WEAK = frozenset({"identifier"})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (statement({"a": [1]}), statement({"b": [2]}), {"a": [1], "b": [2]}),
        (statement({"a": [1]}), statement({"a": [2]}), {"a": [2]}),
        (statement({"a": [1]}), statement({"a": None}), {"a": [1]}),
        (statement({"a": None}), statement({"b": None}), {"a": None, "b": None}),
        (statement({"a": [1]}), statement({"a": [2], "b": [3]}, weak=WEAK), {"a": [1], "b": [3]}),
        (statement({"a": [1]}), statement({}, [9]), None),
        (statement({"a": [1]}), statement({}, [9], weak=WEAK), {"a": [1]}),
        (statement({}, [9]), statement({"a": [1]}), {"a": [1]}),
        (statement({"a": [1]}), statement({}), {"a": [1]}),
    ],
)
def test_two_statements_of_a_message_join_part_by_part(
    old: Contribution, new: Contribution, expected: dict[str, Any] | None
) -> None:
    found = merged(old, new)
    assert (found.parts["identifier"].said if found.parts else None) == expected
    items = [item for value in (expected or {"": [9]}).values() for item in value or ()]
    assert found.body.get("identifier", []) == items
    assert all(name.startswith("identifier/") for name in found.weak)


def test_joined_elements_stand_in_the_order_of_the_earlier_statement() -> None:
    names = ("identifier", "name", "telecom", "address", "contact", "extension", "communication")
    parts = {name: Parts(("a",), {"a": [1]}) for name in names}
    body = {name: [1] for name in names}
    said = Contribution("Patient", "p", body, "p", "merge", parts=parts)
    assert tuple(merged(said, said).body) == names  # that of a set differs from process to process
